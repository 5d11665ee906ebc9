"""Writes numbers.json: what numpy says of two small adapters, from full matrices. Run with: python make.py"""
import json, os
import numpy as np

r = np.random.default_rng(20)
def f32(*shape): return r.standard_normal(shape).astype(np.float32)
def adapter(out, inn, rank, mixer):
    a, b, m = f32(rank, inn), f32(out, rank), f32(rank, rank) if mixer else None
    return {"in": inn, "out": out, "r": rank, "alpha": 12.0, "A": a, "B": b, "M": m}

cases = []
for out, inn, rank, mixer in [(9, 7, 4, True), (6, 11, 3, False), (3, 5, 6, True)]:
    x, y = adapter(out, inn, rank, mixer), adapter(out, inn, 2, False)
    ma = x["A"].astype(float) if x["M"] is None else x["M"].astype(float) @ x["A"].astype(float)
    delta = x["alpha"] / rank * x["B"].astype(float) @ ma
    s = np.linalg.svd(delta, compute_uv=False)
    p = s[:rank][s[:rank] > 1e-12 * s[0]]; p = p / p.sum()
    w, start = f32(out, inn), f32(rank, rank)
    v1 = np.linalg.svd(ma, full_matrices=False)[2].T
    v2 = np.linalg.svd(y["A"].astype(float), full_matrices=False)[2].T
    phi = [[np.linalg.norm(v1[:, :i + 1].T @ v2[:, :j + 1]) ** 2 / (min(i, j) + 1) for j in range(v2.shape[1])] for i in range(v1.shape[1])]
    c = {"adapter": x, "against": y, "weight": w, "singular": s, "effective_rank": np.exp(-(p * np.log(p)).sum()),
         "update": np.linalg.norm(delta), "relative": np.linalg.norm(delta) / np.linalg.norm(w.astype(float)), "phi": phi}
    if mixer:
        m = x["M"].astype(float)
        u, _, vt = np.linalg.svd(m)
        c |= {"start": start, "drift": np.linalg.norm(m - start) / np.linalg.norm(start.astype(float)),
              "gram": np.linalg.norm(m.T @ m - np.eye(rank)), "polar": np.linalg.norm(m - u @ vt)}
    cases.append(c)

def plain(v):
    if isinstance(v, np.ndarray): return [float(e) for e in v.reshape(-1)]
    if isinstance(v, np.floating): return float(v)
    if isinstance(v, dict): return {k: plain(e) for k, e in v.items() if e is not None}
    if isinstance(v, list): return [plain(e) for e in v]
    return v
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "numbers.json"), "w") as f:
    json.dump(plain(cases), f, separators=(",", ":")); f.write("\n")
