package suites

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Definition is a suite as data: what a table does not say by itself. In a file of its own it needs tsv and what differs from the
// defaults, and can then be named wherever a table can:
//
//	name: gauges
//	tsv: gauges.tsv
//	kind: vanilla
//	columns: {question: prompt, A: first, B: second, l2-category: topic}
type Definition struct {
	Name     string            `yaml:"name"`      // in results; default: the file's name
	Title    string            `yaml:"title"`     // of the built-in ones: the benchmark's name in full
	TSV      string            `yaml:"tsv"`       // relative to the definition
	Kind     Kind              `yaml:"kind"`      // how it is counted; default: by its columns and family
	Family   Family            `yaml:"family"`    // which benchmark's rules hold; default: by name and kind
	Columns  map[string]string `yaml:"columns"`   // our name of a column: the file's
	Protocol string            `yaml:"protocol"`  // what it is asked under unless somebody says otherwise
	Images   string            `yaml:"images"`    // a folder of the pictures that image_path names, relative to the definition, before the table's own
	TextRows bool              `yaml:"text_rows"` // rows may have no picture, and are then asked from their text alone
	Chance   float64           `yaml:"chance"`    // what guessing is expected to reach; checked against the table if it is given
}

//go:embed suites.yaml
var builtin embed.FS

// Definitions are the built-in ones, in the order of the file.
func Definitions() ([]Definition, error) {
	ds, err := definitions()
	return slices.Clone(ds), err
}

var definitions = sync.OnceValues(func() ([]Definition, error) {
	b, err := builtin.ReadFile("suites.yaml")
	if err != nil {
		return nil, err
	}
	var ds []Definition
	if err := decodeYAML(b, &ds); err != nil {
		return nil, fmt.Errorf("suites.yaml: %w", err)
	}
	for _, d := range ds {
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("suites.yaml: %s: %w", d.Name, err)
		}
	}
	return ds, nil
})

// DefinitionNamed finds a built-in definition; case and the characters - and _ do not matter.
func DefinitionNamed(name string) (Definition, error) {
	ds, err := Definitions()
	if err != nil {
		return Definition{}, err
	}
	flat := func(s string) string {
		return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
	}
	names := make([]string, len(ds))
	for i, d := range ds {
		if flat(d.Name) == flat(name) {
			return d, nil
		}
		names[i] = d.Name
	}
	return Definition{}, fmt.Errorf("found suite %q, expected a file or one of %s", name, strings.Join(names, ", "))
}

func decodeYAML(b []byte, to any) error {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(to); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (d Definition) check() error {
	kinds := []Kind{"", Circular, Vanilla, YesNo, YesNoPairs, Open, Mixed}
	if !slices.Contains(kinds, d.Kind) {
		return fmt.Errorf("found kind %q, expected one of %v", d.Kind, kinds[1:])
	}
	if d.Family != "" && !slices.Contains(Families(), d.Family) {
		return fmt.Errorf("found family %q, expected one of %v", d.Family, Families())
	}
	if d.Chance < 0 || d.Chance > 1 {
		return fmt.Errorf("found chance %v, expected 0 to 1", d.Chance)
	}
	for ours := range d.Columns {
		letter := len(ours) == 1 && ours[0] >= 'A' && ours[0] <= 'Z'
		if !letter && !slices.Contains(append([]string{"index", "answer", "image", "image_path"}, textColumns...), ours) {
			return fmt.Errorf("found column %q, expected index, question, answer, image, image_path, A to Z, or one of %s", ours, strings.Join(textColumns, ", "))
		}
	}
	return nil
}

// Benchmark is the family that the definition names, or that its name and kind tell.
func (d Definition) Benchmark() Family {
	if d.Family != "" {
		return d.Family
	}
	return familyOf(d.Name, d.Kind)
}

// Options are those of the suite that the definition describes. What opt says already stays.
func (d Definition) Options(opt Options) Options {
	if opt.Name == "" {
		opt.Name = d.Name
	}
	if opt.Kind == "" {
		opt.Kind = d.Kind
	}
	if opt.Family == "" {
		opt.Family = d.Family
	}
	if opt.Columns == nil {
		opt.Columns = d.Columns
	}
	opt.TextRows = opt.TextRows || d.TextRows
	return opt
}

// ReadDefinition reads a definition from a .yaml file. TSV and Images are then paths from where the program is. That its
// protocol has rules for the suite is for the caller to find out.
func ReadDefinition(path string) (d Definition, err error) {
	b, err := ReadWhole(path)
	if err != nil {
		return d, err
	}
	if err := decodeYAML(b, &d); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	if d.TSV == "" {
		return d, fmt.Errorf("%s: found no tsv, expected the path of a table", path)
	}
	if ext := strings.ToLower(filepath.Ext(d.TSV)); ext == ".yaml" || ext == ".yml" {
		return d, fmt.Errorf("%s: found tsv %q, expected a table", path, d.TSV)
	}
	if d.Name == "" {
		d.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	if err := d.check(); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	beside := func(name string) string {
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(path), name)
	}
	d.TSV, d.Images = beside(d.TSV), beside(d.Images)
	return d, nil
}

// Open opens the definition's table. What opt says already stays.
func (d Definition) Open(opt Options) (*Suite, error) {
	opt = d.Options(opt)
	if d.Images != "" {
		opt.Images = append(slices.Clip(opt.Images), d.Images)
	}
	s, err := OpenFile(d.TSV, opt)
	if err != nil {
		return nil, err
	}
	s.Protocol = d.Protocol
	if d.Chance > 0 {
		if got := chanceOf(s.Items); got < d.Chance-0.005 || got > d.Chance+0.005 {
			return nil, fmt.Errorf("found chance %v, expected %.4f, which is what guessing reaches in the table", d.Chance, got)
		}
	}
	return s, nil
}

// chanceOf is the share of rows that a blind guesser gets right on average.
func chanceOf(items []Item) float64 {
	sum := 0.0
	for _, it := range items {
		sum += 1 / it.OptionCount()
	}
	return sum / float64(len(items))
}
