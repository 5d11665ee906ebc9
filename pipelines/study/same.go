package study

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"moslava/pipelines/recipe"
)

// indifferent are keys of a recipe that change no result, or that say where it is written.
var indifferent = []string{"name", "run_dir", "threads", "workers", "save_every", "keep", "checkpointing"}

// settings are all keys of a cell's recipe that decide its result, those with their default value included.
func settings(r *recipe.Recipe) (json.RawMessage, error) {
	b, err := r.JSON()
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	strip(all)
	return json.Marshal(all)
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range indifferent {
			delete(v, k)
		}
		for _, e := range v {
			strip(e)
		}
	case []any:
		for _, e := range v {
			strip(e)
		}
	}
}

// changed says which setting a cell was not run with, empty if none. Settings that a record does not have did not exist when
// it was written: finished cells of a study stay finished when a newer program knows more keys.
func changed(was, now json.RawMessage) (string, error) {
	var a, b any
	if err := json.Unmarshal(was, &a); err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	if err := json.Unmarshal(now, &b); err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	return differs("", a, b), nil
}

func differs(key string, was, now any) string {
	switch was := was.(type) {
	case map[string]any:
		new, ok := now.(map[string]any)
		if !ok {
			return key
		}
		for _, k := range slices.Sorted(maps.Keys(was)) {
			if d := differs(key+"."+k, was[k], new[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		new, ok := now.([]any)
		if !ok || len(new) != len(was) {
			return key
		}
		for i := range was {
			if d := differs(fmt.Sprintf("%s.%d", key, i), was[i], new[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(was, now) {
		return fmt.Sprintf("%s was %v and is %v", key[1:], was, now)
	}
	return ""
}
