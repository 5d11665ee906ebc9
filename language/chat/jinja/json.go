package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// FromJSON reads a variable for Render; the keys of objects keep their order. Numbers without a point are integers.
func FromJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := readJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text behind the JSON value")
	}
	return v, nil
}

func readJSON(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("a JSON value of more than %d levels", maxNesting)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if !strings.ContainsAny(t.String(), ".eE") {
			n, err := strconv.Atoi(t.String())
			if err != nil {
				return nil, fmt.Errorf("the number %.30s does not fit into 64 bits", t)
			}
			return n, nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			return readArray(d, depth+1)
		}
		return readObject(d, depth+1)
	}
	return t, nil
}

func readArray(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := readJSON(d, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}

func readObject(d *json.Decoder, depth int) (any, error) {
	out := Pairs{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readJSON(d, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, Pair{key.(string), v})
	}
	_, err := d.Token()
	return out, err
}
