package recipe

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Values of environment variables may be secrets: they are used, and never written. What a run stores and says has ${NAME} in their place. A record has
// it by its key, as the file has it (Written, JSON, StageJSON); paths and messages, in which a value is only a part, by looking for the value (Path, Mask).

var variable = regexp.MustCompile(`\$\$\{|\$\{([^}]*)(\}?)`)

// An UnsetError says that a text has a variable which the environment does not have.
type UnsetError struct{ Name string }

func (e *UnsetError) Error() string {
	return fmt.Sprintf("the environment variable %q is not set", e.Name)
}

// Expand puts environment variables in the place of ${NAME}; $${ stands for ${.
func Expand(text string) (string, error) { return expand(text, nil) }

// expand also notes the values, by names.
func expand(text string, used map[string]string) (string, error) {
	var bad error
	out := variable.ReplaceAllStringFunc(text, func(m string) string {
		if strings.HasPrefix(m, "$$") {
			return m[1:]
		}
		name, closed := strings.CutSuffix(m[2:], "}")
		value, ok := os.LookupEnv(name)
		switch {
		case !closed:
			bad = fmt.Errorf("%q has no closing brace", m)
		case !ok:
			bad = &UnsetError{name}
		case used != nil:
			used[name] = value
		}
		return value
	})
	return out, bad
}

// variablesIn are the names of the variables in a text.
func variablesIn(text string) (names []string) {
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[0], "$$") {
			names = append(names, m[1])
		}
	}
	return names
}

// HasVariables says whether a text has variables that Expand puts in.
func HasVariables(text string) bool { return len(variablesIn(text)) > 0 }

// literal is the text that Expand makes this one of.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// An Environment is what a document has of the environment: its texts as they are written, and the values that stand for variables. That of nil has none.
type Environment struct {
	written map[string]string // texts with variables, by place
	values  map[string]string // of variables, by name
	unset   map[string]string // variables that are not set, by the place of the text that has them: see FromRecord
	secrets map[secret]bool
	sorted  []secret // the longest first; nil: not sorted yet
}

// A secret is a text that stands for one with variables.
type secret struct {
	text    string
	written string // in its place
	dir     string // in front of written, of a relative path
	whole   bool   // it is a path: a longer name is another one
}

func newEnvironment() *Environment {
	return &Environment{written: map[string]string{}, values: map[string]string{}, unset: map[string]string{}, secrets: map[secret]bool{}}
}

// shortest is the length of values that Mask finds anywhere, if not within a word: shorter ones are in any text by chance, and are found in quotation marks
// alone.
const shortest = 4

// hide has Mask find what a text with variables stands for. A path is relative to dir.
func (e *Environment) hide(written, expanded string, isPath bool, dir string) {
	for _, name := range variablesIn(written) {
		value := e.values[name]
		for _, text := range []string{value, filepath.Clean(value), filepath.ToSlash(value)} {
			e.add(secret{text: text, written: "${" + name + "}"})
		}
	}
	e.add(secret{text: expanded, written: written})
	if !isPath || scheme.MatchString(expanded) || len(written) > longestPath {
		return
	}
	e.hidePath(written, expanded, dir)
	for i, c := range written { // and the directories that it lies in
		if above := written[:i]; c == '/' && len(variablesIn(above)) > 0 {
			if text, err := Expand(above); err == nil {
				e.hidePath(above, text, dir)
			}
		}
	}
}

// longestPath is that of file systems.
const longestPath = 4096

// hidePath has Mask find a path as fields have it, and as records do: from the root.
func (e *Environment) hidePath(written, expanded, dir string) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	for _, from := range []string{dir, abs} {
		s := secret{text: filepath.Clean(resolve(from, expanded)), written: written, dir: from, whole: true}
		if !relative(expanded) {
			s.dir = ""
		}
		if s.text != filepath.Dir(s.text) { // a root, and the working directory, are in every path
			e.add(s)
		}
	}
}

// add adds a secret, also as it is written in quotation marks.
func (e *Environment) add(s secret) {
	if s.text == "" || s.text == "." {
		return
	}
	e.sorted = nil
	if inner := quoted(s.text); inner != `"`+s.text+`"` && len(s.text) >= shortest {
		in := s
		in.text = inner[1 : len(inner)-1]
		e.secrets[in] = true
	}
	if s.whole || len(s.text) >= shortest {
		e.secrets[s] = true
		return
	}
	s.text, s.written = quoted(s.text), quoted(s.written)
	e.secrets[s] = true
}

// arrange sorts the secrets, and hides what is secret in the directories of some. Once it has done so after the last was added, Mask may be
// called from several goroutines.
func (e *Environment) arrange() []secret {
	if e.sorted == nil {
		list := slices.SortedFunc(maps.Keys(e.secrets), func(a, b secret) int {
			return cmp.Or(len(b.text)-len(a.text), strings.Compare(a.written, b.written))
		})
		plain := slices.DeleteFunc(slices.Clone(list), func(s secret) bool { return s.whole })
		for i, s := range list {
			if s.dir != "" {
				list[i].written = strings.TrimSuffix(mask(s.dir, plain), string(filepath.Separator)) + string(filepath.Separator) + s.written
			}
		}
		e.sorted = list
	}
	return e.sorted
}

// Written is the text of a key as the document has it, or else the given one, if it has no variables.
func (e *Environment) Written(key, otherwise string) string {
	if text, ok := e.written[key]; ok {
		return text
	}
	return otherwise
}

// Mask puts ${NAME} in the place of the values of variables in a message.
func (e *Environment) Mask(text string) string {
	if e == nil || len(e.secrets) == 0 {
		return text
	}
	return mask(text, e.arrange())
}

// Path is a path as a record has it: with ${NAME} in the place of the values of variables. Expand makes it the path again.
func (e *Environment) Path(path string) string { return e.Mask(literal(path)) }

// mask replaces secrets, given with the longest first, in one pass: what is put in is not looked at again.
func mask(text string, secrets []secret) string {
	if len(secrets) == 0 {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		at := slices.IndexFunc(secrets, func(s secret) bool {
			return strings.HasPrefix(text[i:], s.text) && s.stands(text[:i], text[i+len(s.text):])
		})
		if at < 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(secrets[at].written)
		i += len(secrets[at].text)
	}
	return out.String()
}

// stands says whether a secret stands by itself between what is before and what is behind it: a path is not the beginning of a longer name, and another
// text no part of a word.
func (s *secret) stands(before, behind string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(behind)
	if s.whole {
		return (before == "" || !inName(last) && last != '/' && last != '\\') && (behind == "" || !inName(next))
	}
	first, _ := utf8.DecodeRuneInString(s.text)
	end, _ := utf8.DecodeLastRuneInString(s.text)
	return !(before != "" && inWord(last) && inWord(first)) && !(behind != "" && inWord(end) && inWord(next))
}

func inWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

func inName(c rune) bool { return inWord(c) || strings.ContainsRune("._-~$", c) }

// Masked is a writer of what people are told, with Mask on every piece.
func (e *Environment) Masked(w io.Writer) io.Writer {
	if e == nil || len(e.values) == 0 {
		return w
	}
	return masked{e, w}
}

type masked struct {
	environment *Environment
	w           io.Writer
}

func (m masked) Write(b []byte) (int, error) {
	if _, err := io.WriteString(m.w, m.environment.Mask(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// MaskError is the error with Mask on its text; nil for nil.
func (e *Environment) MaskError(err error) error {
	if err == nil || e.Mask(err.Error()) == err.Error() {
		return err
	}
	return &maskedError{e.Mask(err.Error()), err}
}

type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// needs is an error that names the keys, of those that begin so, whose variables are not set.
func (e *Environment) needs(file string, keys ...string) error {
	var bad []error
	for _, place := range slices.Sorted(maps.Keys(e.unset)) {
		if slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(place, k) }) {
			bad = append(bad, fmt.Errorf("%s: %s: %w", file, place, &UnsetError{e.unset[place]}))
		}
	}
	return errors.Join(bad...)
}
