"""One line a check, for run.sh to count: "ok NAME", or "FAILED NAME" and why."""
import contextlib
import traceback


@contextlib.contextmanager
def check(name):
    """Runs the block and prints whether it went through. A failure does not end the program."""
    try:
        yield
    except Exception as e:
        place = traceback.extract_tb(e.__traceback__)[-1]
        why = " ".join(str(e).split()) or type(e).__name__
        print(f"FAILED {name}: {why} ({place.name}, line {place.lineno})", flush=True)
    else:
        print(f"ok {name}", flush=True)


def equal(got, want, what):
    assert got == want, f"{what}: got {str(got)[:300]}, want {str(want)[:300]}"


def close(got, want, tolerance, what):
    """Compares arrays element by element, absolutely, and returns the largest difference."""
    import numpy as np
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape, f"{what}: shapes {got.shape} and {want.shape}"
    worst = float(np.abs(got - want).max())
    assert worst <= tolerance, f"{what}: largest difference {worst:.3g}, allowed {tolerance:.3g}"
    return worst
