#!/usr/bin/env python3
"""Hugging Face tokenizers (Rust), one thread: tokens/s on a few megabytes of text.

    python tokenizer_speed.py --documents DOCUMENTS.json --tokenizer TOKENIZER.json [--repeats 5]
    python tokenizer_speed.py --texts LIST --write DOCUMENTS.json [--megabytes 5] [--chunk 2000]

--write cuts the texts whose files LIST names, one a line, into documents of whole lines, about --chunk characters each, and ends: both sides encode these.
Documents are encoded one by one (encode) and as one encode_batch; parallelism is off. The first pass is reported apart:
it fills the library's per-word cache. The digest of all ids must be that of the other side.
"""
import argparse
import hashlib
import json
import os
import pathlib
import statistics
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import tokenizers  # noqa: E402  (after the environment, which it reads at import)

import measure  # noqa: E402


def chunks(text, size):
    out, current, length = [], [], 0
    for line in text.splitlines(keepends=True):
        current.append(line)
        length += len(line)
        if length >= size:
            out.append("".join(current))
            current, length = [], 0
    return out + (["".join(current)] if current else [])


def write(a):
    """The first so many megabytes of the texts; over again from the start when they are too short."""
    raw = b"".join(pathlib.Path(name).read_bytes() for name in a.texts.read_text().splitlines())
    if not raw:
        raise SystemExit(f"{a.texts}: its files hold no text")
    raw = (raw * (int(a.megabytes * 1e6) // len(raw) + 1))[:int(a.megabytes * 1e6)]
    a.write.write_text(json.dumps(chunks(raw.decode("utf-8", "ignore"), a.chunk)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--documents", type=pathlib.Path)
    p.add_argument("--tokenizer", type=pathlib.Path)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--texts", type=pathlib.Path)
    p.add_argument("--write", type=pathlib.Path)
    p.add_argument("--megabytes", type=float, default=5)
    p.add_argument("--chunk", type=int, default=2000)
    a = p.parse_args()
    if a.write:
        return write(a)
    documents = json.loads(a.documents.read_text())
    tokenizer = tokenizers.Tokenizer.from_file(str(a.tokenizer))
    seconds, batch, others, load = [], [], [], measure.OtherLoad()
    for _ in range(a.repeats + 1):
        start = time.perf_counter()
        ids = [tokenizer.encode(d, add_special_tokens=False).ids for d in documents]
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        tokenizer.encode_batch(documents, add_special_tokens=False)
        batch.append(time.perf_counter() - start)
        others.append(load.cores())
    count, digest = sum(map(len, ids)), hashlib.sha256()
    for one in ids:
        digest.update(np.asarray(one, "<i4").tobytes())
    fastest = min(statistics.median(seconds[1:]), statistics.median(batch[1:]))
    measure.report(what="tokenizer", documents=len(documents), tokens=count, sha256=digest.hexdigest(), cold_s=round(seconds[0], 3),
                   encode_s=measure.spread(seconds[1:], 6), encode_batch_s=measure.spread(batch[1:], 6),
                   cold_tokens_per_s=round(count / seconds[0]), tokens_per_s=round(count / fastest), other_cores_each=others[1:],
                   versions=measure.versions("tokenizers"), peak_rss_mib=measure.peak_rss_mib())
    return None


if __name__ == "__main__":
    main()
