// Command render renders chat templates with variables that come as JSON, for comparison with transformers.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"moslava/language/chat/jinja"
)

type job struct {
	Template string
	Now      time.Time
	Vars     []json.RawMessage // an object for each rendering
}

type result struct {
	Text  string `json:"text"`
	Error string `json:"error"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

// run reads jobs, one JSON object after another, and writes a list of results for each, one a line.
func run(in io.Reader, out io.Writer) error {
	jobs, results := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var j job
		if err := jobs.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		rendered, err := j.render()
		if err != nil {
			return err
		}
		if err := results.Encode(rendered); err != nil {
			return err
		}
	}
}

func (j job) render() ([]result, error) {
	t, bad := jinja.Parse(j.Template)
	var out []result
	for _, raw := range j.Vars {
		var vars map[string]json.RawMessage
		if err := json.Unmarshal(raw, &vars); err != nil {
			return nil, err
		}
		given := map[string]any{}
		for name, raw := range vars {
			v, err := jinja.FromJSON(raw)
			if err != nil {
				return nil, err
			}
			given[name] = v
		}
		var r result
		err := bad
		if err == nil {
			r.Text, err = t.Render(given, jinja.Options{Now: j.Now})
		}
		if err != nil {
			r.Error = err.Error()
		}
		out = append(out, r)
	}
	return out, nil
}
