"""VLMEvalKit (PyPI: ms-vlmeval) on prediction files that moslava wrote: its own evaluate gives the numbers of acc.csv.

ms-vlmeval 0.0.20 reads answers by the rules of 2025-08, so suites are asked under that protocol; among the answers are ones that the rules of 2024-06 read
otherwise. MathVista's evaluation wants a judge: it gets one that never answers, so that what needs none is compared.

    python check_vlmeval.py PROGRAMS WORK MODEL

Without the package nothing is checked. MODEL is any LLaVA directory: it only makes the files, its answers are replaced by
ones of many forms (verdicts are read again when an evaluation is resumed).
"""
import base64
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import random
import shutil
import sys
import types
from unittest import mock

from ours import output
from report import check, equal

PROTOCOL = "vlmevalkit-2025.08"
FORMULAS = ["=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1", "'=1+1"]
ODD = ["", "None", "I do not know", "A or B", "Z", "Cannot determine the answer", "a\tb", "two\nlines", 'say "no"', "007", "🙂", "不知道"]
NAMES = ["cat", "dog", "bird", "house", "red car", "blue boat", "tall tree", "7 apples"]
CATEGORIES = [("coarse_perception", "image_style"), ("coarse_perception", "image_scene"), ("attribute_reasoning", "function_reasoning"),
              ("finegrained_perception (instance-level)", "ocr"), ("logic_reasoning", "future_prediction"), ("our own", "something else")]


def vlmeval():
    """The package's data set classes, or None. Its __init__ files import every benchmark, with torch and more: they are left
    out, and downloads and colours, which nothing here uses, are replaced where they are not installed."""
    spec = importlib.util.find_spec("vlmeval")
    if spec is None:
        return None

    class Absent:
        def find_spec(self, name, path, target=None):
            if name.split(".")[0] in ("huggingface_hub", "sty"):
                return importlib.machinery.ModuleSpec(name, self, is_package=True)

        def create_module(self, spec):
            m = mock.MagicMock(name=spec.name)
            m.__path__, m.__name__ = [], spec.name
            return m

        def exec_module(self, module):
            pass

    sys.meta_path.append(Absent())
    for name in ("vlmeval", "vlmeval.dataset"):
        m = types.ModuleType(name)
        m.__path__ = [str(pathlib.Path(spec.submodule_search_locations[0], *name.split(".")[1:]))]
        sys.modules[name] = m
    from vlmeval.dataset.image_mcq import ImageMCQDataset
    from vlmeval.dataset.image_vqa import MathVista
    from vlmeval.dataset.image_yorn import ImageYORNDataset
    return ImageMCQDataset, ImageYORNDataset, MathVista


def picture(i):
    from PIL import Image
    b = io.BytesIO()
    Image.new("RGB", (20, 16), (i * 37 % 256, i * 91 % 256, i * 13 % 256)).save(b, "PNG")
    return base64.b64encode(b.getvalue()).decode()


def choices(rng, circular):
    """Rows of 40 questions with 2, 3 and 4 options."""
    rows = []
    for i in range(40):
        n = 2 + i % 3
        options, right = rng.sample(NAMES, n), rng.randrange(n)
        l2, category = CATEGORIES[i % len(CATEGORIES)]
        for k in range(n if circular else 1):
            row = {"index": i + 1 + k * 1_000_000, "question": f'what is "it" in {i}?', "hint": "a hint,\nof two lines" if i % 4 == 0 else "",
                   **{c: "" for c in "ABCD"}, "answer": "ABCD"[(right - k) % n], "category": category, "l2-category": l2,
                   "split": ["dev", "test"][i % 5 == 0], "image": picture(i) if k == 0 else str(i + 1)}
            row.update({"ABCD"[j]: options[(j + k) % n] for j in range(n)})
            rows.append(row)
    return rows


def answer_choice(rng, row):
    options = {c: row[c] for c in "ABCD" if row[c]}
    if rng.random() < 0.1:
        return rng.choice(FORMULAS + ODD)
    letter = row["answer"] if rng.random() < 0.92 else rng.choice(list(options))
    if rng.random() < 0.25:  # 2024-06 finds a letter anywhere, and a text in an answer of any length
        return rng.choice([f"{letter} is what I would say that this is", "I have looked at it for a very long time and believe that this is the " * 2 + options[letter]])
    return rng.choice([letter, f"{letter}.", f"({letter})", f"{letter}. {options[letter]}", options[letter], options[letter].upper(), f"Answer: {letter}"])


def yes_no(rng):
    return [{"index": i, "question": f"is there a cat in {i}?", "answer": ["Yes", "No"][i % 2], "category": ["random", "popular", "adversarial,random"][i % 3],
             "image": picture(i)} for i in range(60)]


MME = {"perception": ["OCR", "artwork", "celebrity", "color", "count", "existence", "landmark", "position", "posters", "scene"],
       "reasoning": ["code_reasoning", "commonsense_reasoning", "numerical_calculation", "text_translation"]}


def mme():
    """Two questions each about three pictures of every category."""
    rows = []
    for c in sum(MME.values(), []):
        for i in range(3):
            rows += [{"index": len(rows) + k, "question": f"Is it {c} {i} or {k}? Please answer yes or no.", "answer": said, "category": c,
                      "image_path": f"{c}/{i}.jpg", "image": picture(len(rows))} for k, said in enumerate(["Yes", "No"])]
    return rows


def math_vista():
    rows = []
    for i in range(36):
        form = ["multi_choice", "integer", "float", "text"][i % 4]
        options, right = ["it's 3", 'a "b"', "5", "x, y"], i // 4 % 4
        answer = {"multi_choice": options[right], "integer": str(i), "float": f"{i / 8:.2f}", "text": "red"}[form]
        rows.append({"index": i + 1, "question": f"what is it in {i}?", "question_type": "multi_choice" if form == "multi_choice" else "free_form",
                     "answer_type": "text" if form == "multi_choice" else form, "choices": str(options if form == "multi_choice" else []),
                     "answer_option": "ABCD"[right] if form == "multi_choice" else "", "answer": answer, "task": ["figure question answering", "math word problem"][i % 2],
                     "skills": str([["algebraic reasoning"], ["numeric commonsense", "it's logic"]][i // 2 % 2]), "image": picture(i)})
    return rows


def answer_math_vista(rng, row):
    if rng.random() < 0.15:
        return rng.choice(FORMULAS + ODD + ["12", "1.5", " 3 "])
    right = row["answer_option"] or row["answer"]
    return rng.choice([right, row["answer"], f"{row['answer']}.", f"it is {right}"])


def answer_yes_no(rng, row):
    if rng.random() < 0.2:
        return rng.choice(FORMULAS + ODD)
    said = row["answer"] if rng.random() < 0.8 else rng.choice(["Yes", "No"])
    return rng.choice([said, said.lower() + ".", f"{said}, it is", f"-{said}"])


def predictions(program, model, work, name, rows, answer):
    """moslava's directory of that suite with other answers."""
    import pandas as pd
    tsv, out = work / f"{name}.tsv", work / name
    pd.DataFrame(rows).to_csv(tsv, sep="\t", index=False)
    output(program, "evaluate", model, tsv, "--out", out, "--protocol", PROTOCOL)
    by = {r["index"]: r for r in rows}
    lines = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
    rng = random.Random(3)
    for v in lines:
        v["raw"] = answer(rng, by[v["id"]])
        del v["sum"]  # it was that of the answer that stood there
    (out / "verdicts.jsonl").write_text("".join(json.dumps(v) + "\n" for v in lines))
    output(program, "evaluate", model, tsv, "--out", out, "--protocol", PROTOCOL)
    return tsv, out, {v["id"]: v["raw"] for v in lines}


def readings_differ(program, tsv, out, work):
    readings = {}
    for protocol in (PROTOCOL, "vlmevalkit-2024.06"):
        to = work / f"{tsv.stem}-{protocol}.jsonl"
        output(program, "score", "--suite", tsv, "--predictions", out / "predictions.xlsx", "--protocol", protocol, "--verdicts", to)
        readings[protocol] = [json.loads(line)["extracted"] for line in to.read_text().splitlines()]
    late, early = readings.values()
    assert sum(a != b for a, b in zip(late, early, strict=True)) >= 2, "no answer tells the rules of 2024-06 and 2025-08 apart"


def same_texts(out, raw):
    """Every answer, read by pandas: as it is from the .xlsx; without its guard from the .tsv."""
    import pandas as pd
    text = dict(dtype=str, keep_default_na=False)
    sheet = pd.read_excel(out / "predictions.xlsx", **text)
    equal(dict(zip(map(int, sheet["index"]), sheet["prediction"])), raw, "answers in the .xlsx")
    import openpyxl
    cells = [c for row in openpyxl.load_workbook(out / "predictions.xlsx").active.iter_rows() for c in row]
    equal([c.coordinate for c in cells if c.data_type == "f"], [], "formulas in the .xlsx")
    equal({c.number_format for c in cells if c.data_type != "n"}, {"@"}, "formats of texts in the .xlsx")
    table = pd.read_csv(out / "predictions.tsv", sep="\t", **text)
    equal(list(table.columns), list(sheet.columns), "columns")
    got = dict(zip(map(int, table["index"]), table["prediction"]))
    changed = sorted({raw[i] for i in raw if got[i] != raw[i]})
    for i in raw:
        assert got[i] in (raw[i], "'" + raw[i]), f"row {i} of the .tsv: {got[i]!r}, expected {raw[i]!r}"
    assert set(changed) <= set(FORMULAS) | {"-Yes", "-No"}, f"these have a guard: {changed}"
    assert not any(str(c).lstrip()[:1] in ("=", "@") for column in table for c in table[column]), "a cell of the .tsv begins like a formula"


def scores(dataset, name, tsv, out, suffix, work):
    """What VLMEvalKit's evaluate writes for a prediction file."""
    from vlmeval.smp import load
    d = dataset.__new__(dataset)
    d.dataset_name, d.data = name, load(str(tsv))
    where = work / "theirs" / (name + suffix.replace(".", "-"))
    where.mkdir(parents=True)
    copied = where / f"ours_{name}{suffix}"
    shutil.copy(out / f"predictions{suffix}", copied)
    mute = types.SimpleNamespace(working=lambda: True, generate=lambda prompt, **_: "Failed to obtain answer via API.")
    with mock.patch("vlmeval.dataset.image_vqa.build_judge", lambda **_: mute):
        d.evaluate(str(copied), model="exact_matching", nproc=1)
    found = sorted(where.glob("*_acc.csv")) + sorted(where.glob("*_score.csv"))
    assert len(found) == 1, f"VLMEvalKit left {sorted(p.name for p in where.iterdir())}"
    return load(str(found[0]))


def same_sheet(got, want):
    """Scores by name, of which the program's first are its own names for halves of MME."""
    equal({{"cognition": "reasoning"}.get(k, k): v for k, v in want.items()}, got, "scores")
    assert 0 < max(got.values()), "all scores are 0: nothing was compared"


def same_scores(got, out):
    import pandas as pd
    sheet = pd.read_csv(out / "acc.csv")
    if "perception" in got:
        return same_sheet(got.iloc[0].to_dict(), sheet.iloc[0].to_dict())
    if "Task&Skill" in got:
        return same_sheet(dict(zip(got["Task&Skill"], got["hit"] / got["tot"])), sheet.iloc[0].to_dict())
    got, want = got.sort_values("split").reset_index(drop=True), pd.read_csv(out / "acc.csv").sort_values("split").reset_index(drop=True)
    equal(list(got.columns), list(want.columns), "columns")
    pd.testing.assert_frame_equal(got, want, check_exact=True)
    numbers = want.iloc[:, 1:].to_numpy()
    assert 0 < numbers.max(), "all scores are 0: nothing was compared"


def main():
    programs, work, model = map(pathlib.Path, sys.argv[1:])
    sets = vlmeval()
    if sets is None:
        print("check_vlmeval.py: vlmeval is not installed (requirements-vlmeval.txt): passed over")
        return
    import importlib.metadata
    mcq, yorn, math = sets
    print("ms-vlmeval", importlib.metadata.version("ms-vlmeval"))
    work = work / "vlmeval"
    work.mkdir(parents=True)
    for name, rows, answer, dataset in [
            ("MMBench_ours", choices(random.Random(1), True), answer_choice, mcq),
            ("plain_ours", choices(random.Random(2), False), answer_choice, mcq),
            ("POPE_ours", yes_no(random.Random(1)), answer_yes_no, yorn),
            ("MME", mme(), answer_yes_no, yorn),
            ("MathVista_MINI", math_vista(), answer_math_vista, math)]:
        tsv, out, raw = predictions(programs / "moslava", model, work, name, rows, answer)
        if dataset is mcq:
            with check(f"vlmeval: {name}: the rules of 2024-06 read some answers otherwise"):
                readings_differ(programs / "moslava", tsv, out, work)
        with check(f"vlmeval: {name}: predictions are read by pandas as they are"):
            same_texts(out, raw)
        for suffix in (".xlsx", ".tsv"):
            with check(f"vlmeval: {name}{suffix}: VLMEvalKit's evaluate gives acc.csv"):
                same_scores(scores(dataset, name, tsv, out, suffix, work), out)


if __name__ == "__main__":
    main()
