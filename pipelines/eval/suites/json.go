package suites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"moslava/internal/infile"
)

// maxJSONSuite bounds a suite or prediction file that is read as a whole.
const maxJSONSuite = 256 << 20

// openJSON reads a suite from a JSON file: a list of LLM-Adapters' commonsense questions, or, for answers that are
// there, TextVQA's annotations, a list of MMMU's outputs or its answer dictionary, in which case answers are taken as
// they are.
func openJSON(path string, opt Options) (*Suite, error) {
	b, err := ReadWhole(path)
	if err != nil {
		return nil, err
	}
	return FromJSON(path, b, opt)
}

// FromJSON makes a suite of the content of a JSON file; see openJSON. file stands for it in errors.
func FromJSON(file string, b []byte, opt Options) (*Suite, error) {
	if opt.Name == "" {
		opt.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	var records []mmmuRecord
	var annotations struct{ Data json.RawMessage }
	if isObject(b) && json.Unmarshal(b, &annotations) == nil && annotations.Data != nil {
		return fromTextVQA(file, annotations.Data, opt)
	}
	if isObject(b) {
		names, byName, err := ordered[mmmuRecord](b)
		if err != nil {
			return nil, fmt.Errorf("%s: found no dictionary of answers: %w", file, err)
		}
		for i, n := range names {
			byName[i].ID, byName[i].Answer = n, byName[i].GroundTruth
		}
		records = byName
	} else {
		var kinds []struct {
			QuestionType *string `json:"question_type"`
		}
		if err := json.Unmarshal(b, &kinds); err != nil || len(kinds) == 0 || kinds[0].QuestionType == nil {
			return readCommonsense(file, b, opt)
		}
		if err := json.Unmarshal(b, &records); err != nil {
			return nil, fmt.Errorf("%s: found no list of MMMU's outputs: %w", file, err)
		}
	}
	if !opt.TextOnly {
		return nil, fmt.Errorf("%s: found MMMU's outputs or answers, which have no questions: they can be scored, not asked", file)
	}
	return fromRecords(file, records, opt)
}

func isObject(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) }

// ReadWhole reads a file of at most 256 MiB.
func ReadWhole(path string) ([]byte, error) {
	return infile.Read(path, maxJSONSuite)
}

// ordered reads an object's members in their order, which maps lose. A key that is there twice is an error.
func ordered[T any](b []byte) (names []string, values []T, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return nil, nil, fmt.Errorf("found key %v again or out of place", key)
		}
		seen[name] = true
		var v T
		if err := dec.Decode(&v); err != nil {
			return nil, nil, fmt.Errorf("key %q: %w", name, err)
		}
		names, values = append(names, name), append(values, v)
	}
	return names, values, nil
}

// OrderedTexts reads an object of texts, in its order.
func OrderedTexts(b []byte) (names, texts []string, err error) { return ordered[string](b) }
