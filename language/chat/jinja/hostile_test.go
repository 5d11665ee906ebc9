package jinja

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

var manyVariables = func() string {
	var sb strings.Builder
	for i := range 9999 {
		fmt.Fprintf(&sb, "{%% set a%d=1 %%}", i)
	}
	return sb.String()
}()

// hostile templates come with what their error has to say.
var hostile = map[string]string{
	"{% set ns = namespace() %}{% set ns.x = [ns, ns] %}{% set ns.y = ns.x %}{{ ns.x|tojson }}":                                                               "Namespace is not JSON serializable",
	"{% set ns = namespace() %}{% set ns.x = ns %}{{ {ns: ns}|tojson }}":                                                                                      "not JSON serializable",
	"{% set ns = namespace() %}{% set ns.x = {'a': ns} %}{{ ns|tojson }}":                                                                                     "not JSON serializable",
	"{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}":                                              "limit of",
	"{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}":                                       "limit of",
	"{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}":  "limit of steps",
	"{% set ns = namespace(x=(1,), y=(1,)) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% set ns.y = (ns.y, ns.y) %}{% endfor %}{{ ns.x < ns.y }}": "limit of steps",
	"{% set ns = namespace(x=(1,)) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}":                                        "limit of",
	"{% set ns = namespace(x=[1]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}":                                                  "limit of depth",
	"{% set ns = namespace(x=[1]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}":                                           "levels",
	"{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x == ns.y }}":            "limit of depth",
	"{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}":                                                  "limit of bytes",
	"{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}":                                                  "limit of bytes",
	"{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}":                                "limit of bytes",
	"{% set x = 'aaaa' %}" + strings.Repeat("{% set x %}{{ x }}{{ x }}{% endset %}", 100):                                                                     "limit of bytes",
	"{% set ns = namespace(x=[1, 2]) %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}":                                                      "limit of bytes",
	"{% set ns = namespace(x={'a': 1}) %}{% for a in range(99999) %}{% set ns.x = dict(ns.x, **{a ~ '': 1}) %}{% endfor %}":                                   "limit of",
	"{% set ns = namespace(x='aaaa') %}{% for a in range(20) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}":                                          "limit of bytes",
	"{% set ns = namespace(x='aaaa') %}{% for a in range(20) %}{% set ns.x = ns.x|replace('', ns.x) %}{% endfor %}":                                           "limit of bytes",
	"{% set ns = namespace(x='{0}{0}{0}{0}') %}{% for a in range(60) %}{% set ns.x = ns.x.format(ns.x) %}{% endfor %}":                                        "limit of bytes",
	"{% set ns = namespace(x='%s%s') %}{% for a in range(60) %}{% set ns.x = ns.x.replace('%s', '%s%s') %}{% endfor %}":                                       "limit of bytes",
	"{% set ns = namespace(x='<') %}{% for a in range(60) %}{% set ns.x = ns.x|forceescape ~ ns.x %}{% endfor %}":                                             "limit of bytes",
	"{% set ns = namespace(x='\"') %}{% for a in range(60) %}{% set ns.x = ns.x|tojson %}{% endfor %}":                                                        "limit of",
	"{% set ns = namespace(x=\"'\\\\\") %}{% for a in range(60) %}{% set ns.x = [ns.x]|string %}{% endfor %}":                                                 "limit of bytes",
	"{% set a = 'x' * 60000 %}{{ (range(100000)|list)|join(a) }}":                                                                                             "limit of bytes",
	"{% set a = 'x' * 60000 %}{{ a.join(range(100000)|map('string')) }}":                                                                                      "limit of bytes",
	"{{ range(10 ** 12) }}":                                  "range: 1000000000000 numbers",
	"{{ range(-9223372036854775807, 9223372036854775807) }}": "at most 100000 expected",
	"{{ 'a' * 10 ** 9 }}":                                    "limit of bytes",
	"{{ 10 ** 9 * 'a' }}":                                    "limit of bytes",
	"{{ [1] * 10 ** 9 }}":                                    "limit of bytes",
	"{{ (1,) * 9223372036854775807 }}":                       "limit of bytes",
	"{{ 'ab' * 9223372036854775807 }}":                       "limit of bytes",
	"{{ 10 ** 10 ** 10 }}":                                   "64 bits",
	"{{ 9223372036854775807 + 1 }}":                          "64 bits",
	"{{ 'a'.ljust(10 ** 9) }}":                               "limit of bytes",
	"{{ 'a'.zfill(10 ** 9) }}":                               "limit of bytes",
	"{{ 'a'.center(10 ** 9, 'é') }}":                         "limit of bytes",
	"{{ 'a'|center(10 ** 9) }}":                              "limit of bytes",
	"{{ 'a\nb'|indent(10 ** 9) }}":                           "limit of bytes",
	"{{ [[1]]|tojson(indent=10 ** 9) }}":                     "limit of bytes",
	"{{ '%1000000000d' % 1 }}":                               "at most 1000 expected",
	"{{ '%.1000000000f' % 1 }}":                              "at most 1000 expected",
	"{{ '{:1000000000}'.format(1) }}":                        "at most 1000 expected",
	"{{ '%99999999999999999999s'|format('a') }}":             "at most 1000 expected",
	"{{ 1|round(10 ** 9) }}":                                 "digits",
	"{{ [1]|batch(10 ** 9, 0)|list }}":                       "limit of bytes",
	"{{ [1]|slice(10 ** 9)|list }}":                          "limit of bytes",
	"{{ ('a,' * 1000000).split(',')|length }}":               "limit of bytes",
	"{{ ('a' * 5000000)|list|length }}":                      "limit of bytes",
	"{{ lipsum(n=1000000) }}":                                "lipsum is not supported",
	"{{ cycler().next() }}":                                  "at least one item",
	"{% set c = cycler(*range(100000)) %}{% for a in range(100000) %}{% for b in range(1000) %}{{ c.next() }}{% endfor %}{% endfor %}": "limit of",
	"{{ x" + strings.Repeat(".x", 100_000) + " }}":                                                                                  "limit of depth",
	"{{ x" + strings.Repeat("[0]", 80_000) + " }}":                                                                                  "limit of depth",
	"{{ 'a'" + strings.Repeat("|upper", 30_000) + " }}":                                                                             "limit of depth",
	"{{ 1" + strings.Repeat("+1", 100_000) + " }}":                                                                                  "limit of depth",
	"{{ 1" + strings.Repeat(" or 1", 40_000) + " }}":                                                                                "limit of depth",
	"{{ 1" + strings.Repeat(" if 1", 40_000) + " }}":                                                                                "limit of depth",
	"{{ x" + strings.Repeat("()", 100_000) + " }}":                                                                                  "limit of depth",
	"{{ " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + " }}":                                               "more than 200 brackets",
	"{{ " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + " }}":                                                     "more than 200 brackets",
	"{{ " + strings.Repeat("-", 200_000) + "1 }}":                                                                                   "more than 200 brackets",
	"{{ " + strings.Repeat("not ", 60_000) + "1 }}":                                                                                 "more than 200 brackets",
	"{{ " + strings.Repeat("{1: ", 30_000) + "1" + strings.Repeat(" }", 30_000) + " }}":                                             "more than 200 brackets",
	"{{ 1" + strings.Repeat(" if 1 else 1", 20_000) + " }}":                                                                         "more than 200 brackets",
	"{% set " + strings.Repeat("(", 100_000) + "a" + strings.Repeat(")", 100_000) + " = 1 %}":                                       "more than 200 brackets",
	strings.Repeat("{% if 1 %}", 20_000) + strings.Repeat("{% endif %}", 1):                                                         "more than 200 brackets",
	strings.Repeat("{% for a in [1, 2] %}", 150) + strings.Repeat("{% endfor %}", 150):                                              "limit of",
	strings.Repeat("{% macro f() %}", 10_000):                                                                                       "more than 200 brackets",
	"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}":                                                                               "limit of depth",
	"{% macro f(n) %}{% for i in range(2) %}{{ f(n + 1) }}{% endfor %}{% endmacro %}{{ f(0) }}":                                     "limit of",
	"{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}":                                    "limit of",
	"{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}":         "limit of depth",
	"{% for a in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}":                                                                   "limit of depth",
	"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}":                                              "limit of",
	"{% for a in range(100000) if not range(100000)|list %}{% endfor %}":                                                            "limit of",
	"{% for a in range(90000) %}{{ range(1000)|sum }}{% endfor %}":                                                                  "limit of",
	"{% for a in range(90000) %}{{ 'x' in 'a' * 900 }}{% endfor %}":                                                                 "limit of",
	"{% set a = 'a' * 1000000 %}{% for b in range(90000) %}{{ 'x' in a }}{% endfor %}":                                              "limit of steps",
	"{% set a = 'a' * 1000000 %}{% for b in range(90000) %}{{ a == 'a' * 1000000 }}{% endfor %}":                                    "limit of bytes",
	"{% set a = 'é' * 1000000 %}{% for b in range(90000) %}{{ a[500000] }}{{ a|length }}{% endfor %}":                               "limit of steps",
	"{% set a = ' ' * 1000000 %}{% for b in range(90000) %}{{ a.strip() }}{{ a|trim('xyz ') }}{% endfor %}":                         "limit of steps",
	"{% set a = 'ab' * 10000 %}{% set s = 'ba' * 10000 %}{% for b in range(90000) %}{{ a.strip(s) }}{% endfor %}":                   "limit of steps",
	"{% set a = 'A' * 1000000 %}{% for b in range(90000) %}{{ a|int }}{{ a.isalpha() }}{{ a is lower }}{% endfor %}":                "limit of",
	"{% set a = '%' * 1000000 %}{% for b in range(90000) %}{{ a % () }}{% endfor %}":                                                "limit of",
	"{% set ns = namespace(l=[]) %}{% for a in range(100000) %}{% macro m() %}{% endmacro %}{% set ns.l = [ns.l, m] %}{% endfor %}": "limit of bytes",
	"{% set ns = namespace(l=[]) %}{% for a in range(100000) %}{% set ns.l = [ns.l, missing, {}, namespace(), [], ().x, ''.upper] %}{% endfor %}{% for a in range(9999999) %}{% endfor %}":                                                          "limit of",
	"{% set ns = namespace() %}{% for a in range(100000) %}{% set ns.l = [ns.l, [1, 2]|map('string'), {}.items(), 'ab'|batch(1)] %}{% endfor %}{% for a in range(9999999) %}{% endfor %}":                                                           "limit of",
	"{% set ns = namespace(l=[]) %}{% set a = 'a' * 1000000 %}{% for i in range(100000) %}{% set ns.l = [ns.l, {}[a ~ i]] %}{% endfor %}":                                                                                                           "limit of bytes",
	"{% set ns = namespace(l=[]) %}{% set a = 'a' * 1000000 %}{% for i in range(10000) %}{% set ns.l = [ns.l, {}[a]] %}{% endfor %}{{ ns.l[1].x }}":                                                                                                 "has no attribute",
	"{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% macro m() %}{% endmacro %}{% set ns.l = [ns.l, m] %}" + manyVariables + "{% endfor %}":                                                                                            "limit of",
	"{% set ns = namespace(l=[]) %}{% for i in range(100000) %}" + manyVariables + "{% for b in [1] %}{% set ns.l = [ns.l, loop] %}{% endfor %}{% endfor %}":                                                                                        "limit of",
	"{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l, joiner(), cycler(1), range(2)] %}{% endfor %}{% for i in range(99999) %}{% set ns.l = [ns.l, joiner()] %}{% endfor %}{% for a in range(9999999) %}{% endfor %}": "limit of",
	"{{ '{0" + strings.Repeat(".a", 50_000) + "}'.format(1) }}":                                  "at most 1000 expected",
	"{{ ('é ' * 2000000)|title }}":                                                               "limit of",
	"{{ ('é ' * 1000000).swapcase().title().upper() }}{% for a in range(9999999) %}{% endfor %}": "limit of",
	"{{ ('a\r' * 2000000).splitlines()|length }}":                                                "limit of",
	"{{ ('a ' * 2000000).split()|length }}":                                                      "limit of",
	"{{ ('a\r' * 2000000)|indent|wordcount }}":                                                   "limit of",
	"{% set ns = namespace(x=(1,)) %}{% for i in range(500) %}{% set ns.x = (ns.x, \"'\") %}{% endfor %}{% for i in range(100000) %}{{ {ns.x: 1} }}{% endfor %}": "limit of",
	"{{ raise_exception('a' * 10 ** 8) }}": "limit of bytes",
	"{{ strftime_now('%c' * 1000000) }}":   "limit of",
	"{% set d = {} %}{% for a in range(90000) %}{% set d = dict(d, **{'k' ~ a: d}) %}{{ d }}{% endfor %}{% for a in range(9999999) %}{% endfor %}": "limit of",
	strings.Repeat("x", MaxSource+1): "262145 bytes",
}

// Each of them is an error within a second, and takes less than 64 MiB.
func TestHostileTemplates(t *testing.T) {
	vars := map[string]any{"messages": []any{map[string]any{"role": "user", "content": "hello"}}}
	for source, want := range hostile {
		var took time.Duration
		var peak uint64
		for range 3 { // a busy machine may be slow once
			began, computed := time.Now(), processorTime()
			var tmpl *Template
			var err error
			peak = peakMemory(func() {
				if tmpl, err = Parse(source); err == nil {
					_, err = tmpl.Render(vars, Options{})
				}
			})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "line ") || len(err.Error()) > 700 {
				t.Errorf("%.100s: %.200v, want %q", source, err, want)
			}
			took = min(time.Since(began), processorTime()-computed) // others may compute here
			if took < time.Second*slowdown {
				break
			}
		}
		if took > time.Second*slowdown {
			t.Errorf("%.100s: took %v", source, took)
		}
		if peak > 64<<20 {
			t.Errorf("%.100s: took %d MiB", source, peak>>20)
		}
		t.Logf("%v, %d MiB: %.100s", took, peak>>20, source)
	}
}

// peakMemory is how much the heap grows while f runs, as far as looking every millisecond shows.
func peakMemory(f func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start, peak := m.HeapAlloc, m.HeapAlloc
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	<-watched
	return peak - start
}

// A namespace that holds itself can be printed and compared.
func TestNamespaceOfItself(t *testing.T) {
	for source, want := range map[string]string{
		"{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}":                                       "<Namespace {'x': <Namespace {...}>}>",
		"{% set ns = namespace() %}{% set ns.x = ns %}{{ ns.x.x.x == ns }}{{ ns == namespace() }}":    "TrueFalse",
		"{% set ns = namespace() %}{% set ns.x = {'a': [ns]} %}{{ ns.x }}":                            "{'a': [<Namespace {'x': {...}}>]}",
		"{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a }}{{ a in [b] }}": "<Namespace {'b': <Namespace {'a': <Namespace {...}>}>}>False",
	} {
		if got := mustRender(t, source, nil, Options{}); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

// Limits leave room for long conversations, also under templates that go through all messages for each.
func TestLimitsOfLongConversations(t *testing.T) {
	var messages []any
	for i := range 500 {
		messages = append(messages, map[string]any{"role": []string{"user", "assistant"}[i%2], "content": strings.Repeat("word ", 40)})
	}
	for _, source := range []string{
		"{% set ns = namespace(text='') %}{% for m in messages %}{% set ns.text = ns.text ~ m.role ~ ': ' ~ m.content %}{% endfor %}{{ ns.text }}",
		"{% for m in messages %}{{ m.role }}{% for n in messages[::-1] %}{% if n.role == 'user' and '<think>' not in n.content %}{% endif %}{% endfor %}{% endfor %}",
		"{% for m in messages %}{{ m|tojson(indent=4) }}{% endfor %}{{ messages|map(attribute='content')|join|length }}",
	} {
		mustRender(t, source, map[string]any{"messages": messages}, Options{})
	}
}

func TestLimitsSayWhich(t *testing.T) {
	tmpl := mustParse(t, "\n{% for a in range(100000) %}\n{{ 'x' * 99 }}{% endfor %}")
	cancelled, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupted")
	cancel(reason)
	for _, c := range []struct {
		opt   Options
		limit string
	}{
		{Options{Limits: Limits{Steps: 1000}}, "steps"},
		{Options{Limits: Limits{Bytes: 1000}}, "bytes"},
		{Options{Limits: Limits{Depth: 1}}, "depth"},
		{Options{Limits: Limits{Time: time.Nanosecond}}, "time"},
		{Options{Context: cancelled}, ""},
	} {
		_, err := tmpl.Render(nil, c.opt)
		var e *Error
		var exceeded Exceeded
		if !errors.As(err, &e) || e.Line < 2 || e.Line > 3 {
			t.Errorf("%s: %v", c.limit, err)
		}
		if c.limit == "" {
			if !errors.Is(err, reason) {
				t.Errorf("%v, want the reason of the context", err)
			}
		} else if !errors.As(err, &exceeded) || exceeded.Limit != c.limit {
			t.Errorf("%s: %v", c.limit, err)
		}
	}
	deep := any("x")
	for range 1000 {
		deep = []any{deep}
	}
	if _, err := tmpl.Render(map[string]any{"messages": deep}, Options{}); err == nil || !strings.Contains(err.Error(), "levels") {
		t.Errorf("deep variables: %v", err)
	}
	if _, err := FromJSON([]byte(strings.Repeat("[", 100_000))); err == nil {
		t.Error("deep JSON is read")
	}
}

func mustParse(t testing.TB, source string) *Template {
	t.Helper()
	tmpl, err := Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func mustRender(t testing.TB, source string, vars map[string]any, opt Options) string {
	t.Helper()
	text, err := mustParse(t, source).Render(vars, opt)
	if err != nil {
		t.Fatal(fmt.Errorf("%.100s: %w", source, err))
	}
	return text
}
