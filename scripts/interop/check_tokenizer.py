"""moslava tokenize beside the Rust library tokenizers: ids, with and without special tokens, and text again.

    python check_tokenizer.py PROGRAMS TOKENIZER.json [TOKENIZER.json ...]
"""
import json
import os
import pathlib
import subprocess
import sys

from tokenizers import Tokenizer

from report import check, equal
from texts import lines

COUNT = int(os.environ.get("MOSLAVA_LINES", "2000"))


def ours(program, tokenizer, rows, *flags):
    """What moslava tokenize answers, a line each."""
    text = "".join(json.dumps(r) + "\n" for r in rows)
    p = subprocess.run([str(program), "tokenize", "--json", "--tokenizer", str(tokenizer), *flags], input=text.encode(), capture_output=True)
    assert p.returncode == 0, p.stderr.decode()
    return [json.loads(s) for s in p.stdout.decode().split("\n")[:-1]]


def same(got, want, rows, what):
    equal(len(got), len(want), f"lines of {what}")
    bad = [i for i, (a, b) in enumerate(zip(got, want)) if a != b]
    assert not bad, f"{what}: {len(bad)} of {len(want)} differ, the first for {rows[bad[0]][:80]!r}: {str(got[bad[0]])[:200]}, want {str(want[bad[0]])[:200]}"


def long_lines():
    return ["x" * 1_000_000, "哈🙂é" * 100_000, "ab12" * 250_000, " " * 200_000, "word " * 200_000, "=-" * 500_000]


def check_file(program, file):
    rust = Tokenizer.from_file(str(file))
    specials = sorted(a.content for a in rust.get_added_tokens_decoder().values())[:12]
    rows = lines(COUNT, specials)
    name = f"{file.parent.name}/{file.name}"
    for special, flags in ((False, ()), (True, ("--special",))):
        with check(f"{name}: ids of {len(rows)} texts{' with special tokens' if special else ''}"):
            want = [e.ids for e in rust.encode_batch(rows, add_special_tokens=special)]
            same(ours(program, file, rows, *flags), want, rows, "ids")
        with check(f"{name}: text of those ids {'kept' if special else 'left out'}"):
            texts = [rust.decode(ids, skip_special_tokens=not special) for ids in want]
            same(ours(program, file, want, "--decode", *flags), texts, rows, "text")
    if os.environ.get("MOSLAVA_LONG"):
        with check(f"{name}: ids of long lines"):
            rows = long_lines()
            same(ours(program, file, rows), [rust.encode(s, add_special_tokens=False).ids for s in rows], rows, "ids")


def main():
    program = pathlib.Path(sys.argv[1]) / "moslava"
    for file in sys.argv[2:]:
        check_file(program, pathlib.Path(file))


if __name__ == "__main__":
    main()
