"""Rows in which a model is trained: step, mix, mfu, memory, mixer, big, scale, plan."""
import json
import pathlib
import shutil
import statistics

from models import write_projector
from runner import Missing, compare, others

TFLOP = 0.96                # of the step, if nothing unneeded is computed
TOKENS = (128, 256, 512, 1024, 2048)


class Step:
    """The training step of the issue's table on either side: the same batch, file for file."""

    def __init__(self, run):
        self.run, quick = run, run.quick
        self.projector = write_projector(run)
        self.shape = ("--batch", 1, "--text", 48, "--targets", 16) if quick else ("--batch", 4, "--text", 96, "--targets", 32)
        self.count = ("--warmup", 1, "--steps", 1) if quick else ("--warmup", 2, "--steps", 4)
        self.batch = run.a.work / "batch.safetensors"
        if not self.batch.exists():
            run.peer("train_peft.py", "--real", run.a.real, "--write-batch", self.batch, *self.shape)

    def ours(self, *flags, threads=None):
        return self.run.ours("train", "-real", self.run.a.real, "-projector", self.projector, "-batch-file", self.batch, *self.count,
                             "-threads", threads or self.run.threads, *flags)

    def theirs(self, *flags):
        return self.run.peer("train_peft.py", "--real", self.run.a.real, "--strict", *self.shape, *self.count, "--threads", self.run.threads, *flags)


def check_losses(runs, tolerance):
    """A fresh adapter changes nothing, so the first losses must agree if ids, targets, pixels and weights do."""
    for pair in runs:
        for out in pair[1:]:
            if abs(out["losses"][0] - pair[0]["losses"][0]) > tolerance:
                raise Missing(f"the first losses are {pair[0]['losses'][0]:.4f} and {out['losses'][0]:.4f}: the work is not the same")
            if pair[0]["tokens_each"] != out["tokens_each"]:
                raise Missing(f"steps have {pair[0]['tokens_each']} and {out['tokens_each']} tokens: the work is not the same")


def detail(runs):
    return {"step_seconds": [[q["step_seconds"] for q in p] for p in runs], "peak_rss_mib": [[q["peak_rss_mib"] for q in p] for p in runs],
            "first_losses": [q["losses"][0] for q in runs[0]], "trainable": [q["trainable"] for q in runs[0]], "adapted_linears": [q["adapted_linears"] for q in runs[0]]}


def step(run):
    """LoRA of rank 64 on all linears of both towers; theirs is the faster of PEFT and a twenty-line module."""
    s = Step(run)
    runs = run.alternate(lambda: s.ours("-adapter", "lora"), lambda: s.theirs("--adapter", "peft"), lambda: s.theirs("--adapter", "lora"))
    check_losses(runs, 1e-3)
    yield compare(runs, lambda p: (p[0]["tokens_per_second"], max(q["tokens_per_second"] for q in p[1:])), "tokens/s", 1.65, **detail(runs))
    if not run.quick:       # compiling takes minutes, so this is one pair
        pair = [s.ours("-adapter", "lora"), s.theirs("--adapter", "peft", "--compile")]
        yield compare([pair], lambda p: (p[0]["tokens_per_second"], p[1]["tokens_per_second"]), "tokens/s", 1.65, case="torch.compile", **detail([pair]))


def mix(run):
    """Batches of 8 rows of the emoji data with the lengths they have; theirs are padded, the tokens counted are not."""
    a, rows = run.a, 8 if run.quick else 48
    ids, data = a.work / "ids.json", pathlib.Path(a.data) / "arrow_tune"
    count = ("--warmup", 0, "--steps", 1) if run.quick else ("--warmup", 2, "--steps", 6)
    recipe = ("--rank", 16, "--language-alpha", 32, "--vision-alpha", 16, "--batch", 8, "--threads", run.threads, "--data", data, "--rows", rows, *count)
    ours = ("-real", a.real, "-projector", write_projector(run), "-image-side", 112, "-template", "chatml", *recipe)
    run.ours("train", *ours, "-dump", ids)
    runs = run.alternate(lambda: run.ours("train", *ours),
                         lambda: run.peer("train_peft.py", "--real", a.real, "--side", 112, "--ids", ids, "--adapter", "peft", "--strict", *recipe))
    check_losses(runs, 2e-2)    # pictures are resized by either side
    yield compare(runs, lambda p: (p[0]["tokens_per_second"], p[1]["tokens_per_second"]), "tokens/s without padding", 2.2,
                  padded=round(sum(runs[0][1]["positions_each"]) / sum(runs[0][1]["tokens_each"]), 3), **detail(runs))


def peak(run, threads=None):
    return run.ours("peak", "-threads", threads or run.threads, "-seconds", 0.3 if run.quick else 2)


def mfu(run):
    """The step's least work over its time and over what a loop of fused multiply-adds on registers reaches in the same run."""
    s = Step(run)
    runs = run.alternate(lambda: s.ours("-adapter", "lora"), lambda: peak(run))
    work = TFLOP * runs[0][0]["tokens_each"][0] / 1408      # a quick run's step is smaller: an estimate then
    yield compare(runs, lambda p: (1e3 * work / p[0]["step_seconds"], p[1]["gflops"]), "GFLOP/s", 0.8)


def memory(run):
    """Peak resident memory of the step, ours over theirs; with checkpointing ours over theirs without, and our time over our time."""
    s = Step(run)
    runs = run.alternate(lambda: s.ours("-adapter", "lora"), lambda: s.theirs("--adapter", "peft"), lambda: s.ours("-adapter", "lora", "-checkpoint"))
    yield compare(runs, lambda p: (p[0]["peak_rss_mib"], p[1]["peak_rss_mib"]), "MiB", 0.35, True)
    yield compare(runs, lambda p: (p[2]["peak_rss_mib"], p[1]["peak_rss_mib"]), "MiB", 0.2, True, case="checkpointing")
    yield compare(runs, lambda p: (p[2]["step_seconds"], p[0]["step_seconds"]), "s, with and without", 1.35, True, case="checkpointing, time")
    theirs = [s.theirs("--adapter", "peft", "--checkpointing") for _ in range(1)]
    yield compare([[runs[0][2], theirs[0]]], lambda p: (p[0]["peak_rss_mib"], p[1]["peak_rss_mib"]), "MiB", case="both checkpointing",
                  step_seconds=[runs[0][2]["step_seconds"], theirs[0]["step_seconds"]])


def mixer(run):
    """Our MoSLoRA over our LoRA."""
    s = Step(run)
    runs = run.alternate(lambda: s.ours("-adapter", "moslora"), lambda: s.ours("-adapter", "lora"))
    yield compare(runs, lambda p: (p[0]["step_seconds"], p[1]["step_seconds"]), "s, MoSLoRA and LoRA", 1.03, True)


def big(run):
    """One step of a LLaMA-3-8B-shaped model with NF4 weights; in a quick run one of two blocks of either tower."""
    small = ("-layers", 2, "-vision-layers", 3, "-vocab", 4096) if run.quick else ()
    out = run.ours("big", "-threads", run.threads, *small)
    yield {"value": round(out["peak_rss_mib"] / 1024, 2), "unit": "GiB", "target": 12, "at_most": True, "held": out["peak_rss_mib"] <= 12 * 1024,
           "note": f"{out['params'] / 1e9:.2f} billion parameters; the step takes {out['step_s'][-1]:.0f} s", "detail": out}


def scale(run):
    """Two threads over one, time against tokens, memory against steps and against rows of data."""
    s, a = Step(run), run.a
    try:
        runs = run.alternate(lambda: s.ours(threads=2), lambda: s.ours(threads=1), lambda: peak(run, 2), lambda: peak(run, 1))
        yield compare(runs, lambda p: (p[1]["step_seconds"] / p[0]["step_seconds"], p[2]["gflops"] / p[3]["gflops"]), "gain of a second thread, step and loop of multiply-adds", 0.95, case="threads")
    except Missing as why:
        yield {"case": "threads", "missing": str(why)}
    base = ("-real", a.real, "-projector", s.projector, "-threads", run.threads, "-batch", 1, "-targets", 32)
    points = []
    for tokens in TOKENS[:2] if run.quick else TOKENS:
        out = run.ours("train", *base, "-image-side", 112, "-text", tokens - 64, "-warmup", 1, "-steps", 1 if run.quick else 3)
        points.append([tokens, round(out["step_seconds"], 3), round(out["peak_rss_mib"])])
    yield {"case": "tokens", "series": {"x": "tokens of a sequence", "y": ["seconds a step", "MiB"], "points": points}, "unit": "deviation from the curve",
           **quadratic([p[0] for p in points], [p[1] for p in points])}
    yield flat(run, "steps", (2, 4) if run.quick else (2, 10, 30, 100),
               lambda n: (*base, "-image-side", 56, "-text", 48, "-warmup", 0, "-steps", n))
    yield flat(run, "rows", (8, 16) if run.quick else (64, 512, 4000),
               lambda n: (*base[:-4], "-batch", 8, "-image-side", 56, "-rank", 16, "-template", "chatml", "-data", pathlib.Path(a.data) / "arrow_tune", "-rows", n,
                          "-warmup", 0, "-steps", 2 if run.quick else 20))


def quadratic(tokens, seconds):
    """How far times are from a constant and a part that grows with tokens (products) and one with their square (attention)."""
    import numpy as np
    if len(tokens) < 4:
        return {"value": 0.0, "note": "too few points for a curve"}
    x, y = np.array(tokens, float), np.array(seconds)
    powers = np.stack([x**0, x, x**2], 1)
    parts = np.linalg.lstsq(powers / y[:, None], np.ones_like(y), rcond=None)[0]
    deviation = float(np.abs(powers @ parts / y - 1).max())
    share = parts[2] * x[-1]**2 / y[-1]
    return {"value": round(deviation, 3), "target": 0.1, "at_most": True, "held": deviation <= 0.1,
            "note": f"{parts[0]:.2f} s, {1e3 * parts[1]:.2f} ms a token; the square is {100 * share:.0f} % of the time at {tokens[-1]} tokens"}


def flat(run, what, counts, flags):
    """Peak memory against a count: the most over the least."""
    outs = [(n, run.ours("train", *flags(n))) for n in counts]
    points = [[n, round(out["step_seconds"], 3), round(out["peak_rss_mib"])] for n, out in outs]
    growth = points[-1][2] / points[0][2]
    return {"case": what, "series": {"x": what, "y": ["seconds a step", "MiB"], "points": points}, "unit": f"memory at {counts[-1]} {what} over {counts[0]}",
            "value": round(growth, 3), "target": 1.05, "at_most": True, "held": growth <= 1.05, "other_cores": [round(others(out), 2) for _, out in outs]}


def plan(run):
    """What `moslava plan` predicts of three recipes against what `moslava run` takes: peak memory within 10 %, the median step within 20 %."""
    steps = 3 if run.quick else 12
    for name, kind, side, batch, checkpointing, train in (("align", "align", 112, 8, "false", "projector"), ("tune", "tune", 224, 4, "false", tune("none")),
                                                          ("checkpointing", "tune", 224, 4, "true", tune("orthogonal"))):
        recipe, out = run.a.work / f"plan-{name}.yaml", run.a.work / f"plan-{name}"
        recipe.write_text(RECIPE.format(real=run.a.real, data=run.a.data, out=out, threads=run.threads, kind=kind, side=side, batch=batch,
                                        checkpointing=checkpointing, train=train, steps=steps))
        runs = run.alternate(lambda: predicted(run, recipe, steps), lambda: taken(run, recipe, out))
        for what, field, unit, within in (("memory", "peak_rss_mib", "MiB, planned and measured", 0.1), ("time", "step_seconds", "s a step, planned and measured", 0.2)):
            result = compare(runs, lambda p: (p[0][field], p[1][field]), unit, case=f"{name}, {what}")
            yield result | {"within": within, "held": abs(result["ratio"] - 1) <= within}


def predicted(run, recipe, steps):
    out = run.text([run.a.bin / "moslava", "plan", recipe, "--json", "--batches", steps], {"GOMAXPROCS": str(run.threads)})
    stage = json.loads(out["text"])["stages"][0]
    return {"peak_rss_mib": stage["memory"]["peak"] / 2**20, "step_seconds": stage["seconds_per_step"], "other_cores": out["other_cores"]}


def taken(run, recipe, out):
    """The median without the first step, which fills the pool."""
    shutil.rmtree(out, ignore_errors=True)
    used = run.text([run.a.bin / "moslava", "run", recipe], {"GOMAXPROCS": str(run.threads)})
    seconds = [json.loads(line)["time"]["seconds"] for f in out.glob("**/metrics.jsonl") for line in f.read_text().splitlines()]
    return {"peak_rss_mib": used["peak_rss_mib"], "step_seconds": statistics.median(seconds[1:]), "other_cores": used["other_cores"]}


def tune(mixer):
    return ADAPTERS.format(mixer=mixer)


ADAPTERS = """[projector, adapters]
    adapters:
      vision: {{r: 64, alpha: 16, dropout: 0, mixer: {mixer}, targets: all-linear}}
      language: {{r: 64, alpha: 128, dropout: 0, mixer: {mixer}, targets: all-linear}}"""

RECIPE = """name: plan
run_dir: {out}
threads: {threads}
model:
  vision: {real}/dinov2-small
  language: {real}/smollm2-135m-instruct
  image_size: {side}
  feature_layer: -2
  select_strategy: default
  chat_template: chatml
stages:
  - kind: {kind}
    data: {data}/arrow_tune
    train: {train}
    checkpointing: {checkpointing}
    batch: {batch}
    steps: {steps}
    lr: 1e-4
"""

ROWS = {"step": step, "mix": mix, "mfu": mfu, "memory": memory, "mixer": mixer, "big": big, "scale": scale, "plan": plan}
