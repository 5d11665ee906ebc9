"""JPEG files with something wrong, in Pillow and in moslava preprocess.

    python check_jpeg.py PROGRAMS WORK [EACH]

A table of EACH files of each kind (damage.py) on the other stream. What both read must be equal to the bit; kinds in READ, where all samples come from the
file, must be read where Pillow reads them; nothing may be read that Pillow refuses, except files that lack nothing but their end and one that
Pillow does not take for a JPEG.
"""
import collections
import concurrent.futures
import io
import pathlib
import sys

from PIL import Image

from check_pixels import RAW, Program, encoded, photo, raw, same
from damage import damaged
from report import check

READ = {"bytes before a marker", "FF 00 before a marker", "FF before a marker", "bytes before EOI", "zeros before EOI", "bytes before a restart",
        "bytes behind EOI", "a file behind EOI", "no EOI", "bytes in place of EOI", "length 0 or 1 of APPn or COM", "APPn anywhere",
        "restart or TEM between segments", "DNL with the height", "height too small", "one restart 3 to 5 off"}
MORE = {"no EOI": "truncated", "bytes in place of EOI": "truncated", "restart or TEM between segments": "cannot identify"}
COLUMNS = ("equal", "both refuse", "only Pillow", "only moslava")


def sound():
    for w, h in ((65, 53), (90, 70), (200, 160)):
        image = photo(w, h)
        for name, how in {"": {}, "optimised": {"optimize": True}, "progressive": {"progressive": True}, "444": {"subsampling": "4:4:4"},
                          "restarts": {"restart_marker_blocks": 3}, "restart rows": {"restart_marker_rows": 1, "quality": 60},
                          "progressive restarts": {"progressive": True, "restart_marker_rows": 1}}.items():
            yield f"{w}x{h} {name}", encoded(image, "JPEG", **{"quality": 85, **how})
        yield f"{w}x{h} grey", encoded(image.convert("L"), "JPEG", quality=85, restart_marker_blocks=4)
        yield f"{w}x{h} cmyk", encoded(image.convert("CMYK"), "JPEG", quality=85)


def theirs(data):
    try:
        return raw(data, ""), None
    except (OSError, SyntaxError) as e:
        return None, str(e)


def main():
    program, each = Program(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])), int((sys.argv[3:] or [10])[0])
    kinds = collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for i, (kind, name, data) in enumerate(damaged(dict(sound()), each)):
            kinds[kind].append((name, data, pool.submit(program.pixels, f"jpeg{i}", data, RAW)))
        print(f"{'':34}", *(f"{c:>12}" for c in COLUMNS), file=sys.stderr)
        total = collections.Counter()
        for kind, rows in kinds.items():
            seen = collections.Counter()
            with check(f"pixels: {len(rows)} damaged JPEG files, {kind}"):
                for name, data, future in rows:
                    got, (want, refusal) = future.result(), theirs(data)
                    if isinstance(got, str):
                        seen["both refuse" if want is None else "only Pillow"] += 1
                        assert want is None or kind not in READ, f"{name}: {got}"
                    elif want is None:
                        seen["only moslava"] += 1
                        assert MORE.get(kind, "-") in refusal, f"{name}: read, while Pillow says {refusal}"
                    else:
                        seen["equal"] += 1
                        same(got, want)
            print(f"{kind:34}", *(f"{seen[c] or '':>12}" for c in COLUMNS), file=sys.stderr)
            total.update(seen)
        print(f"{'all':34}", *(f"{total[c]:>12}" for c in COLUMNS), file=sys.stderr)


main()
