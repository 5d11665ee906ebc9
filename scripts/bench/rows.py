"""The rows: what is run on either side, and what is compared. run(name, runner) yields results."""
import pathlib
import statistics

import models
import report
import training
from runner import Missing, compare

GEMM = ["256,576,1536", "700,2048,5632", "577,1024,4096", "64,576,49152", "1,2048,5632", "1024,576,1536", "1400,576,64", "1400,64,576"]


def gemm(run):
    """Every storage of ours against the better of torch and OpenBLAS at each shape. OpenBLAS does not know every processor and
    takes its AVX2 kernels on one that it does not, so where there is AVX-512 it runs with those kernels as well."""
    seconds = 0.2 if run.quick else 2
    shapes = [flag for s in GEMM for flag in ("--shape", s)]
    common = (*shapes, "--threads", run.threads, "--seconds", seconds)
    cores = {"openblas": None}
    flags = report.machine()["flags"]
    if "avx512vl" in flags:
        core = "Cooperlake" if "avx512_bf16" in flags else "SkylakeX"
        cores[f"openblas as {core}"] = {"OPENBLAS_CORETYPE": core}
    names = ["torch", *cores]
    runs = run.alternate(lambda: run.ours("gemm", *common),
                         lambda: run.peer("matmul.py", "--library", "torch", *common),
                         *[lambda e=e: run.peer("matmul.py", "--library", "openblas", *common, environment=e) for e in cores.values()])
    for shape in GEMM:
        for kind in ("f32", "bf16", "nf4"):
            def best(p, field="best"):
                return p[0]["gflops"][shape][kind][field], max(q["gflops"][shape][field] for q in p[1:])
            middle = statistics.median(a / b for a, b in (best(p, "median") for p in runs))
            yield compare(runs, best, "GFLOP/s, best", 0.95, case=f"{shape} {kind}", median_ratio=round(middle, 4),
                          theirs_by_library={n: [p[i]["gflops"][shape]["best"] for p in runs] for i, n in enumerate(names, 1)})


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


def pictures(run):
    """Stored JPEG rows to pixels, with as many workers on either side, and the decoding alone."""
    data = run.a.work / "pictures"
    if not data.exists():
        found = [run.a.root / "vision/preprocess/testdata" / name for name in ("photo.png", "portrait.png")]
        run.peer("pictures.py", "--make", data, "--rows", 60 if run.quick else 600, "--images", *found)
    repeats = ("--repeats", 1 if run.quick else 5)
    for workers in (1, 2):
        runs = run.alternate(lambda: run.ours("pictures", "-data", data, "-workers", workers, "-repeats", repeats[1]),
                             lambda: run.peer("pictures.py", "--data", data, "--workers", workers, *repeats))
        yield compare(runs, lambda p: (p[0]["images_per_s"], p[1]["images_per_s"]), "images/s", 2, case=f"{workers} workers, torchvision's processor")
    runs = run.alternate(lambda: run.ours("pictures", "-data", data, "-workers", 1, "-repeats", repeats[1]),
                         lambda: run.peer("pictures.py", "--data", data, "--decode", *repeats))
    yield compare(runs, lambda p: (p[0]["images_per_s"], p[1]["images_per_s"]), "images/s", 0.7, case="beside libjpeg-turbo's decoding alone")


ROWS = {"gemm": gemm, "tokenizer": tokenizer, "pictures": pictures, **models.ROWS, **training.ROWS}


def run(name, runner):
    """The row's results; what is missing or fails is a result, too."""
    try:
        yield from ROWS[name](runner)
    except Missing as why:
        yield {"missing": str(why)}
