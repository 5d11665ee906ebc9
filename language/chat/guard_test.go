package chat

import (
	"strings"
	"testing"
)

// A template can do no harm by what it computes: each of these is an error, soon.
func TestTemplatesThatNeverEnd(t *testing.T) {
	for source, want := range map[string]string{
		"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}":                       "steps: does it end?",
		"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}":                                                        "nested too deep",
		"{% macro f(n) %}{% for i in range(2) %}{{ f(n + 1) }}{% endfor %}{% endmacro %}{{ f(0) }}":              "does it end?",
		"{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}": "a variable of",
		"{% set ns = namespace(x=[1, 2]) %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}":     "a variable of",
		"{{ 'a' * 1000000000 }}":                   "a product whose left side may be a text",
		"{% set n = 1000000000 %}{{ 'a' * n }}":    "a product whose left side may be a text",
		"{{ 'a' * 999 * 999 * 999 }}":              "a product whose left side may be a text",
		"{{ 'a'.ljust(1000000000) }}":              "ljust: 1000000000 given, at most 1000 expected",
		"{{ 'a'|center(1000000000) }}":             "center: 1000000000 given",
		"{{ messages|tojson(indent=1000000000) }}": "tojson: 1000000000 given",
		"{% set ns = namespace(x='aaaa') %}{% for a in range(20) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}": "replace: a text of",
		"{{ " + strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200) + " }}":                                        "more than 100 brackets",
	} {
		tmpl, err := Parse(source, nil)
		if err == nil {
			_, err = tmpl.Render([]Message{{"user", "a"}}, true)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.70s: %v, want %q", source, err, want)
		}
	}
}

func TestTemplatesThatCompute(t *testing.T) {
	for source, want := range map[string]string{
		"{{ '-' * 20 }}|{{ 2 * 3 }}|{{ messages|length * 4 }}|{{ 2 ** 3 }}|{{ '*' }}":                                             "--------------------|6|4|8.0|*",
		"{{ messages[0].content.replace('a', 'bc') }}|{{ 'xx'|replace('x', 'y') }}":                                               "bc|yy",
		"{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}": "013",
	} {
		tmpl, err := Parse(source, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render([]Message{{"user", "a"}}, true); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, source := range []string{chatMLSource, llavaHF, "{% macro f(x) %}{{ x }}{% endmacro %}{% set ns = namespace(a=1) %}{{ f(messages|tojson(indent=2)) }}{%- for m in messages[::-1] %}{{ loop.index }}{% endfor %}"} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := Parse(source, map[string]string{"bos_token": "<s>", "eos_token": "</s>"})
		if err != nil {
			return
		}
		_, _ = tmpl.Render([]Message{{"user", "Hi " + ImageMarker}, {"assistant", "yes"}}, true)
	})
}
