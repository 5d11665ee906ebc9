"""WebP, TIFF, BMP, GIF and PNG files with something wrong, in Pillow and in moslava preprocess.

    python check_damaged.py PROGRAMS WORK [EACH]

Nothing may be read that Pillow refuses, and what both read must be equal to the bit, but for fax codes, which libtiff guesses. A table of EACH files of
each kind (damage_containers.py) and sound file of vision/preprocess/testdata/formats is on the other stream.
"""
import collections
import concurrent.futures
import pathlib
import sys
import warnings

import numpy as np

from check_pixels import RAW, Program, raw
from damage_containers import damaged
from report import check

FORMATS = pathlib.Path(__file__).parents[2] / "vision/preprocess/testdata/formats"
MOST = 1 << 22  # pixels of a file whose size is damaged


def theirs(data):
    try:
        return raw(data, "")
    except Exception as e:
        return str(e)


def main():
    program, each = Program(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])), int((sys.argv[3:] or [2])[0])
    warnings.simplefilter("ignore")
    sound = {p.name: p.read_bytes() for ending in ("webp", "tiff", "bmp", "gif", "png") for p in FORMATS.glob("*." + ending)}
    seen = collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(2) as pool, check("pixels: damaged WebP, TIFF, BMP, GIF and PNG files"):
        rows = [(kind, name, data, pool.submit(program.pixels, f"damaged{i}", data, RAW)) for i, (kind, name, data) in enumerate(damaged(sound, each))]
        for kind, name, data, future in rows:
            got, want = future.result(), theirs(data)
            of = seen[pathlib.Path(name).suffix[1:], kind]
            if isinstance(got, str):
                assert "panic" not in got, f"{name}, {kind}: {got}"
                of["both refuse" if isinstance(want, str) else "only Pillow"] += 1
            elif isinstance(want, str):
                raise AssertionError(f"{name}, {kind}: read, while Pillow says {want}")
            elif got.shape == want.shape and np.array_equal(got, want) or got.size // 3 > MOST:
                of["equal"] += 1
            else:
                assert name.startswith("group"), f"{name}, {kind}: pixels differ"
    for (ending, kind), n in sorted(seen.items()):
        print(f"{ending:5} {kind:32}", *(f"{c} {n[c]}" for c in ("equal", "both refuse", "only Pillow")), file=sys.stderr)


main()
