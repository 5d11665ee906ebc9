"""What moslava data convert writes, read with the datasets and webdataset libraries: row for row, byte for byte.

    python check_convert.py PROGRAMS WORK
"""
import json
import pathlib
import sys

from datasets import Image as ImageFeature, load_dataset, load_from_disk
from PIL import Image
import webdataset

from ours import output, pictures
from report import check, equal

SHARDS = 4


def source(work, files):
    """LLaVA rows with one picture and with none, and rows of messages with several."""
    one, several = [], []
    for i in range(19):
        file = files[i % len(files)] if i % 4 else None
        mark = "<image>\n" if file else ""
        talk = [{"from": "human", "value": f"{mark}Question {i}: 这是什么? <b> & \"quotes\"\n\ttab"}, {"from": "gpt", "value": f"Answer {i} — “yes” 🙂"}]
        if i % 3 == 0:
            talk = [{"from": "system", "value": "be brief"}] + talk
        row = {"id": f"row-{i}", "conversations": talk}
        if file:
            row["image"] = file.name
        one.append(row)
        n = i % 3
        several.append({"id": f"row-{i}", "images": [files[(i + k) % len(files)].name for k in range(n)], "messages": [
            {"role": "user", "content": "<image>" * n + f"How many, {i}?"}, {"role": "assistant", "content": f"{n}", "weight": i % 2}]})
    for name, rows in (("one", one), ("several", several)):
        (work / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return one, several


def bytes_of(picture):
    return None if picture is None else picture["bytes"]


def same_one(got, rows, directory):
    """Rows of the columns id, image, conversations."""
    equal(len(got), len(rows), "rows")
    equal(type(got.features["image"]).__name__, "Image", "feature of image")
    shown = got[1]["image"]
    equal(shown.size, Image.open(directory / rows[1]["image"]).size, "size of the picture that is shown")
    for i, (a, b) in enumerate(zip(got.cast_column("image", ImageFeature(decode=False)), rows)):
        equal(a["id"], b["id"], f"id of row {i}")
        equal(a["conversations"], b["conversations"], f"conversations of row {i}")
        equal(bytes_of(a["image"]), (directory / b["image"]).read_bytes() if "image" in b else None, f"picture of row {i}")


def same_several(got, rows, directory):
    """Rows of the columns id, images, messages."""
    equal(len(got), len(rows), "rows")
    for i, (a, b) in enumerate(zip(got, rows)):
        equal([x.size for x in a["images"]], [Image.open(directory / n).size for n in b["images"]], f"pictures of row {i}")
        equal([(m["role"], m["content"]) for m in a["messages"]], [(m["role"], m["content"]) for m in b["messages"]], f"messages of row {i}")
        equal(a["messages"][1]["weight"], None if b["messages"][1]["weight"] else 0, f"weight of row {i}")


def turns(messages):
    return [{"from": {"user": "human", "assistant": "gpt"}[m["role"]], "value": m["content"], **({} if m.get("weight", 1) else {"weight": 0})} for m in messages]


def without_null(talk):
    return [{k: v for k, v in t.items() if v is not None} for t in talk]


def check_columns(program, work, rows, name, same, directory):
    for form, load in (("arrow", lambda d: load_from_disk(str(d))), ("parquet", lambda d: load_dataset(str(d), split="train"))):
        with check(f"convert: datasets reads {form}, {name}"):
            out = work / f"{form}-{name}"
            output(program, "data", "convert", work / f"{name}.json", out, "--to", form, "--images", directory, "--rows-per-shard", "5")
            equal(len(list(out.rglob(f"*.{form}"))), SHARDS, "shards")
            same(load(out), rows, directory)


def check_lines(program, work, one, directory):
    with check("convert: datasets reads jsonl"):
        out = work / "lines"
        output(program, "data", "convert", work / "one.json", out, "--to", "jsonl", "--images", directory, "--rows-per-shard", "5")
        got = load_dataset("json", data_files=sorted(map(str, out.glob("*.jsonl"))), split="train")
        equal(len(got), len(one), "rows")
        for i, (a, b) in enumerate(zip(got, one)):
            equal((a["id"], without_null(a["conversations"])), (b["id"], b["conversations"]), f"row {i}")
            if "image" in b:
                equal((out / a["image"]).read_bytes(), (directory / b["image"]).read_bytes(), f"picture of row {i}")
            else:
                equal(a["image"], None, f"picture of row {i}")
    with check("convert: LLaVA's JSON has the rows of LLaVA's JSON"):
        out = work / "llava"
        output(program, "data", "convert", work / "one.json", out, "--to", "llava-json", "--images", directory)
        for i, (a, b) in enumerate(zip(json.loads((out / "train.json").read_text("utf-8")), one, strict=True)):
            equal({k: v for k, v in a.items() if k != "image"}, {k: v for k, v in b.items() if k != "image"}, f"row {i}")
            equal("image" in a, "image" in b, f"picture of row {i}")
            if "image" in b:
                equal((out / "images" / a["image"]).read_bytes(), (directory / b["image"]).read_bytes(), f"picture of row {i}")


def check_table(program, work, one, directory):
    with check("convert: datasets reads csv"):
        rows = [dict(r, conversations=r["conversations"][-2:]) for r in one]
        (work / "asked.json").write_text(json.dumps(rows), encoding="utf-8")
        out = work / "table"
        output(program, "data", "convert", work / "asked.json", out, "--to", "csv", "--images", directory, "--rows-per-shard", "5")
        got = load_dataset("csv", data_files=sorted(map(str, out.glob("*.csv"))), split="train", keep_default_na=False)
        equal(len(got), len(rows), "rows")
        for i, (a, b) in enumerate(zip(got, rows)):
            question, answer = (t["value"] for t in b["conversations"])
            equal((a["id"], a["question"], a["answer"]), (b["id"], question.removeprefix("<image>\n"), answer), f"row {i}")
            equal((out / a["image"]).read_bytes() if a["image"] else None, (directory / b["image"]).read_bytes() if "image" in b else None, f"picture of row {i}")


def check_tars(program, work, one, several, directory):
    for name, rows in (("one", one), ("several", several)):
        with check(f"convert: webdataset reads tars, {name}"):
            out = work / f"tars-{name}"
            output(program, "data", "convert", work / f"{name}.json", out, "--to", "webdataset", "--images", directory, "--rows-per-shard", "5")
            shards = sorted(map(str, out.glob("*.tar")))
            equal(len(shards), SHARDS, "shards")
            got = list(webdataset.WebDataset(shards, shardshuffle=False))
            equal(len(got), len(rows), "rows")
            for i, (a, b) in enumerate(zip(got, rows)):
                text = json.loads(a["json"])
                names = [b["image"]] if "image" in b else b.get("images", [])
                equal((text["id"], text["conversations"]), (b["id"], b["conversations"] if "conversations" in b else turns(b["messages"])), f"row {i}")
                found = [a[k] for k in sorted(k for k in a if k != "json" and not k.startswith("__"))]
                equal(found, [(directory / n).read_bytes() for n in names], f"pictures of row {i}")
    with check("convert: datasets reads tars in which each row has a picture"):
        rows = [r for r in one if "image" in r]
        (work / "shown.json").write_text(json.dumps(rows), encoding="utf-8")
        out = work / "tars-shown"
        output(program, "data", "convert", work / "shown.json", out, "--to", "webdataset", "--images", directory, "--rows-per-shard", "5")
        got = load_dataset("webdataset", data_files=sorted(map(str, out.glob("*.tar"))), split="train")
        equal(len(got), len(rows), "rows")
        for i, (a, b) in enumerate(zip(got, rows)):
            equal(a["png"].size, Image.open(directory / b["image"]).size, f"picture of row {i}")
            equal((a["json"]["id"], without_null(a["json"]["conversations"])), (b["id"], b["conversations"]), f"row {i}")


def main():
    programs, work = map(pathlib.Path, sys.argv[1:])
    program, work = programs / "moslava", work / "convert"
    files = pictures(work / "pictures")
    one, several = source(work, files)
    directory = files[0].parent
    check_columns(program, work, one, "one", same_one, directory)
    check_columns(program, work, several, "several", same_several, directory)
    check_lines(program, work, one, directory)
    check_table(program, work, one, directory)
    check_tars(program, work, one, several, directory)


if __name__ == "__main__":
    main()
