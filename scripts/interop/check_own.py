"""The rules by which answers to one's own questions are right, stated from their publications, on the golden answers of the Go test.

    python check_own.py [PROTOCOLS_TESTDATA]

number: ChartQA's relaxed accuracy (arXiv 2203.10244, 5.1; pix2struct's metrics.py), where texts are compared as under casefold.
anls: DocVQA's (arXiv 1907.00490), threshold 0.5. f1: SQuAD's evaluate-v1.1.py (arXiv 1606.05250). Needs no package.
With --write it writes the file anew.
"""
import collections
import json
import pathlib
import re
import string
import sys

CASES = [
    ("red", ["red"]), ("Red.", ["red"]), (" RED ", ["red"]), ("red .", ["Red"]), ("a red car", ["red car"]), ("the Red, car!", ["red car", "blue"]),
    ("10", ["10"]), ("10.4", ["10"]), ("10.5", ["10"]), ("10.51", ["10"]), ("9.5", ["10"]), ("9.49", ["10"]), ("-10", ["10"]), ("50%", ["0.5"]),
    ("50", ["50%"]), ("0", ["0"]), ("0.0", ["0"]), ("1e1", ["10"]), ("1_0", ["10"]), ("1,000", ["1000"]), ("10 cars", ["10"]), ("nan", ["1"]),
    ("inf", ["1"]), ("12.", ["12"]), ("", ["x"]), (".", ["."]), ("kitten", ["sitting"]), ("sitten", ["sitting"]), ("Invoice  No 12", ["invoice no 12"]),
    ("invoice no 13", ["invoice no 12", "bill"]), ("abcd", ["abxy"]), ("abcde", ["abxyz"]), ("two red cars", ["red cars are two", "two cars"]),
    ("red red", ["red"]), ("the", ["a"]), ("Zürich", ["zürich"]), ("不知道。", ["不知道"]), ("rot-grün", ["rot grün"]), ("theatre", ["theatre the"]),
    ("yes", ["Yes", "yeah"]), ("no\n", ["No"]), ("3", ["three", "3"]), ("99.9", ["95.2"]), ("100", ["95.2"]), ("100", ["95.3"]),
]


def fold(s):
    s = s.strip()
    for stop in ".。":
        if s.endswith(stop):
            s = s[:-1].strip()
            break
    return s.lower()


def to_float(text):
    try:
        if text.strip().endswith("%"):
            return float(text.strip().rstrip("%")) / 100
        return float(text)
    except ValueError:
        return None


def number(said, want, tolerance=0.05):
    s, w = to_float(said), to_float(want)
    if s is not None and w:
        return float(abs(s - w) / abs(w) <= tolerance)
    return float(fold(said) == fold(want))


def distance(a, b):
    rows = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, rows = rows, [i]
        for j, y in enumerate(b, 1):
            rows.append(min(last[j] + 1, rows[-1] + 1, last[j - 1] + (x != y)))
    return rows[-1]


def anls(said, want):
    longer = max(len(said), len(want))
    if not longer:
        return 1.0
    similar = 1 - distance(" ".join(said.lower().split()), " ".join(want.lower().split())) / longer
    return similar if similar >= 0.5 else 0.0


def words(s):
    s = "".join(c for c in s.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", s).split()


def f1(said, want):
    a, b = words(said), words(want)
    same = sum((collections.Counter(a) & collections.Counter(b)).values())
    if not same:
        return 0.0
    precision, recall = same / len(a), same / len(b)
    return 2 * precision * recall / (precision + recall)


RULES = {"exact": lambda s, w: float(s.strip() == w.strip()), "casefold": lambda s, w: float(fold(s) == fold(w)), "number": number,
         "number-0.1": lambda s, w: number(s, w, 0.1), "anls": anls, "f1": f1}


def main():
    here = pathlib.Path(__file__).resolve().parents[2] / "pipelines/eval/protocols/testdata"
    paths = [a for a in sys.argv[1:] if a != "--write"]
    file = pathlib.Path(paths[0] if paths else here) / "own.json"
    rows = [{"said": said, "want": want, "credit": {name: max(rule(said, w) for w in want) for name, rule in RULES.items()}} for said, want in CASES]
    text = "[\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n]\n"
    if "--write" in sys.argv:
        file.write_text(text, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != text:
        sys.exit(f"{file}: not what the rules say")
    print(f"ok   own: {len(rows)} answers under {len(RULES)} rules")


main()
