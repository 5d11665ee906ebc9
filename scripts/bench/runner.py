"""Processes of the benchmark: ours and the peers', one at a time, and the pairs that are compared."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

CLEAN = 0.2     # a pair is clean when other processes used less than this many cores during both of its timings


class Missing(Exception):
    """What a row needs is not there."""


class Runner:
    def __init__(self, a):
        self.a, self.quick, self.threads = a, a.quick, a.threads
        self.peers, self.versions = pathlib.Path(__file__).parent / "peers", {}

    def pairs(self):
        return self.a.pairs or (1 if self.quick else 5)

    def ours(self, name, *args):
        """A program of ours; its JSON line. Missing if it was not built."""
        path = self.a.bin / name
        if not path.exists():
            raise Missing(f"not built: {name}")
        return self.process([path, *args], {"GOMAXPROCS": str(self.threads)})

    def peer(self, script, *args, threads=None, python=None, environment=None):
        n = str(threads or self.threads)
        out = self.process([python or sys.executable, self.peers / script, *args],
                           {"OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n, "MKL_NUM_THREADS": n, **(environment or {})})
        self.versions.update((out or {}).get("versions", {}))
        return out

    def process(self, command, environment):
        """The last JSON line that the command prints."""
        lines = [line for line in self.text(command, environment)["text"].splitlines() if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {}

    def text(self, command, environment):
        """What the command prints, the most memory that was resident, and the cores that others used meanwhile."""
        command = [str(c) for c in command]
        print("  " + shown(command), file=sys.stderr, flush=True)
        start, before = time.monotonic(), busy()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=err)
            try:
                _, status, used = os.wait4(child.pid, 0)
            except BaseException:
                child.kill()
                raise
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            if child.returncode:
                said = (err.read().strip().splitlines() or ["nothing said"])[-1][:300]
                raise Missing(f"{pathlib.Path(command[0]).name} ended with status {child.returncode}: {said}")
            seconds = time.monotonic() - start
            elsewhere = busy() - before - used.ru_utime - used.ru_stime
            return {"text": out.read(), "peak_rss_mib": used.ru_maxrss / 1024, "other_cores": round(max(0.0, elsewhere) / max(seconds, 1e-3), 2)}

    def take_versions(self):
        out, self.versions = self.versions, {}
        return out

    def alternate(self, *sides):
        """[side 0, side 1, ...] for every pair, each side a function; A B A B."""
        return [[side() for side in sides] for _ in range(self.pairs())]


def shown(command, width=160):
    """The command in at most so many characters, paths by their last two names."""
    words = ["/".join(pathlib.Path(w).parts[-2:]) if w.startswith("/") else w for w in command]
    words[0] = pathlib.Path(words[0]).name
    line = " ".join(words)
    return line if len(line) <= width else line[:width - 4] + " ..."


def busy():
    """Seconds that all cores together have worked; 0 where /proc has no such count."""
    try:
        with open("/proc/stat", encoding="ascii") as f:
            user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    except OSError:
        return 0.0
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def others(out):
    """The most cores that other processes used during a timing."""
    if "other_cores_each" in out:
        return statistics.median(out["other_cores_each"] or [0])
    if "gflops" in out and isinstance(out["gflops"], dict):
        found = [v for s in out["gflops"].values() for v in ([s] if "best" in s else s.values())]
        return statistics.median(v["other_cores"] for v in found)
    return out.get("other_cores", out.get("mean_other_cores", 0))


def compare(pairs, value, unit, target=None, at_most=False, **more):
    """A result: value(pair) -> (ours, theirs); the ratio is ours over theirs."""
    both = [value(p) for p in pairs]
    ratios = [a / b for a, b in both]
    median = statistics.median(ratios)
    busy = [round(max(map(others, p)), 2) for p in pairs]
    result = {"ratio": round(median, 4), "low": round(min(ratios), 4), "high": round(max(ratios), 4), "pairs": len(ratios), "unit": unit,
              "ours": [round(a, 4) for a, _ in both], "theirs": [round(b, 4) for _, b in both],
              "other_cores": busy, "clean_pairs": sum(b < CLEAN for b in busy), **more}
    if target is not None:
        result |= {"target": target, "at_most": at_most, "held": median <= target if at_most else median >= target}
    return result


def now():
    return repr(time.time())
