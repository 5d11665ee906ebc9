"""Chat templates in transformers and in moslava: every rendering gives the same text, or an error in both.

    python check_templates.py PROGRAMS TEMPLATES...
    python check_templates.py --golden FILE

PROGRAMS holds render. TEMPLATES are .jinja files, directories of them, and JSON files that have templates as strings somewhere (as
those of language/chat/testdata). Besides, small templates of one feature each are made here (expressions.py). --golden writes what
transformers makes of a part of these, for the tests of language/chat/jinja.
"""
import datetime
import json
import pathlib
import signal
import subprocess
import sys

from transformers.utils import chat_template_utils

from conversations import VARIABLES
from expressions import EXPRESSIONS, HAND_MADE
from report import check

NOW = datetime.datetime(2025, 3, 7, 9, 5, 2)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def sources(paths):
    """Templates by name; what is the same comes once."""
    out = {}

    def walk(value, name):
        if isinstance(value, str):
            if "{{" in value or "{%" in value:
                out.setdefault(value, name)
        else:
            for v in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
                walk(v, name)

    for path in map(pathlib.Path, paths):
        for f in sorted(path.rglob("*.jinja")) if path.is_dir() else [path]:
            text = f.read_bytes().decode()
            walk(json.loads(text) if f.suffix == ".json" else text, f.stem)
    return [(name, text) for text, name in out.items()]


def stop(*_):
    raise TimeoutError("too slow")


def theirs(template, variables):
    """(text, error) of each rendering; one of them is None."""
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
    except Exception as e:
        return [(None, e)] * len(variables)
    out = []
    for v in variables:
        v = json.loads(json.dumps(v))
        signal.setitimer(signal.ITIMER_REAL, 20)
        try:
            out.append((compiled.render(**v), None))
        except Exception as e:
            out.append((None, e))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    return out


def ours(program, jobs):
    text = "\n".join(json.dumps({"template": t, "now": NOW.isoformat() + "Z", "vars": v}) for _, t, v in jobs)
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


# What moslava refuses though Python has it: integers of more than 64 bits, addresses of objects as text, and what no published template uses.
REFUSED = ("not supported", "64 bits", "cannot be printed")


def differences(program, jobs):
    """What is different, how many renderings there were, how many of them gave text, and how many moslava refused."""
    found, renderings, texts, refused = [], 0, 0, 0
    for (name, template, variables), results in zip(jobs, ours(program, jobs)):
        for i, ((text, error), got) in enumerate(zip(theirs(template, variables), results)):
            renderings += 1
            texts += text is not None
            if text is not None and any(r in got["error"] for r in REFUSED):
                refused += 1
            elif (text is None) != (got["error"] != "") or text is not None and text != got["text"]:
                found.append((name, i, text, error, got))
    return found, renderings, texts, refused


def write_golden(path):
    rows = []
    for template in EXPRESSIONS[:HAND_MADE] + EXPRESSIONS[HAND_MADE::8]:
        text, error = theirs(template, [VARIABLES[4]])[0]
        if text is None or " at 0x" not in text:
            rows.append(json.dumps([template, text], ensure_ascii=False))
    pathlib.Path(path).write_text("[\n" + ",\n".join(rows) + "\n]\n")
    (pathlib.Path(path).parent / "variables.json").write_text(json.dumps(VARIABLES[4], ensure_ascii=False, indent=1) + "\n")


def main():
    signal.signal(signal.SIGALRM, stop)
    chat_template_utils.datetime = Clock
    if sys.argv[1] == "--golden":
        return write_golden(sys.argv[2])
    program = str(pathlib.Path(sys.argv[1]) / "render")
    published = [(name, text, VARIABLES) for name, text in sources(sys.argv[2:])]
    small = [(text, text, [VARIABLES[0], VARIABLES[-1]]) for text in EXPRESSIONS]
    for kind, jobs in (("published templates", published), ("templates of one feature", small)):
        found, renderings, texts, refused = differences(program, jobs)
        with check(f"{len(jobs)} {kind}, {renderings} renderings, of which {texts} are texts: {refused} refused, {len(found)} differ"):
            for name, i, text, error, got in found[:400]:
                print(f"# {name[:100]!r} with variables {i}: transformers {str(error or text)[:3000]!r}, moslava {(got['error'] or got['text'])[:3000]!r}",
                      file=sys.stderr)
            assert not found, f"the first is {found[0][0]!r} with variables {found[0][1]}"


if __name__ == "__main__":
    main()
