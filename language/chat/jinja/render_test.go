package jinja

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2025, 3, 7, 9, 5, 2, 0, time.UTC) // in scripts/interop/check_templates.py, too

// variables are those that testdata/expressions.json was made with.
func variables(t testing.TB) map[string]any {
	t.Helper()
	vars := map[string]any{}
	for name, raw := range readJSONFile[map[string]json.RawMessage](t, "testdata/variables.json") {
		v, err := FromJSON(raw)
		if err != nil {
			t.Fatal(err)
		}
		vars[name] = v
	}
	return vars
}

func readJSONFile[T any](t testing.TB, path string) (v T) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// refused says that Python has it and this package, on purpose, has not.
func refused(err error) bool {
	for _, why := range []string{"not supported", "64 bits", "cannot be printed"} {
		if strings.Contains(err.Error(), why) {
			return true
		}
	}
	return false
}

func TestTemplatesAsTransformers(t *testing.T) {
	vars := variables(t)
	refusals := 0
	rows := readJSONFile[[][2]*string](t, "testdata/expressions.json")
	for _, row := range rows {
		source, want := *row[0], row[1]
		text := ""
		tmpl, err := Parse(source)
		if err == nil {
			text, err = tmpl.Render(vars, Options{Now: now})
		}
		switch {
		case err != nil && want != nil && refused(err):
			refusals++
		case (err == nil) != (want != nil) || want != nil && text != *want:
			if want == nil {
				t.Errorf("%s: %q, want an error", source, text)
			} else {
				t.Errorf("%s: %q (%v), want %q", source, text, err, *want)
			}
		}
	}
	if len(rows) < 2000 || refusals > 10 {
		t.Errorf("%d rows, of which %d are refused", len(rows), refusals)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for source, want := range map[string]string{
		"a\n{{ messages[0].x.y }}":     "line 2: 'dict object' has no attribute 'x'",
		"a\n\n{{ missing.x }}":         "line 3: 'missing' is undefined",
		"{% if true %}\nx{% endfor %}": "line 2: unknown tag 'endfor'",
		"{% for a in [1] %}\n\n":       "line 2: the template ends inside of the block of line 1, 'endfor' or 'else' expected",
		"\n{{ 'a' + 1 }}":              "line 2: + of values of type str and int",
		"\n{{ 1|urlize }}":             "line 2: the filter 'urlize' is not supported",
		"{% macro f(a) %}\n{{ a.b.c }}{% endmacro %}\n{{ f(1) }}": "line 2: 'int object' has no attribute 'b'",
		"{{ messages.append(1) }}":                                "line 1: 'append' of a list would change it",
		"{% include 'secret' %}":                                  "line 1: {% include %} is not supported",
		"\n{{ raise_exception('roles must alternate') }}":         "line 2: roles must alternate",
		"\xff": "not UTF-8",
		"{% set ns = namespace() %}\n{% set ns.__class__ = 1 %}":     "line 2: 'ns.__class__' cannot be assigned to",
		"{{ messages[0].__class__.__mro__ }}":                        "access to '__class__' of a dict is not safe",
		"{{ 'x'.__class__ }}{{ ''['__class__']['__subclasses__'] }}": "access to '__class__' of a str is not safe",
		"{{ '{0.__class__.__mro__}'.format(1) }}{{ 1.__class__.x }}": "line 1: ",
		"{{ 'a\n\n": "line 1: a string that begins with ' is never closed",
	} {
		tmpl, err := Parse(source)
		if err == nil {
			_, err = tmpl.Render(variables(t), Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
}

func TestVariables(t *testing.T) {
	vars := map[string]any{"m": map[string]any{"content": "c", "role": "r", "a": []string{"x"}}, "p": Pairs{{"z", 1}, {"a", map[string]string{"k": "v"}}}}
	want := `{"role": "r", "a": ["x"], "content": "c"}{"z": 1, "a": {"k": "v"}}`
	if got := mustRender(t, "{{ m|tojson }}{{ p|tojson }}", vars, Options{}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := mustParse(t, "").Render(map[string]any{"x": struct{}{}}, Options{}); err == nil {
		t.Error("a struct is a variable")
	}
}

func TestMarks(t *testing.T) {
	tmpl := mustParse(t, "a{% generation %}b{% endgeneration %}c")
	if !tmpl.HasGenerations() || mustParse(t, "{# {% generation %} #}").HasGenerations() {
		t.Error("which templates have generation blocks")
	}
	mark := func(begin bool) string { return map[bool]string{true: "<", false: ">"}[begin] }
	if got, err := tmpl.Render(nil, Options{Mark: mark}); err != nil || got != "a<b>c" {
		t.Errorf("%q (%v)", got, err)
	}
}

func TestStrftime(t *testing.T) {
	day := time.Date(2024, 7, 6, 5, 4, 3, 0, time.UTC)
	opt := Options{Now: day}
	want := "06 Jul 2024 05:04:03 Saturday July 188 24% 6"
	if got := mustRender(t, "{{ strftime_now('%d %b %Y %H:%M:%S %A %B %j %y%% %-d') }}", nil, opt); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, bad := range []string{"%Q", "%", "%-", "%-Q"} {
		if _, err := mustParse(t, "{{ strftime_now('"+bad+"') }}").Render(nil, opt); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// FuzzTemplate: any template ends, soon and without a panic, as text or as an error with its line.
func FuzzTemplate(f *testing.F) {
	for source := range hostile {
		if len(source) < 1000 {
			f.Add(source)
		}
	}
	for _, row := range readJSONFile[[][2]*string](f, "testdata/expressions.json")[:500] {
		f.Add(*row[0])
	}
	for _, row := range readJSONFile[[]struct{ T string }](f, "../testdata/jinja.json") {
		f.Add(row.T)
	}
	for _, row := range readJSONFile[[]struct{ Template string }](f, "../testdata/templates.json") {
		f.Add(row.Template)
	}
	vars := variables(f)
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := Parse(source)
		if err == nil {
			_, err = tmpl.Render(vars, Options{Limits: Limits{Steps: 300_000, Bytes: 1 << 20}})
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "line ") || strings.Contains(err.Error(), fault)) {
			t.Error(err)
		}
	})
}
