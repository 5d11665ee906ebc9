"""What is printed and written: the machine, a line for each result, the table of docs/bench."""
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ORDER = ["step", "mix", "mfu", "memory", "mixer", "gemm", "eval", "decode", "prefill", "tokenizer", "pictures", "big", "scale", "start", "plan"]


def commit(root):
    def git(*args):
        return subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "--", ".", ":!docs/bench") else "")


def machine():
    """CPU model, cores, memory and the instruction sets that matter here."""
    out = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "flags": [], "system": platform.system() + " " + platform.release()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            info = dict(line.split(":", 1) for line in f.read().split("\n\n")[0].splitlines() if ":" in line)
        info = {k.strip(): v.strip() for k, v in info.items()}
        flags = set(info.get("flags", info.get("Features", "")).split())
        out["cpu"] = info.get("model name", out["cpu"])
        out["flags"] = [f for f in ("avx2", "fma", "avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "asimd") if f in flags]
        out["family_model"] = f"{info.get('cpu family')}/{info.get('model')}"
        with open("/proc/meminfo", encoding="utf-8") as f:
            out["memory_gib"] = round(int(f.readline().split()[1]) / 2**20, 1)
    except OSError:
        pass
    out["go"] = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True).stdout.strip()
    return out


def number(x):
    """Four digits at most before a unit of thousands or millions."""
    if abs(x) >= 1e6:
        return f"{x / 1e6:.2f} million"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def figure(r):
    """The result as text: its ratio or value, and the range over pairs."""
    if "missing" in r:
        return "—"
    x = r.get("ratio", r.get("value"))
    spread = f" ({r['low']:.3g} to {r['high']:.3g})" if "low" in r and r["low"] != r["high"] else ""
    return f"{x:.3g}{'x' if 'ratio' in r else ''}{spread}"


def verdict(r):
    """What became of the target, and what a reader must know beside the figure."""
    if "missing" in r:
        return r["missing"]
    out = []
    if "held" in r:
        out.append("quick, not judged" if r["quick"] else "held" if r["held"] else "**not held**")
    if "clean_pairs" in r and r["clean_pairs"] < r["pairs"]:
        out.append(f"{r['pairs'] - r['clean_pairs']} of {r['pairs']} pairs not clean")
    if "id_lists_equal" in r:
        out.append(f"{r['id_lists_equal']} of {r['rows']} id lists equal")
    if "note" in r:
        out.append(r["note"])
    return ", ".join(out)


def target(r):
    if "within" in r:
        return f"within {100 * r['within']:.0f} % of 1x"
    return "" if "target" not in r else ("at most " if r["at_most"] else "at least ") + format(r["target"], "g") + ("x" if "ratio" in r else "")


def middle(values):
    return number(statistics.median(values)) if values else ""


def cells(r):
    ours = r.get("ours", [r["value"]] if "value" in r and "unit" in r else None)
    return [" ".join(filter(None, (r["row"], r.get("case")))), r.get("unit", ""), middle(ours), middle(r.get("theirs")), figure(r), target(r), verdict(r)]


def line(r):
    name, unit, ours, theirs, ratio, wanted, said = (c.replace("*", "") for c in cells(r))
    return f"{name:28} {ratio:28} {wanted:15} ours {ours or '-':>9} theirs {theirs or '-':>9} {unit}; {said}"


def latest(out):
    """The last full result of every row on each machine; quick ones only where there is no other."""
    found = {}
    for raw in (out / "results.jsonl").read_text(encoding="utf-8").splitlines():
        r = json.loads(raw)
        key = (r["machine"]["cpu"], r["threads"], r["row"], r.get("case", ""))
        if key not in found or not (r["quick"] and not found[key]["quick"]):
            found[key] = r
    return found


HEAD = """# Benchmarks

Written by `scripts/bench/run.sh` from results.jsonl; [scripts/bench](../../scripts/bench/README.md) says what the rows are. A result is ours over theirs, the median over
pairs of neighbouring runs, with the least and the greatest; where both columns are ours, the unit says what they are. A pair is not
clean when other processes used 0.2 cores or more during a timing. A quick run shows that everything runs; its figures mean nothing.
"""


def write(out):
    """README.md of the directory of results."""
    found, text = latest(out), [HEAD]
    for cpu, threads in dict.fromkeys(k[:2] for k in found):
        mine = sorted((r for k, r in found.items() if k[:2] == (cpu, threads)), key=lambda r: ORDER.index(r["row"]))
        newest = max(mine, key=lambda r: r["date"])
        m = newest["machine"]
        versions = {k: v for r in mine for k, v in r.get("versions", {}).items()}
        text += [f"## {cpu}, {m['cores']} cores, {threads} threads", "",
                 f"Instruction sets {' '.join(m['flags'])}; {m.get('memory_gib', '?')} GiB; {m['system']}; {m['go']}; " + ", ".join(f"{k} {v}" for k, v in sorted(versions.items())) + ".", "",
                 summary(mine), "",
                 "| row | unit | ours | theirs | result | target | | date | commit |", "|---|---|---|---|---|---|---|---|---|"]
        text += ["| " + " | ".join(c.replace("|", "/") for c in [*cells(r), r["date"][:10], r["commit"]]) + " |" for r in mine]
        text.append("")
    text += [f"![{p.stem}]({p.name})" for p in sorted(out.glob("*.svg"))]
    (out / "README.md").write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


def summary(results):
    """How many targets held, and which did not."""
    judged = [r for r in results if "held" in r and not r["quick"]]
    if not judged:
        return "Nothing but quick runs so far: no target is judged."
    missed = [f"{cells(r)[0]} ({figure(r)}, wanted {target(r)})" for r in judged if not r["held"]]
    failed = [cells(r)[0] for r in results if "missing" in r]
    out = f"{len(judged) - len(missed)} of {len(judged)} targets held."
    if missed:
        out += " Not held: " + "; ".join(missed) + "."
    if failed:
        out += " Not measured: " + ", ".join(failed) + "."
    return out


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
