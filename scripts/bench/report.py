"""What is printed and written: the machine, a line for each result, the table of docs/bench."""
import json
import os
import platform
import subprocess


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


def figure(r):
    """The result as text: its ratio or value, and the range."""
    if "missing" in r:
        return "—"
    x = r.get("ratio", r.get("value"))
    spread = f" ({r['low']:.3g} to {r['high']:.3g})" if "low" in r else ""
    return f"{x:.3g}{'x' if 'ratio' in r else ''}{spread}"


def verdict(r):
    if "missing" in r:
        return r["missing"]
    out = []
    if "held" in r:
        out.append("quick" if r["quick"] else "held" if r["held"] else "not held")
    if "clean_pairs" in r and r["clean_pairs"] < r["pairs"]:
        out.append(f"{r['pairs'] - r['clean_pairs']} of {r['pairs']} pairs not clean")
    if "id_lists_equal" in r:
        out.append(f"{r['id_lists_equal']} of {r['rows']} id lists equal")
    return ", ".join(out)


def target(r):
    if "within" in r:
        return f"within {r['within']:.0%} of 1x".replace("%", " %")
    return "" if "target" not in r else ("at most " if r["at_most"] else "at least ") + format(r["target"], "g") + ("x" if "ratio" in r else "")


def middle(values):
    return f"{sorted(values)[len(values) // 2]:.4g}" if values else ""


def cells(r):
    return [" ".join(filter(None, (r["row"], r.get("case")))), r.get("unit", ""), middle(r.get("ours")), middle(r.get("theirs")), figure(r), target(r), verdict(r)]


def line(r):
    name, unit, ours, theirs, ratio, wanted, said = cells(r)
    return f"{name:28} {ratio:28} {wanted:15} ours {ours or '-':>9} theirs {theirs or '-':>9} {unit}; {said}"


def write(out):
    """README.md: the last full result of every row on each machine; quick ones only where there is no other."""
    latest = {}
    for raw in (out / "results.jsonl").read_text(encoding="utf-8").splitlines():
        r = json.loads(raw)
        key = (r["machine"]["cpu"], r["threads"], r["row"], r.get("case", ""))
        if key not in latest or not (r["quick"] and not latest[key]["quick"]):
            latest.pop(key, None)
            latest[key] = r
    text = ["# Benchmarks", "", "Written by scripts/bench/run.sh from results.jsonl; see scripts/bench/README.md for what the rows are. A ratio is ours over theirs, the",
            "median over pairs of neighbouring runs, with the least and the greatest. A pair is not clean when other processes used 0.2",
            "cores or more during a timing. A quick run shows that everything runs; its figures mean nothing.", ""]
    for cpu, threads in dict.fromkeys((k[0], k[1]) for k in latest):
        mine = [r for k, r in latest.items() if k[:2] == (cpu, threads)]
        m = mine[-1]["machine"]
        versions = {k: v for r in mine for k, v in r.get("versions", {}).items()}
        text += [f"## {cpu}, {m['cores']} cores, {threads} threads", "",
                 f"{' '.join(m['flags'])}; {m.get('memory_gib', '?')} GiB; {m['system']}; {m['go']}; " + ", ".join(f"{k} {v}" for k, v in sorted(versions.items())), "",
                 "| row | unit | ours | theirs | result | target | | date | commit |", "|---|---|---|---|---|---|---|---|---|"]
        for r in mine:
            text.append("| " + " | ".join(c.replace("|", "/") for c in [*cells(r), r["date"][:10], r["commit"]]) + " |")
        text.append("")
    plots = sorted(p.name for p in out.glob("*.svg"))
    text += [f"![{p}]({p})" for p in plots]
    (out / "README.md").write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
