"""Lines of text of many kinds, the same ones every time."""
import random

WORDS = ("the a of to in is cat dog image picture answer question Paris 2024 42 7 don't I'll WE'RE it's x_1 foo() être über naïve 東京 мир 🙂 … “quoted” — % "
         "$5.99 \t \u00a0 \u3000 , . ; : ( ) [ ] {} <tag> \\ / @ # & * + = ~ ` ^ return def self.x != -> 日本語 한국어 中文字符 مرحبا שלום สวัสดี हिन्दी "
         "👍🏽 👨‍👩‍👧‍👦 🇫🇷 e\u0301 \u0915\u094d\u0937 ﬁ ½ ² Ⅳ ٣٤٥ ①").split(" ")
RANGES = [(0x20, 0x7f), (0xa0, 0x250), (0x300, 0x370), (0x370, 0x600), (0x900, 0xe80), (0x1e00, 0x2000), (0x2000, 0x2070), (0x2190, 0x2800),
          (0x3000, 0x3100), (0x4e00, 0x9fff), (0xac00, 0xd7a4), (0xfb00, 0x10000), (0x1f000, 0x1fb00), (0x20000, 0x20400), (1, 0x20)]
CODE = ["def f(x):\n    return x**2  # square\n", "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2.5e-3f; }", "SELECT * FROM t WHERE a='b''c';",
        "<div class=\"a b\">\n\t<p>&nbsp;</p>\n</div>", "https://example.com/a?b=c&d=%20#e", "x := map[string][]int{\"a\": {1, 2}}", "\\begin{equation} a_{ij} = \\sum_k b^k \\end{equation}"]


def lines(count, specials=(), seed=7):
    """count texts, some of which spell special tokens."""
    rng = random.Random(seed)
    pieces = WORDS + list(specials) * 2
    out = ["", " ", "  ", "\n", "\n\n", "\t\tx", "a", " a", "Hello  world", "trailing   ", "   leading", "1234567890", "3.14159 1,000,000", "\u200b\u00a0\u3000\ufeff",
           "a\u2028b\r\nc\r", "_____", "-----=====", "!?!?...", "A" * 300, " " * 50, "\n" * 9, "aaaa" * 40, "哈" * 100, *CODE,
           *(s for t in specials for s in (t, " " + t + " ", t + t, "x" + t + "y", t + "\n", t[:-1], t.upper()))]
    while len(out) < count:
        kind = rng.randrange(8)
        if kind < 3:
            s = rng.choice(["", " ", "\n"]).join(rng.choice(pieces) + rng.choice(["", "", " ", "  ", ",", "\n"]) for _ in range(rng.randint(1, 40)))
        elif kind == 3:
            a, b = rng.choice(RANGES)
            s = "".join(chr(rng.randrange(a, b)) for _ in range(rng.randint(1, 40)))
        elif kind == 4:
            s = "".join(chr(rng.randrange(*rng.choice(RANGES))) for _ in range(rng.randint(1, 60)))
        elif kind == 5:
            s = "".join(rng.choice(" \t\n\r\u00a0\u2003x1.'") * rng.randint(1, 6) for _ in range(rng.randint(1, 20)))
        elif kind == 6:
            s = "".join(rng.choice(["'s", "'S", "'re", "'LL", "’s", "don", "I", "1", "12345", " ", "é"]) for _ in range(rng.randint(1, 20)))
        else:
            s = rng.choice(CODE) + str(rng.randrange(10 ** rng.randint(1, 12))) + rng.choice(CODE)
        out.append(s)
    return [s.encode("utf-8", "replace").decode() for s in out[:count]]
