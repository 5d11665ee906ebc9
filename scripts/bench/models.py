"""Rows in which a model answers: eval, decode, prefill, start."""
import pathlib
import statistics

from runner import Missing, compare, now, others


def evaluate(run):
    """Rows of a table, five tokens each. Ours answers the rows of a picture together; theirs at batch 1 and 8, the better counts."""
    a = run.a
    table = pathlib.Path(a.mmbench) if a.mmbench else pathlib.Path(a.data) / "emoji_dev_en.tsv"
    count, projector = 5 if run.quick else 78, write_projector(run)
    flags = ("--tsv", table, "--new", 5, "--threads", run.threads, "--rows", count)
    batches = (5,) if run.quick else (1, 8)
    runs = run.alternate(lambda: run.ours("eval", "-real", a.real, "-projector", projector, *flags),
                         *[lambda b=b: run.peer("eval_generate.py", "--real", a.real, "--batch", b, *flags) for b in batches])
    equal = min(sum(x == y for x, y in zip(p[0]["ids"], q["ids"])) for p in runs for q in p[1:])
    if any(len(ids) != 5 for p in runs for q in p for ids in q["ids"]):
        raise Missing("a row has not five tokens: the work is not the same")
    result = compare(runs, lambda p: (p[0]["rows_per_s"], max(q["rows_per_s"] for q in p[1:])), "rows/s", 5,
                     rows=len(runs[0][0]["ids"]), id_lists_equal=equal, table=table.name, pictures=runs[0][0]["pictures"],
                     theirs_by_batch={b: [p[i + 1]["rows_per_s"] for p in runs] for i, b in enumerate(batches)},
                     peak_rss_mib=[[q["peak_rss_mib"] for q in p] for p in runs])
    result["held"] = result["held"] and equal == result["rows"]
    result["note"] = "peak memory " + " against ".join(f"{statistics.median(p[i]['peak_rss_mib'] for p in runs):,.0f}" for i in range(len(runs[0]))) + " MiB"
    yield result


def write_projector(run):
    path = run.a.work / "projector.safetensors"
    if not path.exists():
        run.peer("real_llava.py", "--write-projector", path)
    return path


def gguf(run, kind):
    """The GGUF that the real weights came from, or the same weights in float16."""
    found = sorted(pathlib.Path(run.a.real).glob("**/*.gguf"))
    if not run.a.llama_python or not found:
        raise Missing("llama.cpp cannot be had" if found else f"{run.a.real} holds no GGUF: make it with scripts/weights/real_weights.py")
    if kind == "q4_1":
        return found[0]
    path = run.a.work / f"{kind}.gguf"
    if not path.exists():
        run.peer("decode_llama_cpp.py", found[0], "--convert", kind, "--to", path)
    return path


def llama(run, field, unit, target, cases):
    """One result for each case (our storage, their file)."""
    repeats, new, prompt = (1, 8, 60) if run.quick else (7, 64, 300)
    common = ("--prompt", prompt, "--new", new, "--repeats", repeats, "--threads", run.threads)
    for storage, kind in cases:
        try:
            file = gguf(run, kind)
            runs = run.alternate(lambda: run.ours("llm", "-real", run.a.real, "-storage", storage, *common),
                                 lambda: run.peer("decode_llama_cpp.py", file, *common, python=run.a.llama_python))
        except Missing as why:
            yield {"case": f"{storage} against {kind}", "missing": str(why)}
            continue
        yield compare(runs, lambda p: (p[0][field], p[1][field]["median"]), unit, None if kind == "f32" else target, case=f"{storage} against {kind}",
                      peak_rss_mib=[[q["peak_rss_mib"] for q in p] for p in runs])


def decode(run):
    """One sequence, token by token, after a prompt."""
    yield from llama(run, "decode_tok_per_s", "tokens/s", 2, [("bf16", "f16"), ("nf4", "q4_1"), ("f32", "f32")])


def prefill(run):
    """The prompt, up to its first new token."""
    yield from llama(run, "prompt_tok_per_s", "tokens/s", 1.6, [("bf16", "f16"), ("f32", "f16")])


def start(run):
    """From the start of the process to that of its first step: configurations and weights are read and packed, adapters made. There
    is no cache of packed weights; files are in the page cache, for which the first run, which does not count, takes care."""
    flags = ("-real", run.a.real, "-projector", write_projector(run), "-batch", 1, "-text", 16, "-targets", 8, "-warmup", 0, "-steps", 1, "-threads", run.threads)
    runs = [run.ours("train", *flags, "-since", now()) for _ in range(1 + run.pairs())][1:]
    seconds = sorted(r["start_to_first_step_s"] for r in runs)
    median = statistics.median(seconds)
    yield {"value": round(median, 3), "low": round(seconds[0], 3), "high": round(seconds[-1], 3), "unit": "s to the first step", "target": 2, "at_most": True,
           "held": median < 2, "other_cores": [round(others(r), 2) for r in runs]}


ROWS = {"eval": evaluate, "decode": decode, "prefill": prefill, "start": start}
