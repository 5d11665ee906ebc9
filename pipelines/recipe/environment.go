package recipe

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Values of environment variables may be secrets: they are used, and never written. What a run stores and says has ${NAME} in their place.

var variable = regexp.MustCompile(`\$?\$\{([^}]*)(\}?)`)

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
			bad = fmt.Errorf("the environment variable %q is not set", name)
		case used != nil:
			used[name] = value
		}
		return value
	})
	return out, bad
}

// usesVariables says whether expanding changes a text by what the environment says.
func usesVariables(text string) bool {
	return slices.ContainsFunc(variable.FindAllString(text, -1), func(m string) bool { return !strings.HasPrefix(m, "$$") })
}

// shortest is the length of values that Mask finds: shorter ones are in any text by chance.
const shortest = 4

// Mask puts ${NAME} in the place of the values of variables that the recipe uses.
func (r *Recipe) Mask(text string) string { return mask(text, r.variables) }

func mask(text string, values map[string]string) string {
	longestFirst := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(len(values[b])-len(values[a]), strings.Compare(a, b))
	})
	for _, name := range longestFirst {
		value := values[name]
		if len(value) < shortest {
			continue
		}
		text = strings.ReplaceAll(text, value, "${"+name+"}")
		if clean := filepath.Clean(value); clean != value && len(clean) >= shortest { // as a path it is written so
			text = strings.ReplaceAll(text, clean, "${"+name+"}")
		}
	}
	return text
}

// Masked is a writer of what people are told, with Mask on every piece.
func (r *Recipe) Masked(w io.Writer) io.Writer {
	if len(r.variables) == 0 {
		return w
	}
	return masked{r, w}
}

type masked struct {
	recipe *Recipe
	w      io.Writer
}

func (m masked) Write(b []byte) (int, error) {
	if _, err := io.WriteString(m.w, m.recipe.Mask(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// MaskError is the error with Mask on its text; nil for nil.
func (r *Recipe) MaskError(err error) error {
	if err == nil || len(r.variables) == 0 || r.Mask(err.Error()) == err.Error() {
		return err
	}
	return &maskedError{r.Mask(err.Error()), err}
}

type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// Variables are the values, by name, of the environment variables that decide what stage i leaves behind.
func (r *Recipe) Variables(i int) map[string]string {
	return r.variablesOf("seed", "model.", "data.", "stages."+strconv.Itoa(i)+".")
}

// ModelVariables are those of them that decide what the first stage starts from.
func (r *Recipe) ModelVariables() map[string]string { return r.variablesOf("seed", "model.") }

// variablesOf are the variables in the texts of some keys, given as they begin.
func (r *Recipe) variablesOf(keys ...string) map[string]string {
	out := map[string]string{}
	for key, text := range r.raw {
		if slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(key, k) }) {
			for _, m := range variable.FindAllStringSubmatch(text, -1) {
				if value, ok := r.variables[m[1]]; ok {
					out[m[1]] = value
				}
			}
		}
	}
	return out
}

// place is a key as Reads and JSON count it: a single value that stands for a list is its first entry.
func (d *decoder) place(key string) string {
	at, out := "", ""
	for part := range strings.SplitSeq(key, ".") {
		at, out = join(at, part), join(out, part)
		if d.single[at] {
			out = join(out, "0")
		}
	}
	return out
}

// derive notes that a value which is worked out follows from that of another key.
func (d *decoder) derive(key, from string, change func(string) string) {
	if text, ok := d.raw[d.place(from)]; ok {
		d.raw[d.place(key)] = change(text)
	}
}

func same(text string) string { return text }
