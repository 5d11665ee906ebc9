package recipe

import (
	"fmt"

	"moslava/internal/infile"
)

// A Vocabulary is what recipes say about things of other packages: their names and their rules. This package has none of
// its own; pipelines/recipes has the program's.
type Vocabulary struct {
	// Words are the names that a key with the tag `words:"KIND"` takes, by kind.
	Words map[string]Words
	// Adapter says which rules an adapter breaks whose keys are right one by one.
	Adapter func(a *Adapter) []Fault
	// ChangesWeights reports whether an adapter that starts so changes the weights that it is on.
	ChangesWeights func(start string) bool
	// Reference reports whether a loss of preferences compares with the model without adapters.
	Reference func(loss string) bool
	// Shard says what is wrong with the part of a suite that a text names.
	Shard func(text string) error
}

// Words are names of one kind.
type Words struct {
	Known []string // in the order in which messages list them
	// Usual is what a key that is left out means, where its default tag does not say it.
	Usual   string
	Refused map[string]string // names that one may think of, and why they do not do
}

// A Fault is a rule that is broken.
type Fault struct {
	Key  string // among those of what it is about
	Text string // what was found and what was expected, to be read after the key
}

// Load reads the recipe in a file, with overrides as Override takes them.
func (v *Vocabulary) Load(path string, overrides ...string) (*Recipe, error) {
	b, err := infile.Read(path, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return parse(newDecoder(v, path, overrides), b)
}

// Parse reads a recipe from memory. The name is used in messages, and its directory
// as the one relative paths are relative to.
func (v *Vocabulary) Parse(name string, b []byte) (*Recipe, error) {
	return parse(newDecoder(v, name, nil), b)
}

// unlessUsual is the word, empty if it is what leaving the key out means.
func (w Words) unlessUsual(word string) string {
	if word == w.Usual {
		return ""
	}
	return word
}
