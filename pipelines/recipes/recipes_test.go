package recipes

import (
	"reflect"
	"slices"
	"testing"

	"moslava/pipelines/recipe"
)

// TestWords: every kind of word that a key asks for is in the vocabulary, and every kind in the vocabulary is asked for.
func TestWords(t *testing.T) {
	asked := map[string]bool{}
	var walk func(v reflect.Type)
	walk = func(v reflect.Type) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Field(i); f.IsExported() {
					if kind, ok := f.Tag.Lookup("words"); ok {
						asked[kind] = true
					}
					walk(f.Type)
				}
			}
		}
	}
	walk(reflect.TypeFor[recipe.Recipe]())
	words := Vocabulary().Words
	for kind := range asked {
		if len(words[kind].Known) == 0 {
			t.Errorf("there are no words of the kind %s", kind)
		}
	}
	for kind, w := range words {
		if !asked[kind] {
			t.Errorf("no key takes the words %s", kind)
		}
		if w.Usual != "" && !slices.Contains(w.Known, w.Usual) {
			t.Errorf("%s: %q is usual and not known", kind, w.Usual)
		}
	}
}

// TestAdapter: what an adapter breaks is told by the keys of a recipe.
func TestAdapter(t *testing.T) {
	keys := map[string]bool{}
	for i := range reflect.TypeFor[recipe.Adapter]().NumField() {
		keys[reflect.TypeFor[recipe.Adapter]().Field(i).Tag.Get("yaml")] = true
	}
	a := &recipe.Adapter{R: 3, Alpha: -1, Dropout: 2, Mixer: "butterfly", Start: "pissa", DoRA: true, LoRABias: true, Targets: []string{""},
		ExcludeModules: []string{"all-linear"}, ModulesToSave: []string{"re:x"}, Bias: "some"}
	found := faults(a)
	if len(found) != 10 {
		t.Errorf("%d faults are found, want 10: %v", len(found), found)
	}
	for _, f := range found {
		if !keys[f.Key] {
			t.Errorf("%q is no key of an adapter: %s", f.Key, f.Text)
		}
	}
}
