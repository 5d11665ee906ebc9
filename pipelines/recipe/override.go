package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Override sets single values, each given as key.path=value with the value in YAML, as in
//
//	seed=7    stages.tune.lr=1e-4    stages.0.data=[a, b]    stages.tune.adapters.language.r=64
//
// A stage is named by its name, by its kind if it has no name, or by its place from 0. The result is checked
// as if the file had said so; when that fails, the error is an *Error, and the recipe stays as it was.
func (r *Recipe) Override(sets []string) error {
	changed, err := newDecoder(r.words, r.file, slices.Concat(r.sets, sets)).build(r.root)
	if err != nil {
		return err
	}
	changed.text = r.text
	*r = *changed
	return nil
}

// override works one key.path=value into a document; its nodes get the given line.
func override(root *yaml.Node, set string, line int) error {
	path, text, ok := strings.Cut(set, "=")
	if !ok || path == "" {
		return errors.New("expected key.path=value")
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("the value is not YAML: %w", err)
	}
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	if len(doc.Content) == 1 {
		value = doc.Content[0]
	}
	relocate(value, line)
	n := root
	keys := strings.Split(path, ".")
	for i, key := range keys {
		if key == "" {
			return fmt.Errorf("%q has an empty part, expected key.path=value", path)
		}
		var leaf *yaml.Node
		if i == len(keys)-1 {
			leaf = value
		}
		next, err := step(n, key, leaf, line)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(keys[:i+1], "."), err)
		}
		n = next
	}
	return nil
}

// step goes from a node to what key names in it, making it if it is a new key of a mapping.
// With a leaf, that takes the place of what was there.
func step(n *yaml.Node, key string, leaf *yaml.Node, line int) (*yaml.Node, error) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key && n.Content[i].ShortTag() != "!!merge" {
				return replace(n.Content, i+1, leaf)
			}
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key, Line: line}
		value := leaf
		if value == nil {
			if value = clone(inherited(n, key, map[*yaml.Node]bool{})); value == nil {
				value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: line}
			}
		}
		n.Content = append(n.Content, name, value)
		return value, nil
	case yaml.SequenceNode:
		at, err := strconv.Atoi(key)
		if err != nil {
			at = slices.IndexFunc(n.Content, func(c *yaml.Node) bool { return isCalled(c, key) })
		}
		if at < 0 || at >= len(n.Content) {
			return nil, fmt.Errorf("the list has %d entries and none is called %q", len(n.Content), key)
		}
		return replace(n.Content, at, leaf)
	}
	return nil, fmt.Errorf("what it would stand in is %s", describe(n))
}

// replace puts leaf in the place of a node, or returns the node there: its own copy, if it is an alias.
func replace(in []*yaml.Node, i int, leaf *yaml.Node) (*yaml.Node, error) {
	if leaf != nil {
		in[i] = leaf
	} else if in[i].Kind == yaml.AliasNode {
		in[i] = clone(in[i])
	}
	return in[i], nil
}

// target is the node an alias stands for, or the node itself.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// clone copies a tree of nodes. Aliases in the copy go on standing for what they stood for, so that
// overriding a value changes it in that place alone.
func clone(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	c := *target(n)
	c.Anchor, c.Content = "", slices.Clone(c.Content)
	for i, child := range c.Content {
		if child.Kind != yaml.AliasNode {
			c.Content[i] = clone(child)
		}
	}
	return &c
}

// lookup finds a key in a mapping or in what its << brings in; had holds the mappings searched before.
func lookup(n *yaml.Node, key string, had map[*yaml.Node]bool) *yaml.Node {
	n = target(n)
	if n.Kind != yaml.MappingNode || had[n] {
		return nil
	}
	had[n] = true
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key && n.Content[i].ShortTag() != "!!merge" {
			return n.Content[i+1]
		}
	}
	return inherited(n, key, had)
}

// inherited finds a key in what the << of a mapping brings in.
func inherited(n *yaml.Node, key string, had map[*yaml.Node]bool) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() != "!!merge" {
			continue
		}
		from := []*yaml.Node{n.Content[i+1]}
		if t := target(from[0]); t.Kind == yaml.SequenceNode {
			from = t.Content
		}
		for _, m := range from {
			if v := lookup(m, key, had); v != nil {
				return v
			}
		}
	}
	return nil
}

// called is the name of a stage in a document: its name, else its kind.
func called(n *yaml.Node) string {
	for _, key := range []string{"name", "kind"} {
		if v := lookup(n, key, map[*yaml.Node]bool{}); v != nil && target(v).Kind == yaml.ScalarNode {
			return target(v).Value
		}
	}
	return ""
}

// isCalled says whether a stage in a document has a name, as it is written or with its variables put in.
func isCalled(n *yaml.Node, name string) bool {
	written := called(n)
	text, err := Expand(written)
	return written == name || err == nil && text == name
}

// relocate gives a tree of nodes a line.
func relocate(n *yaml.Node, line int) {
	n.Line = line
	for _, c := range n.Content {
		relocate(c, line)
	}
}
