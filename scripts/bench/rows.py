"""The rows: what is run on either side, and what is compared. run(name, runner) yields results."""
import pathlib
import statistics

import models
import training
from runner import Missing, compare

GEMM = ["256,576,1536", "700,2048,5632", "577,1024,4096", "64,576,49152", "1,2048,5632", "1024,576,1536", "1400,576,64", "1400,64,576"]


def gemm(run):
    """Every storage of ours against the better of torch and OpenBLAS at each shape."""
    seconds = 0.2 if run.quick else 2
    shapes = [flag for s in GEMM for flag in ("--shape", s)]
    common = (*shapes, "--threads", run.threads, "--seconds", seconds)
    runs = run.alternate(lambda: run.ours("gemm", *common),
                         lambda: run.peer("matmul.py", "--library", "torch", *common),
                         lambda: run.peer("matmul.py", "--library", "openblas", *common))
    for shape in GEMM:
        for kind in ("f32", "bf16", "nf4"):
            yield compare(runs, lambda p: (p[0]["gflops"][shape][kind]["best"], max(p[1]["gflops"][shape]["best"], p[2]["gflops"][shape]["best"])),
                          "GFLOP/s, best", 0.95, case=f"{shape} {kind}",
                          torch=[p[1]["gflops"][shape]["best"] for p in runs], openblas=[p[2]["gflops"][shape]["best"] for p in runs],
                          median_ratio=round(statistics.median(p[0]["gflops"][shape][kind]["median"] / max(q["gflops"][shape]["median"] for q in p[1:]) for p in runs), 4))


def tokenizer(run):
    """The same documents one after the other; theirs counts with the better of encode and encode_batch."""
    a, documents, texts = run.a, run.a.work / "documents.json", run.a.work / "texts.txt"
    texts.write_text("".join(f"{t}\n" for t in ([pathlib.Path(a.text).absolute()] if a.text else english(a.root))))
    run.peer("tokenizer_speed.py", "--write", documents, "--megabytes", 0.5 if run.quick else 5, "--texts", texts)
    path = pathlib.Path(a.real) / "smollm2-135m-instruct" / "tokenizer.json"
    repeats = 1 if run.quick else 5
    runs = run.alternate(lambda: run.ours("tokenizer", "-documents", documents, "-tokenizer", path, "-repeats", repeats),
                         lambda: run.peer("tokenizer_speed.py", "--documents", documents, "--tokenizer", path, "--repeats", repeats, threads=1))
    same(runs, "sha256", "ids")
    yield compare(runs, lambda p: (p[0]["tokens_per_s"], p[1]["tokens_per_s"]), "tokens/s, warm", 1.5, ids_equal=True, tokens=runs[0][0]["tokens"])
    yield compare(runs, lambda p: (p[0]["cold_tokens_per_s"], p[1]["cold_tokens_per_s"]), "tokens/s, first pass", case="cold")


def english(root):
    """Text to encode when none is given: this project's documents and what Go's distribution says of itself."""
    import subprocess
    go = pathlib.Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    found = sorted(root.glob("docs/*.md")) + sorted(root.glob("*.md")) + sorted(go.glob("doc/*")) + sorted(go.glob("src/*/*.go"))
    return [p for p in found if p.is_file()]


def same(runs, field, what):
    for pair in runs:
        if any(out[field] != pair[0][field] for out in pair):
            raise Missing(f"the two sides differ in {what}: the work is not the same")


ROWS = {"gemm": gemm, "tokenizer": tokenizer, **models.ROWS, **training.ROWS}


def run(name, runner):
    """The row's results; what is missing or fails is a result, too."""
    try:
        yield from ROWS[name](runner)
    except Missing as why:
        yield {"missing": str(why)}
