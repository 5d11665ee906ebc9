"""What the peers share: peak memory, what other processes did meanwhile, and one JSON line out."""
import json
import os
import platform
import resource
import statistics
import time

import psutil

def peak_rss_mib():
    """High-water mark of this process's resident memory (Linux: getrusage reports KiB, as VmHWM does)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)

def current_rss_mib():
    with open("/proc/self/status") as f:
        return round(next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024, 1)

class OtherLoad:
    """Cores' worth of work that other processes did since the last call: how far to trust a timing made here."""

    def __init__(self):
        self.last = self.read()

    def read(self):
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
        used = resource.getrusage(resource.RUSAGE_SELF)
        own = used.ru_utime + used.ru_stime
        for child in psutil.Process().children(recursive=True):
            own += sum(child.cpu_times()[:2])
        return time.perf_counter(), (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - own

    def cores(self):
        before, self.last = self.last, self.read()
        return round(max(0.0, (self.last[1] - before[1]) / (self.last[0] - before[0])), 2)

CLEAN = 0.2     # a timing counts as clean when other processes used less than this many cores meanwhile

def clean(seconds, others):
    """The timings made while the machine was otherwise idle (none may be)."""
    return [s for s, o in zip(seconds, others) if o < CLEAN]

def spread(seconds, digits=4):
    """min, median and max of a list of timings."""
    if not seconds:
        return None
    return {"min": round(min(seconds), digits), "median": round(statistics.median(seconds), digits),
            "max": round(max(seconds), digits), "n": len(seconds)}

def versions(*modules):
    return {"python": platform.python_version(), **{m: __import__(m).__version__ for m in modules}}

def report(**fields):
    """The script's only line on standard output."""
    print(json.dumps(fields, ensure_ascii=False), flush=True)
