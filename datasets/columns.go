package datasets

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// RowKeys are the keys that rows are read by, sorted: those that Options.Columns may name a column for.
func RowKeys() []string {
	return pairLevel.read()
}

// read are the keys that are read, sorted.
func (l *level) read() []string {
	var out []string
	for name, k := range l.keys {
		if !k.passed && k.refused == "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// columns keep what Options.Columns and Options.Prompt make of the columns of rows.
type columns struct {
	keys   map[string]string // of a column: the key that it is taken for
	asked  []string          // keys that the prompt names
	prompt *prompt           // nil: none
	level  *level            // of a row, with the keys that only the prompt uses
	met    map[string]bool   // columns that are named and that rows have
	seen   []string          // columns of rows, in the order of their first row
	forms  []string          // in which the data lie
	files  bool              // columns named after files' names stand for the files
}

// maxSeen bounds the columns that a message lists.
const maxSeen = 40

// prepare makes the columns of options; there are none where nothing is named.
func (o *Options) prepare() error {
	if len(o.Columns) == 0 && o.Prompt == "" && !o.watch {
		return nil
	}
	c := &columns{keys: map[string]string{}, level: o.base(), met: map[string]bool{}}
	known := o.base().read()
	for _, key := range slices.Sorted(maps.Keys(o.Columns)) {
		column := o.Columns[key]
		switch other, twice := c.keys[column]; {
		case !slices.Contains(known, key):
			return fmt.Errorf("columns: %q is no key of rows that is read: %s", key, o.base().nearest(key))
		case column == "":
			return fmt.Errorf("columns: the column for %s has no name", key)
		case twice:
			return fmt.Errorf("columns: %s and %s are both to be column %q", other, key, column)
		}
		c.keys[column] = key
	}
	if o.Prompt != "" {
		c.prompt = newPrompt(o.Prompt)
		c.asked = c.prompt.names
		c.level = &level{c.level.name, maps.Clone(c.level.keys)}
		for _, name := range c.asked {
			if k := c.level.keys[name]; k.passed || k.refused != "" || k.takes == anything {
				c.level.keys[name] = key{takes: aText}
			}
		}
	}
	o.columns = c
	return nil
}

// rows is the level of a row.
func (o *Options) rows() *level {
	if o.columns == nil {
		return o.base()
	}
	return o.columns.level
}

// key is what a column of the data is taken for.
func (o *Options) key(column string) string {
	if o.columns == nil {
		return column
	}
	if key, ok := o.columns.keys[column]; ok {
		return key
	}
	if of := fileColumn(column); o.columns.files && of != column {
		return o.key(of)
	}
	if _, taken := o.Columns[column]; taken {
		return ""
	}
	return column
}

// found is key when data are opened. The error is of a column that another stands in for.
func (o *Options) found(column string) (string, error) {
	key, c := o.key(column), o.columns
	if c == nil {
		return key, nil
	}
	if !slices.Contains(c.seen, column) && len(c.seen) <= maxSeen {
		c.seen = append(c.seen, column)
	}
	if key == "" {
		return "", fmt.Errorf("column %q stands beside %q, which columns takes for %s (ignore: [%s] leaves it out)",
			column, o.Columns[column], column, column)
	}
	if c.files && c.keys[column] == "" {
		column = fileColumn(column)
	}
	if c.keys[column] != "" || slices.Contains(c.asked, key) {
		c.met[column], c.met[key] = true, true
	}
	return key, nil
}

// missing is an error that names a column which no row of the data has.
func (o *Options) missing(path string) error {
	c := o.columns
	if c == nil {
		return nil
	}
	have := "there are no rows"
	if len(c.seen) > 0 {
		have = "there are " + strings.Join(c.seen[:min(len(c.seen), maxSeen)], ", ")
	}
	for _, key := range slices.Sorted(maps.Keys(o.Columns)) {
		if column := o.Columns[key]; !c.met[column] {
			return fmt.Errorf("%s: columns: %s is to be column %q, and no row has one; %s", path, key, column, have)
		}
	}
	for _, name := range c.asked {
		// The question of rows that have one; others are captions, or answers that the prompt asks for.
		if !c.met[name] {
			return fmt.Errorf("%s: prompt: {%s} stands for a column, and no row has one; %s", path, name, have)
		}
	}
	return nil
}

// unshaped is the error of columns none of which says what is learnt.
func (o *Options) unshaped(names []string) error {
	more := ""
	if len(names) > maxSeen {
		names, more = names[:maxSeen], ", ..."
	}
	return fmt.Errorf("no column with turns (conversations, messages, instruction, query, prompt, question, texts, caption or text) among %s%s: "+
		"columns says which of them is which", strings.Join(names, ", "), more)
}

// is notes in what form the data lie.
func (o *Options) is(form string) {
	if o.columns != nil && !slices.Contains(o.columns.forms, form) {
		o.columns.forms = append(o.columns.forms, form)
	}
}

// forget takes back what was seen in an object that is no row.
func (c *columns) forget() {
	if c != nil {
		clear(c.met)
		c.seen = nil
	}
}

// prompt is what is asked of rows, nil if they say it.
func (o *Options) prompt() *prompt {
	if o.columns == nil {
		return nil
	}
	return o.columns.prompt
}

// prompts says whether the prompt has the value of a key.
func (o *Options) prompts(key string) bool {
	return o.columns != nil && slices.Contains(o.columns.asked, key)
}

// renamed makes the keys of a row of its columns.
func (o *Options) renamed(row *object) {
	if o.columns == nil {
		return
	}
	for i := range row.fields {
		row.fields[i].key = o.key(row.fields[i].key)
	}
}

// once makes sure that no two columns of a row are the same key.
func (o *Options) once(row *object) error {
	if o.columns == nil {
		return nil
	}
	for i, f := range row.fields {
		for _, before := range row.fields[:i] {
			if f.key == before.key && !isEmpty(f.value) && !isEmpty(before.value) {
				return fmt.Errorf("two columns are taken for %s", f.key)
			}
		}
	}
	return nil
}

// told says in an error about keys which columns they are.
func (o *Options) told(err error) error {
	if err == nil || o.columns == nil {
		return err
	}
	var said []string
	for _, key := range slices.Sorted(maps.Keys(o.Columns)) {
		if column := o.Columns[key]; column != key && mentions(err.Error(), key) {
			said = append(said, fmt.Sprintf("%s is column %q", key, column))
		}
	}
	if len(said) == 0 {
		return err
	}
	return fmt.Errorf("%w (%s)", err, strings.Join(said, ", "))
}

func mentions(text, key string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }), key)
}

// A prompt is what is asked of rows without a question, or what stands around their question.
type prompt struct {
	parts []string // texts, and names at odd places
	names []string
}

// placeholder is {NAME}, or a brace written twice, which stands for one.
var placeholder = regexp.MustCompile(`\{\{|\}\}|\{([\pL_][\pL\pN_.-]*)\}`)

func newPrompt(text string) *prompt {
	p := &prompt{}
	last, literal := 0, ""
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		literal += text[last:m[0]]
		last = m[1]
		if m[2] < 0 {
			literal += text[m[0] : m[0]+1]
			continue
		}
		name := text[m[2]:m[3]]
		p.parts = append(p.parts, literal, name)
		literal = ""
		if !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
	}
	p.parts = append(p.parts, literal+text[last:])
	return p
}

// fill puts the values of a row into the prompt.
func (p *prompt) fill(o *object) (string, error) {
	var b strings.Builder
	for i, part := range p.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		text, err := asText(part, o.get(part))
		if err != nil {
			return "", fmt.Errorf("prompt: %w", err)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

var errPromptUnused = errors.New("prompt is given, and what is asked stands in the row: leave prompt out, or read such data as a source of its own")

func (p *prompt) has(name string) bool { return slices.Contains(p.names, name) }
