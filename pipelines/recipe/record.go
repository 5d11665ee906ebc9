package recipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"moslava/internal/sealed"
)

// source is what a recipe was read from. With it a record can be read again, whatever has become of the file.
type source struct {
	File      string   `json:"file"`                // absolute, ${NAME} in the place of values of variables
	Relative  string   `json:"relative,omitempty"`  // the same from the directory of the record, for when both have moved
	Overrides []string `json:"overrides,omitempty"` // as Load takes them
	Text      string   `json:"text"`                // of the file
}

// sourceKey is the key of a record beside those of the recipe.
const sourceKey = "source"

// Record is JSON with a hash of itself (CheckRecord) and, under the key source, what FromRecord reads again: the recipe's text, its overrides and its file,
// as seen from the directory that the record is in.
func (r *Recipe) Record(dir string) ([]byte, error) {
	all, err := r.all()
	if err != nil {
		return nil, err
	}
	file, err := filepath.Abs(r.file)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	s := source{File: r.WrittenPath(file), Text: string(r.text)}
	if rel, err := filepath.Rel(dir, file); err == nil {
		s.Relative = filepath.ToSlash(r.WrittenPath(rel))
	}
	for _, set := range r.sets {
		key, value, _ := strings.Cut(set, "=")
		s.Overrides = append(s.Overrides, r.writtenKey(key)+"="+r.Mask(value))
	}
	all[sourceKey] = s
	return sealed.Encode(all, recordIndent, sealOf(all))
}

const recordIndent = "  "

// hashKey is the key of a record's hash of itself.
const hashKey = "record_sha256"

func sealOf(all map[string]any) func(string) {
	return func(sum string) {
		if delete(all, hashKey); sum != "" {
			all[hashKey] = sum
		}
	}
}

// CheckRecord says whether a text is the record that was written. Those of earlier versions have no hash, and no key that is not a recipe's.
func CheckRecord(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return fmt.Errorf("is damaged, or no record of a recipe: %w", err)
	}
	all := map[string]any{}
	for k, v := range fields {
		all[k] = v
	}
	var sum string
	if text, ok := fields[hashKey]; ok && json.Unmarshal(text, &sum) == nil && sum != "" {
		return sealed.Check(b, all, recordIndent, sum, sealOf(all))
	}
	known, err := (&Recipe{environment: new(Environment)}).all()
	if err != nil {
		return err
	}
	for k := range fields {
		if _, ok := known[k]; !ok && k != sourceKey {
			return fmt.Errorf("has the key %q, which no record has: it was damaged, or edited", k)
		}
	}
	return nil
}

// writtenKey is the key of an override with a stage's name as it is written.
func (r *Recipe) writtenKey(key string) string {
	parts := strings.SplitN(key, ".", 3)
	if len(parts) < 2 || parts[0] != "stages" {
		return key
	}
	if _, i := r.Stage(parts[1]); i >= 0 {
		parts[1] = r.Written().Stages[i].Name
	}
	return strings.Join(parts, ".")
}

// ErrNoSource is the error of records that an earlier version wrote.
var ErrNoSource = errors.New("the record does not say what recipe it is of: an earlier version wrote it")

// FromRecord reads the recipe of a record in a directory. Its relative paths are relative to where its file was, or to
// where that is as seen from the record if both have moved. Variables are those of the environment now. One that is not set
// is an error only where what it stands for is needed, see ModelNeeds; until then a text with it is as it is written.
func (v *Vocabulary) FromRecord(b []byte, dir string) (*Recipe, error) {
	var record struct {
		Source *source `json:"source"`
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&record); err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	s := record.Source
	if s == nil {
		return nil, ErrNoSource
	}
	file, err := s.file(dir)
	d := newDecoder(v, file, s.Overrides)
	d.ofRecord = true
	if unset := new(UnsetError); errors.As(err, &unset) {
		d.lost = unset.Name
	} else if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return parse(d, []byte(s.Text))
}

// file is where the recipe's file was, or is now. With an error it is that as it is written.
func (s *source) file(dir string) (string, error) {
	file, err := Expand(s.File)
	if err == nil {
		if _, err := os.Stat(filepath.Dir(file)); err == nil || s.Relative == "" {
			return file, nil
		}
	}
	if moved, relErr := Expand(s.Relative); relErr == nil && s.Relative != "" {
		return filepath.Abs(filepath.Join(dir, filepath.FromSlash(moved)))
	}
	if err != nil {
		return s.File, fmt.Errorf("%s: %w", s.File, err)
	}
	return file, nil
}
