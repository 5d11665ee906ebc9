"""The same rows in every form that data come in, as datasets, pandas, pyarrow and webdataset write and read them, in moslava convert.

    python check_forms.py PROGRAMS WORK

webdataset is asked where it is installed.
"""
import gzip
import io
import json
import os
import pathlib
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ours import output, pictures
from report import check, equal

TEXTS = ["red", "NA", "3", "007", "None", " spaced ", "two\nlines", "win\r\ndows", 'she said "no"', "a, b", "a\tb", "'quoted'", "5\" wide", "1e3", "true",
         "猫 🙂", "", "[a]", "{b}", "nan", "é", "\\n", "#1", "-", "null"]


def rows_of(files):
    """Rows of a picture, a question and an answer; texts that readers of tables are tempted by."""
    return [{"id": f"r{i}", "image": files[i % len(files)].name, "question": f"Question {i}: {t or 'none'}", "answer": t or "empty"}
            for i, t in enumerate(TEXTS)]


class Forms:
    def __init__(self, program, work, files):
        self.program, self.work, self.files = program, work, files
        self.directory = files[0].parent
        self.bytes = {f.name: f.read_bytes() for f in files}
        self.rows = rows_of(files)
        self.made = 0

    def dir(self, name):
        d = self.work / "forms" / name
        d.mkdir(parents=True)
        return d

    def ours(self, path, *flags):
        """What moslava makes of the rows at path: pictures, and texts of all turns."""
        from datasets import Image, Sequence, load_from_disk
        self.made += 1
        out = self.work / f"forms-{self.made}"
        output(self.program, "convert", path, out, "--messages", *flags)
        got = load_from_disk(str(out)).cast_column("images", [Image(decode=False)])
        return [{"id": r["id"], "pictures": [p["bytes"] for p in r["images"] or []], "turns": [m["content"] for m in r["messages"]]} for r in got]

    def same(self, got, want, asked=True):
        equal(len(got), len(want), "rows")
        for i, (a, b) in enumerate(zip(got, want)):
            equal(a["turns"], [("<image>\n" + b["question"]) if asked else "<image>", b["answer"]], f"turns of row {i}")
            equal(a["pictures"], [b["image"]], f"picture of row {i}")
            if b.get("id") is not None:
                equal(a["id"], b["id"], f"id of row {i}")

    def read(self, rows, image="image", question="question", answer="answer", ident="id"):
        """Rows that a Python library read, with the bytes of their pictures."""
        out = []
        for r in rows:
            p = r[image]
            if isinstance(p, str):
                p = self.bytes[os.path.basename(p)]
            elif isinstance(p, dict):
                p = p["bytes"] if p["bytes"] is not None else pathlib.Path(p["path"]).read_bytes()
            out.append({"id": r.get(ident), "image": p, "question": r.get(question), "answer": r[answer]})
        return out

    def embedded(self):
        from datasets import Dataset, Features, Image, Value
        text = Value("string")
        columns = {k: [r[k] for r in self.rows] for k in ("id", "question", "answer")}
        columns["image"] = [{"bytes": self.bytes[r["image"]], "path": r["image"]} for r in self.rows]
        return Dataset.from_dict(columns, features=Features({"id": text, "question": text, "answer": text, "image": Image()}))


def loaded(kind, **kw):
    """The rows as datasets loads them, pictures as they are stored."""
    from datasets import Image, load_dataset
    d = load_dataset(kind, split=kw.pop("split", "train"), **kw)
    for name, f in d.features.items():
        if isinstance(f, Image):
            d = d.cast_column(name, Image(decode=False))
    return list(d)


def check_arrow(f):
    import datasets
    made = f.embedded()
    want = f.read(list(made.cast_column("image", datasets.Image(decode=False))))
    d = f.dir("saved")
    datasets.DatasetDict(train=made, test=made.select(range(3))).save_to_disk(str(d))
    with check("forms: a split of save_to_disk"):
        f.same(f.ours(d, "--split", "test"), want[:3])
    d = f.dir("hub")
    for split, n in (("train", len(want)), ("test", 4)):
        (d / "data").mkdir(exist_ok=True)
        step = (n + 2) // 3
        for i in range(3):
            made.select(range(i * step, min(n, (i + 1) * step))).to_parquet(str(d / "data" / f"{split}-{i:05d}-of-00003.parquet"))
    with check("forms: splits of Parquet shards in the Hub's layout"):
        f.same(f.ours(d, "--split", "train"), f.read(loaded("parquet", data_files={"train": str(d / "data" / "train-*.parquet")})))
        f.same(f.ours(d, "--split", "test"), want[:4])
    d = f.dir("views")
    views = pa.table({"id": pa.array([r["id"] for r in f.rows], pa.string_view()), "question": pa.array([r["question"] for r in f.rows], pa.large_string()),
                      "answer": pa.array([r["answer"] for r in f.rows]).dictionary_encode(), "image": pa.array([f.bytes[r["image"]] for r in f.rows], pa.binary_view())})
    for name, new in (("stream", pa.ipc.new_stream), ("file", pa.ipc.new_file)):
        with check(f"forms: an Arrow {name} of views and dictionaries"):
            with new(str(d / f"{name}.arrow"), views.schema) as w:
                w.write_table(views, max_chunksize=7)
            f.same(f.ours(d / f"{name}.arrow"), want)


def check_json(f):
    import zstandard
    d = f.dir("json")
    frame = pd.DataFrame(f.rows)
    frame.to_json(d / "rows.jsonl", orient="records", lines=True, force_ascii=False)
    frame.to_json(d / "rows.json", orient="records")
    frame.to_json(d / "pandas.jsonl.gz", orient="records", lines=True)
    frame.to_json(d / "pandas.jsonl.zst", orient="records", lines=True)
    text = (d / "rows.jsonl").read_bytes()
    with gzip.open(d / "members.jsonl.gz", "wb") as w:
        w.write(text[:500])
    with gzip.open(d / "members.jsonl.gz", "ab") as w:
        w.write(text[500:])
    (d / "frames.json.zst").write_bytes(b"".join(zstandard.ZstdCompressor(level=19).compress(part) for part in (text[:700], text[700:])))
    want = f.read(loaded("json", data_files=str(d / "rows.jsonl")))
    for name in ("rows.jsonl", "rows.json", "pandas.jsonl.gz", "pandas.jsonl.zst", "members.jsonl.gz", "frames.json.zst"):
        with check(f"forms: {name}"):
            f.same(f.ours(d / name, "--images", f.directory), want)
    with check("forms: other names of columns"):
        frame.rename(columns={"image": "photo", "question": "q", "answer": "a"}).to_json(d / "named.jsonl", orient="records", lines=True)
        f.same(f.ours(d / "named.jsonl", "--images", f.directory, "--columns", "image=photo,question=q,answer=a"), want)


def check_csv(f):
    from datasets import Features, Value
    d = f.dir("csv")
    frame = pd.DataFrame(f.rows)
    frame.to_csv(d / "rows.csv", index=False)
    frame.to_csv(d / "index.csv")
    frame.to_csv(d / "quoted.csv", index=False, quoting=1, lineterminator="\r\n", encoding="utf-8-sig")
    frame.to_csv(d / "rows.tsv", index=False, sep="\t")
    frame.to_csv(d / "rows.csv.gz", index=False)
    frame.to_csv(d / "rows.tsv.zst", index=False, sep="\t")
    f.embedded().remove_columns("image").add_column("image", frame["image"].tolist()).to_csv(str(d / "datasets.csv"), index=False)
    for name in ("rows.csv", "index.csv", "quoted.csv", "rows.tsv", "rows.csv.gz", "rows.tsv.zst", "datasets.csv"):
        with check(f"forms: {name}"):
            sep = "\t" if ".tsv" in name else ","
            read = pd.read_csv(d / name, sep=sep, dtype=str, keep_default_na=False).to_dict("records")
            want = f.read(read)
            f.same(f.ours(d / name, "--images", f.directory), want)
            equal([r["answer"] for r in want], [r["answer"] for r in f.rows], "what pandas reads")
            if name.count(".") == 1:
                texts = Features({k: Value("string") for k in read[0]})
                f.same(f.ours(d / name, "--images", f.directory),
                       f.read(loaded("csv", data_files=str(d / name), sep=sep, features=texts, keep_default_na=False)))


def tar(path, samples):
    import tarfile
    with tarfile.open(path, "w") as t:
        for key, files in samples:
            for ending, data in files.items():
                info = tarfile.TarInfo(f"{key}.{ending}")
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))


def check_webdataset(f):
    d = f.dir("webdataset")
    talks = [(f"{i:06d}", {"png": f.bytes[r["image"]], "json": json.dumps({k: r[k] for k in ("id", "question", "answer")}).encode()}) for i, r in enumerate(f.rows)]
    for i in range(3):
        tar(d / f"train-{i:06d}.tar", talks[i * 9:(i + 1) * 9])
    with check("forms: tar shards by braces, as datasets reads them"):
        read = [dict(r["json"], image=r["png"]) for r in loaded("webdataset", data_files=[str(d / f"train-{i:06d}.tar") for i in range(3)])]
        f.same(f.ours(d / "train-{000000..000002}.tar"), f.read(read))
        f.same(f.ours(d), f.read(read))
    tar(d / "captions.tar", [(f"a/{i:03d}", {"jpg": f.bytes[r["image"]], "txt": r["answer"].encode(), "json": json.dumps({"url": "x", "caption": "y"}).encode()})
                             for i, r in enumerate(f.rows)])
    captions = [{"id": r["__key__"], "image": r["jpg"], "answer": r["txt"]} for r in loaded("webdataset", data_files=str(d / "captions.tar"))]
    with check("forms: tar of pictures and captions, as datasets reads it"):
        f.same(f.ours(d / "captions.tar"), f.read(captions), asked=False)
        asked = [dict(r, question="What is it?") for r in captions]
        f.same(f.ours(d / "captions.tar", "--prompt", "What is it?"), f.read(asked))
    try:
        import webdataset
    except ImportError:
        print("interop: left out: webdataset's own shards, the package is not there", file=sys.stderr)
        return
    with check("forms: shards of webdataset's ShardWriter"):
        with webdataset.ShardWriter(str(d / "own-%06d.tar"), maxcount=10, verbose=0) as w:
            for i, r in enumerate(f.rows):
                w.write({"__key__": r["id"], "png": f.bytes[r["image"]], "json": {"question": r["question"], "answer": r["answer"]}})
        names = sorted(str(p) for p in d.glob("own-*.tar"))
        read = [dict(json.loads(r["json"]), image={"bytes": r["png"], "path": None}, id=r["__key__"]) for r in webdataset.WebDataset(names, shardshuffle=False)]
        f.same(f.ours(d / "own-*.tar"), f.read(read))


def check_imagefolder(f):
    frame = pd.DataFrame(f.rows[:20]).rename(columns={"image": "file_name"})
    for ending in ("csv", "jsonl", "parquet"):
        d = f.dir("imagefolder-" + ending)
        (d / "train").mkdir()
        for name, data in f.bytes.items():
            (d / "train" / name).write_bytes(data)
        if ending == "csv":
            frame.to_csv(d / "train" / "metadata.csv", index=False)
        elif ending == "jsonl":
            frame.to_json(d / "train" / "metadata.jsonl", orient="records", lines=True)
        else:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), str(d / "train" / "metadata.parquet"))
        with check(f"forms: imagefolder with metadata.{ending}"):
            # of CSV datasets makes numbers and nothing of some texts, which moslava does not
            read = loaded("imagefolder", data_dir=str(d))
            if ending == "csv":
                for r, own in zip(read, f.rows):
                    r["answer"] = own["answer"]
            f.same(f.ours(d, "--split", "train"), f.read(read))
    d = f.dir("labels")
    for i, (name, data) in enumerate(sorted(f.bytes.items())):
        (d / ("cat", "dog")[i % 2]).mkdir(exist_ok=True)
        (d / ("cat", "dog")[i % 2] / name).write_bytes(data)
    with check("forms: imagefolder with labels"):
        from datasets import load_dataset
        names = load_dataset("imagefolder", data_dir=str(d), split="train").features["label"].names
        read = loaded("imagefolder", data_dir=str(d))
        want = [{"image": r["image"], "question": "Which?", "answer": names[r["label"]]} for r in read]
        f.same(f.ours(d, "--columns", "answer=label", "--prompt", "Which?"), f.read(want))


def main():
    programs, work = map(pathlib.Path, sys.argv[1:])
    os.environ.update(HF_HOME=str(work / "hf"), HF_DATASETS_CACHE=str(work / "hf" / "datasets"), HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1",
                      HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    forms = Forms(programs / "moslava", work, pictures(work / "forms-pictures"))
    for part in (check_arrow, check_json, check_csv, check_webdataset, check_imagefolder):
        with check(f"forms: {part.__name__} went through"):
            part(forms)


if __name__ == "__main__":
    main()
