package suites

import (
	"slices"
	"strings"
	"testing"
)

func TestDefinitions(t *testing.T) {
	ds, err := Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		if _, err := DefinitionNamed(strings.ToUpper(strings.ReplaceAll(d.Name, "-", "_"))); err != nil {
			t.Error(err)
		}
	}
	for _, c := range CommonsenseSets {
		for _, set := range c.Names {
			if !slices.ContainsFunc(ds, func(d Definition) bool { return d.Name == set }) {
				t.Errorf("no definition is called %s", set)
			}
		}
	}
}
