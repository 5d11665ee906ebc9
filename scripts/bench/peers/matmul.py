#!/usr/bin/env python3
"""Matrix products of torch or of OpenBLAS (through numpy): GF/s.

    python matmul.py --library torch|openblas --shape M,K,N [--shape ...] [--threads 2] [--seconds 2]

x [M,K] times W^T with W [N,K], what a linear layer does, float32; each shape is repeated for about --seconds after a
warm-up. One JSON line. Each library runs in a process of its own: the threads of one would wait on the cores of the other.
"""
import argparse
import os
import time


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--library", choices=["torch", "openblas"], required=True)
    p.add_argument("--shape", action="append", required=True, type=lambda s: tuple(map(int, s.split(","))))
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seconds", type=float, default=2)
    a = p.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(a.threads)
    import numpy as np
    import measure
    if a.library == "torch":
        import torch
        torch.set_num_threads(a.threads)
        torch.set_grad_enabled(False)
    rng, results = np.random.default_rng(1), {}
    for m, k, n in a.shape:
        x, w, out = rng.standard_normal((m, k), np.float32), rng.standard_normal((n, k), np.float32), np.empty((m, n), np.float32)
        if a.library == "torch":
            tx, tw, tout = torch.from_numpy(x), torch.from_numpy(w), torch.from_numpy(out)
            product = lambda: torch.mm(tx, tw.T, out=tout)      # noqa: E731
        else:
            product = lambda: np.matmul(x, w.T, out=out)        # noqa: E731
        load, seconds, begin = measure.OtherLoad(), [], time.perf_counter()
        while time.perf_counter() - begin < a.seconds or len(seconds) < 4:
            start = time.perf_counter()
            product()
            seconds.append(time.perf_counter() - start)
        seconds, work = sorted(seconds[1:]), 2e-9 * m * k * n
        results[f"{m},{k},{n}"] = {"best": round(work / seconds[0], 1), "median": round(work / seconds[len(seconds) // 2], 1),
                                   "n": len(seconds), "other_cores": load.cores()}
    if a.library == "openblas":
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        version = {"numpy": np.__version__, blas["name"]: blas["version"]}
    else:
        version = measure.versions("torch")
    measure.report(what="matmul", library=a.library, threads=a.threads, gflops=results, versions=version, peak_rss_mib=measure.peak_rss_mib())


if __name__ == "__main__":
    main()
