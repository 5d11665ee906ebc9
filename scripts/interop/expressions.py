"""Templates of one feature each, for check_templates.py."""
import itertools

VALUES = ["none", "true", "1", "-7", "2.5", "0.0", "''", "'aB c'", "'é🙂ß'", "[]", "[3, 'x', none]", "(1,)", "(1, 2)", "{}", "{'b': 1, 'a': [2]}",
          "missing", "messages", "'<a>'|safe", "range(3)", "namespace(x=1)", "1e20", "'12'", "' 3.7 '"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
UNARY = ["not ", "-", "+"]
FILTERS = ["abs", "attr('upper')", "batch(2)|list", "batch(2, 'f')|list", "capitalize", "center(9)", "count", "d('x')", "default('x', true)", "dictsort",
           "dictsort(by='value')", "dictsort(reverse=true)", "e", "escape", "first", "float", "float(1)", "forceescape", "format(1)", "groupby('role')",
           "indent", "indent(2, true)", "indent('>', blank=true)", "int", "int(5)", "int(0, 16)", "items|list", "join", "join(', ')",
           "join('-', 'role')", "last", "length", "list", "lower", "map('upper')|list", "map(attribute='role')|list", "map(attribute='q', default=1)|list",
           "max", "min", "reject|list", "reject('none')|list", "rejectattr('role', 'eq', 'user')|list", "replace('a', 'bc')", "replace('', '-', 2)",
           "reverse|list", "round", "round(1)", "round(1, 'floor')", "safe", "select|list", "select('string')|list", "selectattr('content')|list",
           "selectattr('role', 'in', ['user'])|list", "slice(2)|list", "sort", "sort(reverse=true)", "sort(attribute='role')", "string", "sum", "title",
           "tojson", "tojson(indent=2)", "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "tojson(indent=0)", "trim",
           "trim('a ')", "truncate(3)", "truncate(5, true, '..', 0)", "unique|list", "upper", "wordcount", "nosuchfilter", "list|string", "string|length"]
TESTS = ["defined", "undefined", "none", "true", "false", "boolean", "integer", "float", "number", "string", "mapping", "iterable", "sequence", "callable",
         "odd", "even", "divisibleby 3", "lower", "upper", "escaped", "sameas none", "in [1, none, 'aB c']", "eq 1", "gt 1", "not none", "nosuchtest"]
METHODS = ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "casefold()", "strip()", "strip('a')", "lstrip()", "rstrip('c')", "split()",
           "split(' ')", "split('B', 1)", "split(none, 1)", "rsplit(' ', 1)", "rsplit()", "rsplit(none, 1)", "splitlines()", "splitlines(true)", "startswith('a')",
           "startswith(('a', ' '))", "endswith('c')", "startswith('B', 1)", "find('B')", "rfind(' ')", "index('B')", "count('a')", "count('')", "replace('a', 'x')",
           "replace('', '.')", "replace('a', 'x', 1)", "join(['1', '2'])", "join([1])", "partition('B')", "rpartition('B')", "removeprefix('a')",
           "removesuffix('c')", "center(8)", "center(9, '*')", "ljust(8, '.')", "rjust(8)", "zfill(8)", "isspace()", "isalpha()", "isdigit()", "isalnum()",
           "isupper()", "islower()", "istitle()", "isascii()", "isidentifier()", "isnumeric()", "items()|list", "keys()|list", "values()|list", "get('a')",
           "get('z', 3)", "pop()", "append(1)", "copy()", "index(3)", "count(3)", "nosuch", "nosuch.more", "nosuch()", "x", "__class__", "items", "upper.x"]
TEXTS = ["''", "'aB c'", "'  a\\nb\\r\\nc \\t'", "'éÉ ß ǆ'", "'-12'", "'a,b,,c'", "'x'|safe"]
SUBSCRIPTS = ["0", "-1", "5", "true", "'a'", "none", "1.0", ":", "1:", ":-1", "::-1", "::2", "-2:", "5:1:-2", "'x':", "::0", "'items'", "0, 1"]
FORMATS = ["'%s' % 1", "'%s-%s' % (1, 'a')", "'%d%%' % 5", "'%5.2f|%-6s|%06d|%+d|%x' % (2.345, 'ab', 42, 3, 255)", "'%(a)s' % {'a': 1}", "'%s' % [1]",
           "'%s' % (1, 2)", "'%d' % 'x'", "'%r' % 'x'", "'%e %g' % (12345.678, 0.00001)", "'{} {}'.format(1, 'a')", "'{1}{0}'.format(1, 2)",
           "'{a}'.format(a=3)", "'{:>5}|{:<5}|{:^5}|{:05d}'.format('a', 'b', 'c', 42)", "'{:,}'.format(1234567)", "'{:.2f}'.format(2.5)",
           "'{0[a]} {0.a}'.format({'a': 1})", "'{!r}'.format('x')", "'{{}}'.format()", "'{}'.format()", "'{:%}'.format(0.5)", "'%s'|format(3)", "'%(x)s'|format(x=3)"]
NUMBERS = ["1_000", "0x1F", "0b101", "0o17", "1e3", "1.5e-7", "1.0", "100.0", "1e16", "123456789.123", "0.1 + 0.2", "7 // 2", "-7 // 2", "-7 % 3", "7 % -3",
           "2 ** 10", "2 ** -1", "2 ** 0.5", "7 / 2", "4 / 2", "5.5 // 2", "-5.5 % 2", "1 / 0", "1 % 0", "1e308 * 10", "3 == 3.0", "true + 1", "1 < 2 < 3",
           "1 < 3 < 2", "-2 ** 2", "2 ** 3 ** 2", "1 if 0", "(1 if 0) is defined", "1 if 1 else 2", "not 1 == 2", "1 in [1] and 2", "2.5|round", "3.5|round", "2.675|round(2)",
           "'a' 'b'", "'\\x41\\u00e9\\101\\q\\\\'", "'a' < 'b'", "[1, 2] < [1, 3]", "(1, 'a') == (1, 'a')", "{'a': 1} == {'a': 1.0}", "[1] + [2]", "(1,) + (2,)",
           "'ab' * 3", "3 * [0]", "'a' ~ 1 ~ none ~ [1]", "1 is odd", "missing.x", "missing ~ 'a'", "missing == missing", "missing + 1", "missing|length", "none.x",
           "none.x.y", "none[0]", "'it''s'", "['a', \"b'c\", 'd\\\"e']", "{1: 2, 'k': none, none: (1,)}", "'\\n\\t\\x00\\x7f é\\u200b'|list", "range(5)[1:3]",
           "range(10, 0, -3)|list", "range(3)|last", "range(0)|first", "dict(a=1, b=2)", "dict([(1, 2)])", "dict({'a': 1}, b=2)", "namespace(a=1).a", "namespace(_a=1)",
           "cycler('a', 'b').next()", "{'a': 1}.items()", "{'a': 1}.keys()", "{'items': 1}.items", "{'items': 1}['items']", "[1, 2].append(3)", "raise_exception('no')",
           "strftime_now('%d %b %Y %H:%M:%S %A %B %j %y%% %-d %I %p')", "strftime_now('%Y-%m-%d')", "messages|length > 1 and messages[0].role == 'system'",
           "messages[0]['content'][:3]", "(messages|first).role", "messages|map(attribute='role')|join(',')", "messages|selectattr('role', 'equalto', 'user')|list|length",
           "'<a>'|safe + '<b>'", "'<b>' + ('<a>'|safe)", "('<a>'|safe) ~ '<b>'", "'<a>'|e|length", "['<a>'|safe]", "('a'|safe).upper() + '<'", "{'a': 'x'}|tojson|safe",
           "[1,2,3][1:]|tojson", "{'a': {'b': [1, {'c': none}], 'd': {}}, 'e': []}|tojson(indent=4)", "1.0|tojson", "1e20|tojson", "'</s>\\u2028\\x7f'|tojson", "(1, 2)|tojson",
           "missing|tojson", "{1: 2, none: 3, true: 4, 1.5: 5}|tojson", "{(1, 2): 3}|tojson", "range(3)|tojson", "'a' is string and 1 is number", "loop", "self.x", "caller", "varargs"]
STATEMENTS = [
    "{% for a in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}"
    "{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(a // 2) }}{{ loop.depth }};{% endfor %}",
    "{% for a in [] %}x{% else %}none{% endfor %}", "{% for a in [1, 2, 3, 4] if a % 2 == 0 %}{{ loop.index }}/{{ loop.length }}:{{ a }}{{ loop.last }}{% endfor %}",
    "{% for a, b in {'x': 1, 'y': 2}.items() %}{{ a }}={{ b }}{{ ', ' if not loop.last }}{% endfor %}", "{% for a, b in [1] %}{% endfor %}",
    "{% for a in [[1, [2, 3]], 4] recursive %}{% if a is iterable %}<{{ loop.depth }}{{ loop(a) }}>{% else %}{{ a }}{% endif %}{% endfor %}",
    "{% for c in 'é🙂' %}[{{ c }}]{% endfor %}", "{% for a in range(9) %}{% if a == 2 %}{% continue %}{% endif %}{% if a == 5 %}{% break %}{% endif %}{{ a }}{% endfor %}",
    "{% for a in 5 %}{% endfor %}", "{% for a in missing %}x{% endfor %}|", "{% for a in missing.x %}x{% endfor %}", "{% for a in none %}{% endfor %}",
    "{% set x = 1 %}{% for a in [1, 2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}", "{% if true %}{% set y = 3 %}{% endif %}{{ y }}",
    "{% set ns = namespace(n=0) %}{% for a in [1, 2] %}{% set ns.n = ns.n + a %}{% endfor %}{{ ns.n }}{{ ns }}", "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}",
    "{% set a.b = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = 1 %}", "{% set a = 1, 2 %}{{ a }}",
    "{% set x %}a{{ 1 }}b{% endset %}{{ x }}{{ x|length }}", "{% set x | upper | replace('A', 'z') %}ab{% set q = 1 %}{% endset %}{{ x }}{{ q }}",
    "{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }}|{{ f(1, 3) }}|{{ f(b=5, a=4) }}|{{ f() }}|{{ f.name }}{{ f.arguments }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=1) }}", "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}",
    "{% macro f(x) %}{{ x }}{% if x > 0 %}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro f(x) %}{% set y = x %}{{ y }}{% endmacro %}{{ f(1) }}{{ y }}",
    "{% macro f(x) %}{{ z }}{% endmacro %}{% set z = 4 %}{{ f(1) }}{% set z = 5 %}{{ f(1) }}", "{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}x{{ 1 }}{% endcall %}",
    "{% macro f() %}[{{ caller(3, 4) }}]{% endmacro %}{% call(a, b=1) f() %}{{ a }}{{ b }}{% endcall %}", "{% macro f() %}{% endmacro %}{% call f() %}x{% endcall %}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(*[1]) }}{{ f(**{'a': 2}) }}", "{{ f(1) }}{% macro f(a) %}{{ a }}{% endmacro %}", "{% macro f() %}{{ caller() }}{% endmacro %}{{ f() }}",
    "{% for i in [1, 2] %}{% macro f() %}{{ i }}{{ loop.index }}{% endmacro %}{{ f() }}{% endfor %}", "{% filter upper %}ab{{ 'c' }}{% endfilter %}", "{% filter upper|trim %} ab {% endfilter %}|",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ c }}{{ a }}", "{% with %}x{% endwith %}", "{% print 1, 'a' %}", "{% raw %}{{ x }}{% if %}{% endraw %}",
    "{% raw -%}  a  {%- endraw %} b", "a {# b #} c", "a\n  {# b #}\nc", "  {%- if true -%}  a  {%- endif -%}  b", "  {%+ if true +%}\n  a\n  {% endif %}\nb", "a\n\n", "a\n", "\n",
    "  {{ 1 }}\n{{ 2 }}\n", "{% if true %}\n  x\n  {% elif false %}\n y{% else %}z{% endif %}\nw", "a{% if false %}b{% elif true %}c{% endif %}d", "{%- if missing.x is defined %}{% endif %}",
    "{% if missing and missing.x %}a{% else %}b{% endif %}", "{% generation %}x{{ messages|length }}{% endgeneration %}y", "{% for m in messages %}{% generation %}{{ loop.index }}{% set k = 1 %}{% endgeneration %}{{ k }}{% endfor %}",
    "{% do 1 %}", "{% include 'a' %}", "{% import 'a' as b %}", "{% extends 'a' %}", "{% unknown %}", "{% if %}", "{% if true %}", "{% endif %}", "{% for %}", "{% break %}", "{{ }}", "{{ 1 2 }}", "{{ 1 + }}", "{{ (1 }}",
    "{{ 1) }}", "{{ [1} }}", "{{ 'a }}", "{{ a b }}", "{{ $ }}", "{{ a.1 }}", "{{ 'abc'.1 }}", "{{ a..b }}", "{{ {'a' 1} }}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{% macro f(a=1, b) %}{% endmacro %}", "{{ f(a=1, 2) }}",
    "{{ '}}' }}{{ '%}' }}", "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{# {{ } #}x", "{{ 1 -}}  x", "x  {{- 1 }}", "{{-1}}", "{{- -1 -}} x", "{{ 1 if true else 2|upper }}", "{{ -1|abs }}", "{{ 'a'|upper ~ 'b'|upper }}",
    "{{ not true is false }}", "{{ 1 is not none and true }}", "{{ 'a' is string is true }}", "{{ 3 is divisibleby(3) }}", "{{ 3 is divisibleby 3 }}", "{{ x is defined or y is defined }}", "{{ [1, 2,] }}{{ (1,) }}{{ {'a': 1,} }}{{ () }}",
    "{% if false %}{{ 1|nosuchfilter }}{% endif %}ok", "{% if true %}{{ 1|nosuchfilter }}{% endif %}", "{% if false %}{% for a in [1] %}{{ 1|nosuchfilter }}{% endfor %}{% endif %}", "{{ 1|nosuchfilter if false }}", "{% if 'upper' is filter %}y{% endif %}",
    "{% set x = messages|map(attribute='role') %}{{ x|list }}{{ x|list }}", "{% set x = [1, 2]|map('string') %}{% for a in x %}{{ a }}{{ loop.last }}{% endfor %}{{ x|join }}", "{{ [1, 2]|map('nosuch')|list }}", "{{ [1]|select('nosuch')|list }}",
    "{% for m in messages[::-1] %}{{ m.role }}{% endfor %}", "{% for m in messages|reverse %}{{ m['role'] }}{{ loop.index0 }}{% endfor %}", "{% set messages = messages[1:] %}{{ messages|length }}", "{{ messages[0] is mapping }}{{ messages is sequence }}{{ messages[0].content is string }}",
    "{%- set found = namespace(v=false) -%}{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set found.v = true -%}{%- endif -%}{%- endfor -%}{{ found.v }}", "{{ 'a\nb' }}\r\nc\rd", "{% set x = 'a\r\nb' %}{{ x|length }}",
    "{% set s = cycler('a', 'b') %}{{ s.next() }}{{ s.next() }}{{ s.next() }}{{ s.current }}", "{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b", "{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{{ v }}{% endfor %}", "{% for g in messages|groupby('role') %}{{ g[0] }}{{ g[1]|length }}{% endfor %}",
    "{% for g, l in messages|groupby('role') %}{{ g }}{{ l|length }}{% endfor %}", "{% macro m(x) -%}\n  {{ x }}\n{%- endmacro %}{{ m('a') ~ m('b') }}", "{% if messages[0].role == 'user' %}{{ raise_exception('bad ' ~ messages[0].role) }}{% endif %}", "{{ missing is defined and missing.x }}",
]


def expressions():
    out = list(STATEMENTS)
    out += ["{{ %s }}" % e for e in NUMBERS + FORMATS]
    out += ["{{ (%s) %s (%s) }}" % (a, op, b) for a, op, b in itertools.product(VALUES, BINARY, VALUES) if not (op in ("**", "*") and "1e20" in (a, b))]
    out += ["{{ %s(%s) }}" % (op, a) for op, a in itertools.product(UNARY, VALUES)]
    out += ["{{ (%s)|%s }}" % (v, f) for v, f in itertools.product(VALUES, FILTERS)]
    out += ["{{ (%s) is %s }}" % (v, t) for v, t in itertools.product(VALUES, TESTS)]
    out += ["{{ (%s).%s }}" % (v, m) for v, m in itertools.product(VALUES, METHODS)]
    out += ["{{ (%s).%s }}" % (v, m) for v, m in itertools.product(TEXTS, METHODS)]
    out += ["{%% set v = (%s) %%}{{ v[%s] }}" % (v, s) for v, s in itertools.product(VALUES, SUBSCRIPTS)]  # slices of constants are folded in a way of their own
    return out


EXPRESSIONS = expressions()
HAND_MADE = len(STATEMENTS) + len(NUMBERS) + len(FORMATS)  # come first
