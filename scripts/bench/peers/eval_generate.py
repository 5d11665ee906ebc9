#!/usr/bin/env python3
"""Greedy evaluation with transformers generate() over MMBench rows: rows/s and peak memory.

    python eval_generate.py --real REAL_DIR --tsv mmbench_samples_en.tsv [--batch 1]

Every row of the TSV is one question (the sample holds circular copies, whose image column is the index of the row
that has the picture). For each: decode the image, resize and crop to 224 px, put the question and its options in the
chat template after 256 image tokens, and generate --new tokens greedily, whatever they are: end-of-text
ends nothing and is not held off, so every row does the same work. Batch 1 is what VLMEvalKit does; more pads on the left. The clock covers image decoding,
tokenising and generating; not loading the model. The answers mean nothing: the projector is random.
"""
import argparse
import base64
import csv
import io
import pathlib
import time

import torch
from PIL import Image

import measure
from real_llava import build_llava, crop_uint8, encode, load_tokenizer, normalise


def load_rows(path):
    """Dicts with question text and image bytes; a short image field names the row whose image to use."""
    csv.field_size_limit(1 << 30)
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    encoded = {r["index"]: r["image"] for r in rows}
    out = []
    for r in rows:
        image = r["image"]
        while len(image) < 64:
            image = encoded[image]
        question = (r["hint"] + "\n" if r["hint"] not in ("", "nan") else "") + r["question"]
        options = "".join(f"\n{k}. {r[k]}" for k in "ABCD" if r[k] not in ("", "nan"))
        out.append((image, question + options + "\nAnswer with the option's letter from the given choices directly."))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--real", type=pathlib.Path, required=True)
    p.add_argument("--tsv", type=pathlib.Path, required=True)
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--new", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rows", type=int, default=0, help="only the first so many rows")
    p.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    dtype = getattr(torch, a.dtype)
    model, tokenizer = build_llava(a.real, dtype), load_tokenizer(a.real)
    model.generation_config.eos_token_id = None
    rows = load_rows(a.tsv)[:a.rows or None]
    per_batch, others, answers, prompt_tokens, padded_tokens = [], [], [], 0, 0
    load, begin = measure.OtherLoad(), time.perf_counter()
    for i in range(0, len(rows), a.batch):
        start = time.perf_counter()
        chunk = rows[i:i + a.batch]
        pixels = torch.cat([normalise(crop_uint8(io.BytesIO(base64.b64decode(image)))) for image, _ in chunk]).to(dtype)
        ids = [encode(tokenizer, question)[1] for _, question in chunk]
        width = max(map(len, ids))
        prompt_tokens += sum(map(len, ids))
        padded_tokens += width * len(ids)
        grid = torch.full((len(ids), width), tokenizer.pad_token_id)
        mask = torch.zeros_like(grid)
        for row, one in enumerate(ids):
            grid[row, width - len(one):] = torch.tensor(one)
            mask[row, width - len(one):] = 1
        with torch.inference_mode():
            out = model.generate(input_ids=grid, attention_mask=mask, pixel_values=pixels, do_sample=False,
                                 max_new_tokens=a.new, pad_token_id=tokenizer.pad_token_id)
        assert out.shape[1] == width + a.new, out.shape
        answers += out[:, width:].tolist()
        per_batch.append((time.perf_counter() - start) / len(chunk))
        others.append(load.cores())
    total = time.perf_counter() - begin
    clean = measure.clean(per_batch, others)
    clean_rate = round(len(clean) / sum(clean), 4) if clean else None
    measure.report(what="eval_generate", dtype=a.dtype, batch=a.batch, threads=a.threads, rows=len(rows), new_tokens=a.new,
                  total_s=round(total, 2), rows_per_s=round(len(rows) / total, 4),
                  s_per_row=measure.spread(per_batch), s_per_row_clean=measure.spread(clean), clean_rows_per_s_mean=clean_rate,
                  mean_other_cores=round(sum(others) / len(others), 2), mean_prompt_tokens=round(prompt_tokens / len(rows), 1),
                  padded_over_real=round(padded_tokens / prompt_tokens, 3), peak_rss_mib=measure.peak_rss_mib(),
                  ids=answers, versions=measure.versions("torch", "transformers"))


if __name__ == "__main__":
    main()
