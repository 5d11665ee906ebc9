#!/usr/bin/env python3
"""Runs ours and theirs in turn and compares. Called by run.sh, which makes what it needs; README.md says what the rows are.

Every measurement is a fresh process, and there is never more than one. A pair is one of ours and one of theirs, next to each
other in time; a row's value is the median of its pairs' ratios.
"""
import argparse
import datetime
import json
import pathlib
import sys

import report
import rows
from runner import Runner

ALL = report.ORDER


def main():
    p = argparse.ArgumentParser(description=__doc__)
    for name in ("bin", "work", "root", "out"):
        p.add_argument("--" + name, type=pathlib.Path, required=True)
    for name in ("real", "data", "mmbench", "text", "llama-python"):
        p.add_argument("--" + name, default="")
    p.add_argument("--quick", action="store_true", help="one pair, few repetitions, small inputs: shows that everything runs")
    p.add_argument("--pairs", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("rows", nargs="*")
    a = p.parse_args()
    unknown = [r for r in a.rows if r not in ALL]
    if unknown:
        sys.exit(f"bench: there is no row {', '.join(unknown)}; there are {' '.join(ALL)}")
    run = Runner(a)
    stamp = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "commit": report.commit(a.root),
             "machine": report.machine(), "threads": a.threads, "quick": a.quick}
    for name in [r for r in ALL if r in a.rows or not a.rows]:
        print(f"== {name}", file=sys.stderr, flush=True)
        for result in rows.run(name, run):
            line = {"row": name, **result, **stamp, "versions": run.take_versions()}
            with open(a.out / "results.jsonl", "a", encoding="utf-8") as f:
                f.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(report.line(line), flush=True)
    report.write(a.out)


if __name__ == "__main__":
    main()
