"""Arrow data sets between moslava and the datasets library, both ways.

    python check_arrow.py PROGRAMS WORK
"""
import json
import pathlib
import sys

from datasets import Dataset, DatasetDict, Features, Image as ImageFeature, Value, load_from_disk
from PIL import Image

from ours import output, pictures
from report import check, equal

TALK = {"conversations": [{"from": Value("string"), "value": Value("string")}]}


def turns(*texts):
    return [{"from": ("human", "gpt")[i % 2], "value": t} for i, t in enumerate(texts)]


def samples(files):
    """LLaVA rows: with a picture and without, several turns, several scripts."""
    rows = []
    for i in range(23):
        file = files[i % len(files)] if i % 4 else None
        mark = "<image>\n" if file else ""
        talk = turns(f"{mark}Question {i}: 这是什么?", f"Answer {i} — “yes” 🙂")
        if i % 3 == 0:
            talk += turns("And then?\n\ttabs, \"quotes\"", "x" * (i * 50))
        row = {"id": f"row-{i}", "conversations": talk}
        if file:
            row["image"] = file.name
        rows.append(row)
    return rows


def same_rows(got, rows, directory):
    equal(len(got), len(rows), "rows")
    got = got.cast_column("image", ImageFeature(decode=False))
    for i, (a, b) in enumerate(zip(got, rows)):
        equal(a["conversations"], b["conversations"], f"conversations of row {i}")
        equal(a["id"], b["id"], f"id of row {i}")
        if "image" not in b:
            equal(a["image"], None, f"image of row {i}")
        else:
            assert a["image"]["bytes"] == (directory / b["image"]).read_bytes(), f"image of row {i}: other bytes"


def check_ours(program, work, files):
    rows, directory = samples(files), files[0].parent
    source = work / "talks.json"
    source.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    for flags, shards in (((), 1), (("--rows", "5"), 5)):
        out = work / f"ours-{shards}"
        with check(f"arrow: load_from_disk of moslava's {shards} shards"):
            output(program, "convert", source, out, "--images", directory, *flags)
            equal(len(list(out.glob("*.arrow"))), shards, "shards")
            got = load_from_disk(str(out))
            same_rows(got, rows, directory)
            equal(type(got.features["image"]).__name__, "Image", "feature of image")
            shown = next(r for r in got if r["image"] is not None)
            equal(shown["image"].size, Image.open(directory / rows[1]["image"]).size, "size of the decoded picture")
            assert len(got.select(range(3, 7)).shuffle(seed=1)) == 4


def hugging_face(rows, directory):
    """The rows as the datasets library holds them, pictures embedded."""
    columns = {k: [r.get(k) for r in rows] for k in ("id", "conversations")}
    columns["image"] = [{"bytes": (directory / r["image"]).read_bytes(), "path": r["image"]} if "image" in r else None for r in rows]
    features = Features({"id": Value("string"), **TALK, "image": ImageFeature()})
    return Dataset.from_dict(columns, features=features)


def check_theirs(program, work, files):
    rows, directory = samples(files), files[0].parent
    made = hugging_face(rows, directory)

    def back(name, path, want):
        with check(f"arrow: moslava reads {name}"):
            out = work / ("theirs-" + name.replace(" ", "-"))
            output(program, "convert", path, out, "--rows", "7")
            same_rows(load_from_disk(str(out)), want, directory)

    made.save_to_disk(str(work / "saved-1"))
    back("save_to_disk", work / "saved-1", rows)
    made.save_to_disk(str(work / "saved-3"), num_shards=3)
    back("save_to_disk in three shards", work / "saved-3", rows)
    picked = [4, 2, 17, 9]
    made.select(picked).save_to_disk(str(work / "picked"))
    back("rows picked before saving", work / "picked", [rows[i] for i in picked])
    DatasetDict(train=made).save_to_disk(str(work / "splits"))
    back("a split of several", work / "splits" / "train", rows)


def main():
    programs, work = map(pathlib.Path, sys.argv[1:])
    files = pictures(work / "pictures")
    check_ours(programs / "moslava", work, files)
    check_theirs(programs / "moslava", work, files)


if __name__ == "__main__":
    main()
