"""Orders of length-grouped samplers: those that a Go test of datasets expects, beside the published rules said again in plain Python.

    python check_samplers.py [--write] VECTORS

--write makes the file anew: lengths, the permutations that are drawn, and the order that each rule makes of them. Without it what stands in the
file is compared; where transformers is installed, its own function gives the order of the rule length, too.

The rules: transformers 5 trainer_pt_utils.get_length_grouped_indices (length); LLaVA v1.2 llava_trainer.py,
get_modality_length_grouped_indices (modality_length); XTuner 0.1.23 samplers/length_grouped.py (modality_length-xtuner).
"""
import argparse
import json
import pathlib
import random

from report import check, equal


def cut(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]


def longest(rows, lengths):
    return sorted(rows, key=lambda r: -lengths[r])  # stable


def into_batches(rows, lengths, count):
    """LLaVA's split_to_even_chunks."""
    if len(rows) % count:
        return [rows[i::count] for i in range(count)]
    batches, room = [[] for _ in range(count)], len(rows) // count
    for r in rows:
        free = [b for b in batches if len(b) < room]
        min(free, key=lambda b: sum(lengths[x] for x in b)).append(r)
    return batches


def flat(lists):
    return [x for part in lists for x in part]


def modality(lengths):
    return [i for i, n in enumerate(lengths) if n > 0], [i for i, n in enumerate(lengths) if n < 0]


def length_rule(lengths, batch, accum, draw):
    sizes = [abs(n) for n in lengths]
    step = batch * accum
    groups = [longest(g, sizes) for g in cut(draw(len(sizes)), step * (min(len(sizes) // (4 * step), 50) or 1))]
    return swapped(groups, sizes)


def swapped(groups, sizes):
    firsts = [sizes[g[0]] for g in groups]
    k = firsts.index(max(firsts))
    groups[0][0], groups[k][0] = groups[k][0], groups[0][0]
    return flat(groups)


def llava_rule(lengths, batch, accum, draw):
    def steps(rows, sizes):
        order = draw(len(rows))
        groups = [longest(g, sizes) for g in cut(order, batch * accum)]
        return [rows[i] for i in flat(flat(into_batches(g, sizes, accum) for g in groups))]

    pictures, texts = modality(lengths)
    if not pictures or not texts:
        return steps(list(range(len(lengths))), lengths)  # lengths below zero are compared as they are
    parts = [cut(steps(rows, [abs(lengths[r]) for r in rows]), batch * accum) for rows in (pictures, texts)]
    whole = parts[0][:-1] + parts[1][:-1]
    return flat([whole[i] for i in draw(len(whole))]) + sorted(parts[0][-1] + parts[1][-1])


def xtuner_rule(lengths, batch, _, draw):
    size = batch * (min(len(lengths) // (batch * 4), 50) or 1)
    sizes = [abs(n) for n in lengths]
    pictures, texts = modality(lengths)
    if not pictures or not texts:
        groups = [longest(g, lengths) for g in cut(draw(len(lengths)), size)]
    else:
        parts = [[longest([rows[i] for i in g], sizes) for g in cut(draw(len(rows)), size)] for rows in (pictures, texts)]
        whole = parts[0][:-1] + parts[1][:-1]
        groups = [whole[i] for i in draw(len(whole))] + [longest(parts[0][-1] + parts[1][-1], sizes)]
    return swapped(groups, sizes)


RULES = {"length": length_rule, "modality_length": llava_rule, "modality_length-xtuner": xtuner_rule}


def transformers_order(case):
    """What transformers itself makes of the same draws; None without it."""
    try:
        import torch
        from transformers.trainer_pt_utils import get_length_grouped_indices
    except ImportError:
        return None
    was, torch.randperm = torch.randperm, lambda n, generator=None: torch.tensor(case["draws"][0])
    try:
        return get_length_grouped_indices([abs(n) for n in case["lengths"]], case["batch"] * case["accum"])
    finally:
        torch.randperm = was


def make(seed, rule, rows, share, batch, accum):
    r = random.Random(seed)
    lengths = [r.randint(1, 30) * (1 if r.random() < share else -1) for _ in range(rows)]
    draws = []

    def draw(n):
        draws.append(r.sample(range(n), n))
        return draws[-1]

    return {"rule": rule, "batch": batch, "accum": accum, "lengths": lengths, "order": RULES[rule](lengths, batch, accum, draw), "draws": draws}


def cases():
    shapes = [(1, 0.5, 4, 1), (7, 1, 2, 1), (40, 0, 4, 2), (61, 0.6, 4, 1), (64, 0.5, 4, 2), (97, 0.7, 3, 3), (23, 0.5, 16, 1), (130, 0.9, 2, 4), (50, 1, 5, 3)]
    return [make(i, rule, *shape) for rule in RULES for i, shape in enumerate(shapes)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--write", action="store_true")
    p.add_argument("vectors", type=pathlib.Path)
    a = p.parse_args()
    if a.write:
        a.vectors.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases()) + "\n]\n")
    stored = json.loads(a.vectors.read_text())
    for rule in RULES:
        some = [c for c in stored if c["rule"] == rule]
        again = [RULES[rule](c["lengths"], c["batch"], c["accum"], iter_of(c["draws"])) for c in some]
        with check(f"samplers: {rule}: the orders of {len(some)} cases"):
            assert some, "no case"
            equal(again, [c["order"] for c in some], "orders")
        if rule == "length" and transformers_order(some[0]) is not None:
            with check("samplers: length: transformers' own orders"):
                equal([transformers_order(c) for c in some], [c["order"] for c in some], "orders")


def iter_of(draws):
    left = iter(draws)

    def draw(n):
        d = next(left)
        assert len(d) == n
        return d

    return draw


if __name__ == "__main__":
    main()
