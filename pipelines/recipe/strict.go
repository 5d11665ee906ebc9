package recipe

import (
	"maps"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"
)

// Decode reads another YAML file by the rules of recipes (see the package's comment) into the struct that into points to, whose
// tags are those of the types here. check, if not nil, then reports what no key can tell by itself: has says whether a key is
// present, report is given the key that a problem is with. All problems come back in one *Error. Texts of fields with the tag expand:"-"
// keep their variables.
func Decode(name string, b []byte, into any, check func(has func(key string) bool, report func(key, format string, args ...any))) (*Environment, error) {
	root, err := document(name, b)
	if err != nil {
		return nil, err
	}
	d := newDecoder(&Vocabulary{}, name, nil)
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	d.document(root, v)
	if check != nil {
		check(d.has, d.at)
	}
	d.environment.arrange()
	return d.environment, d.err()
}

// A Selection says which part of a recipe is wanted.
type Selection struct {
	Stages []string // names of those kept, in the recipe's order; one whose model came from another takes the recipe's own
	From   string   // if not empty, a model directory in the place of the model, as a recipe has it: see Environment.Path
	Export string   // if not empty, the name of a stage added at the end, which exports the model for From

	Environment *Environment // of the document that selects, whose values are hidden as well; may be nil
}

// Select is the selected part of the recipe, with changes as Override takes them.
func (r *Recipe) Select(sel Selection, sets ...string) (*Recipe, error) {
	d := newDecoder(r.words, r.file, slices.Concat(r.sets, sets))
	if sel.Environment != nil {
		maps.Copy(d.environment.values, sel.Environment.values)
		maps.Copy(d.environment.secrets, sel.Environment.secrets)
	}
	return d.build(sel.of(r.root))
}

// of makes the document of the selected part.
func (sel Selection) of(root *yaml.Node) *yaml.Node {
	top := clone(root)
	for i := 0; i+1 < len(top.Content); i += 2 {
		switch top.Content[i].Value {
		case "model":
			if sel.From != "" {
				top.Content[i+1] = modelFrom(top.Content[i+1], sel.From)
			}
		case "stages":
			list := clone(top.Content[i+1])
			list.Content = slices.DeleteFunc(list.Content, func(n *yaml.Node) bool {
				return !slices.ContainsFunc(sel.Stages, func(name string) bool { return isCalled(n, name) })
			})
			for j, n := range list.Content {
				list.Content[j] = rooted(n, sel.Stages)
			}
			if sel.Export != "" {
				list.Content = append(list.Content, mapping(list.Line, "kind", Export, "name", sel.Export, "format", "hf"))
			}
			top.Content[i+1] = list
		}
	}
	return top
}

// mapping makes a mapping of texts.
func mapping(line int, keysAndValues ...string) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
	for _, text := range keysAndValues {
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: line})
	}
	return m
}

// modelFrom is a model's mapping with a directory in the place of the keys that make one of two towers, or of the decoder that is all of it.
func modelFrom(model *yaml.Node, from string) *yaml.Node {
	m := clone(model)
	key := "from"
	if lookup(m, "from", map[*yaml.Node]bool{}) == nil && lookup(m, "vision", map[*yaml.Node]bool{}) == nil {
		key = "language" // a decoder alone stays one
	}
	kept := mapping(m.Line, key, from).Content
	for i := 0; i+1 < len(m.Content); i += 2 {
		switch m.Content[i].Value {
		case "from", "vision", "language", "init", "projector", "feature_layer", "select_strategy",
			"add_tokens", "add_special_tokens": // what from has already
		default:
			kept = append(kept, m.Content[i], m.Content[i+1])
		}
	}
	m.Content = kept
	return m
}

// rooted is a stage that takes the recipe's own model if the one whose it took is not there.
func rooted(stage *yaml.Node, stages []string) *yaml.Node {
	s := clone(stage)
	for i := 0; i+1 < len(s.Content); i += 2 {
		if s.Content[i].Value != "from" {
			continue
		}
		if from, err := Expand(target(s.Content[i+1]).Value); err == nil && !slices.Contains(stages, from) { // with an error the decoder gives it
			s.Content[i+1] = mapping(s.Line, "from", "model").Content[1]
		}
	}
	return s
}
