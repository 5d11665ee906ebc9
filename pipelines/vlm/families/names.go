package families

import (
	"slices"
	"strings"

	"moslava/language"
	"moslava/vision"
)

// names are those of a family's parameters in files and in memory.
type names struct {
	// files pairs prefixes of the program's names with those of published files; none where they are the same.
	files []prefix
	// memory pairs prefixes of published module paths with those that transformers 5 has in memory, which is what PEFT looks
	// adapters up by.
	memory []prefix
	// bare are prefixes of a tower in files whose names lack the level that transformers 5 leaves out, see vision.Config.Bare.
	bare []string
	// own is the prefix of a tower in the files of the project that made the family; empty: there are none.
	own string
	// connector lists other prefixes of a connector's parameters in files that hold it, in the order in which they are tried.
	connector []prefix
	// connectorParts are what the names of a connector's tensors begin with in any of those.
	connectorParts []string
	// besideTower and besideDecoder are what the names of the other parts begin with in the family's files.
	besideTower, besideDecoder []string
}

// A prefix of published names, and what stands in its place elsewhere.
type prefix struct{ published, other string }

// swap is name with the first prefix that fits changed; name itself if none does.
func swap(table []prefix, name string) string {
	for _, p := range table {
		if rest, ok := strings.CutPrefix(name, p.published); ok {
			return p.other + rest
		}
	}
	return name
}

// FileName is a parameter's name in the family's published files.
func (m *Model) FileName(name string) string {
	if !m.HasVision() {
		return name
	}
	return swap(m.Family.names.files, name)
}

// MemoryName is the path that transformers has in memory for a module, given by its published path. A decoder alone has no level
// above its own.
func (m *Model) MemoryName(published string) string {
	if !m.HasVision() {
		return strings.TrimPrefix(published, Language)
	}
	if tower, ok := strings.CutPrefix(published, Vision); ok {
		published = Vision + m.Vision.MemoryName(tower)
	}
	return swap(m.Family.names.memory, published)
}

// PublishedName turns a module path as transformers 5 has it in memory, a published one, or one of the decoder alone, which
// LLaVA's own adapters have, into the published one.
func (m *Model) PublishedName(name string) string {
	if !m.HasVision() {
		return Language + strings.TrimPrefix(name, Language)
	}
	for _, p := range m.Family.names.memory {
		if rest, ok := strings.CutPrefix(name, p.other); ok {
			name = p.published + rest
			break
		}
	}
	if tower, ok := strings.CutPrefix(name, Vision); ok {
		return Vision + m.Vision.PublishedName(tower)
	}
	for _, part := range []string{"model.layers.", "model.embed_tokens", "model.norm"} {
		if strings.HasPrefix(name, part) {
			return Language + name
		}
	}
	return name
}

// Stored lists other names under which a whole model's files hold a parameter, given by its published name, in the order in
// which they are tried: those in memory, with and without the level that a tower loses in transformers 5.
func (m *Model) Stored(published string) (list []string) {
	n := &m.Family.names
	list = appendNew(list, published, m.FileName(published))
	list = appendNew(list, published, swap(n.memory, published))
	if tower, ok := strings.CutPrefix(published, Vision); ok {
		for _, p := range n.bare {
			list = appendNew(list, published, p+m.Vision.Bare(tower))
		}
	}
	return list
}

// TowerStored lists other names under which a file holds a parameter of a tower, given by its name without prefix: a file of the
// tower by itself, or of a model of any family.
func TowerStored(c *vision.Config) func(published string) []string {
	return func(published string) []string {
		list := c.Stored(published)
		for _, f := range all {
			list = appendNew(list, published, Vision+published)
			for _, p := range f.names.bare {
				list = appendNew(list, published, p+c.Bare(published))
			}
			if f.names.own != "" && c.Bare(published) != published { // LLaVA itself has no DINOv2
				list = appendNew(list, published, f.names.own+published)
			}
		}
		return list
	}
}

// DecoderStored lists other names under which a file holds a parameter of a decoder, given by its name without prefix: a file of
// the decoder by itself, or of a model of any family.
func DecoderStored(c *language.Config) func(published string) []string {
	return func(published string) (list []string) {
		for _, f := range all {
			list = appendNew(list, published, Language+published)
			list = appendNew(list, published, swap(f.names.memory, Language+published))
		}
		return append(list, c.Stored(published)...)
	}
}

// ConnectorStored lists other names under which a file holds a parameter of a connector, given by its published name.
func ConnectorStored(published string) (list []string) {
	for _, f := range all {
		for _, p := range f.names.connector {
			if rest, ok := strings.CutPrefix(published, p.published); ok {
				list = append(list, p.other+rest)
			}
		}
	}
	return list
}

// IsConnector recognises the tensors of a connector in a file that may hold others.
func IsConnector(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "base_model.model."), "model.")
	if name != "" && name[0] >= '0' && name[0] <= '9' { // XTuner's model.N
		return true
	}
	return anyBegins(name, func(n *names) []string { return n.connectorParts })
}

// IsBesideTower recognises tensors that stand in a file with a tower and take no part in its hidden states.
func IsBesideTower(name string) bool {
	return vision.IsBeside(name) || anyBegins(name, func(n *names) []string { return n.besideTower })
}

// IsBesideDecoder recognises what the files of whole models hold beside the decoder.
func IsBesideDecoder(name string) bool {
	return anyBegins(name, func(n *names) []string { return n.besideDecoder })
}

// anyBegins reports whether name begins with one of a family's prefixes.
func anyBegins(name string, prefixes func(*names) []string) bool {
	return slices.ContainsFunc(all, func(f *Family) bool {
		return slices.ContainsFunc(prefixes(&f.names), func(p string) bool { return strings.HasPrefix(name, p) })
	})
}

// appendNew appends a name unless it is the published one or there.
func appendNew(list []string, published, name string) []string {
	if name == published || slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
