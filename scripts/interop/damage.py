"""JPEG files with something wrong, by kind, made of sound ones and a seed."""
import random

STANDALONE = {*range(0xD0, 0xDA), 0x01}


def markers(data):
    """(place, marker) of all markers, those in entropy-coded data included."""
    out, at = [(0, 0xD8)], 2
    while at + 1 < len(data):
        if data[at] != 0xFF or data[at + 1] in (0, 0xFF):
            at += 1
            continue
        out.append((at, data[at + 1]))
        if data[at + 1] == 0xD9:
            break
        at += 2 if data[at + 1] in STANDALONE else 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return out


def places(data, *wanted):
    return [at for at, m in markers(data) if m in wanted]


def coded(data):
    """The place where the first scan's entropy-coded data begin, and the one where the last scan's end."""
    first = places(data, 0xDA)[0]
    return first + 2 + int.from_bytes(data[first + 2:first + 4], "big"), places(data, 0xD9)[0]


def put(data, at, more, cut=0):
    return data[:at] + bytes(more) + data[at + cut:]


def junk(rng, n):
    return bytes(rng.randrange(255) for _ in range(n))


def segment(marker, body, length=None):
    return bytes([0xFF, marker]) + (len(body) + 2 if length is None else length).to_bytes(2, "big") + bytes(body)


RESTARTS = range(0xD0, 0xD8)


def restarts(data):
    return places(data, *RESTARTS)


def between(data, rng):
    """Any marker but the first, and none that has restarts before it."""
    return rng.choice([at for at, m in markers(data)[1:] if m not in RESTARTS])


def renumbered(data, rng, number):
    b = bytearray(data)
    for i, at in enumerate(restarts(data)):
        b[at + 1] = 0xD0 + number(i) % 8
    return bytes(b)


def one_wrong(data, rng, by):
    at = rng.choice(restarts(data))
    return put(data, at + 1, [0xD0 + (data[at + 1] - 0xD0 + by) % 8], 1)


def interval(data, rng):
    """A restart marker and what follows it up to the next."""
    all = restarts(data)
    i = rng.randrange(len(all) - 1)
    return all[i], all[i + 1]


def flipped(data, rng, n):
    first, end = coded(data)
    b = bytearray(data)
    for _ in range(n):
        b[rng.randrange(first, end)] ^= 1 << rng.randrange(8)
    return bytes(b)


def stretch(data, rng):
    first, end = coded(data)
    a = rng.randrange(first, end - 1)
    return a, min(end, a + rng.randrange(1, max(2, (end - first) // 3)))


def height(data, rng, by):
    at = places(data, 0xC0, 0xC1, 0xC2)[0] + 5
    h = int.from_bytes(data[at:at + 2], "big")
    return put(data, at, max(1, h + by).to_bytes(2, "big"), 2)


def no_tables(data, rng):
    for at in reversed(places(data, 0xC4)):
        data = put(data, at, b"", 2 + int.from_bytes(data[at + 2:at + 4], "big"))
    return data


def dnl(data, rng, by):
    at = places(data, 0xC0, 0xC1, 0xC2)[0] + 5
    return put(data, places(data, 0xD9)[0], segment(0xDC, (int.from_bytes(data[at:at + 2], "big") + by).to_bytes(2, "big")))


def filled(data, rng):
    """An FF of the coded data with more before it."""
    first, end = coded(data)
    all = [i for i in range(first, end - 1) if data[i] == 0xFF and data[i + 1] == 0]
    return put(data, rng.choice(all), b"\xff" * rng.randrange(1, 4)) if all else None


def removed(data, rng):
    a, b = stretch(data, rng)
    return data[:a] + data[b:]


def overwritten(data, rng):
    a, b = stretch(data, rng)
    return put(data, a, bytes(b - a), b - a)


# Kind -> a function of a sound file and a random generator, and what files it is for: any, sequential, restart.
KINDS = {
    "bytes before a marker": (lambda d, r: put(d, between(d, r), junk(r, r.randrange(1, 40))), "any"),
    "FF 00 before a marker": (lambda d, r: put(d, between(d, r), b"\xff\x00" * r.randrange(1, 4)), "any"),
    "FF before a marker": (lambda d, r: put(d, between(d, r), b"\xff" * r.randrange(1, 9)), "any"),
    "bytes before EOI": (lambda d, r: put(d, places(d, 0xD9)[0], junk(r, r.randrange(1, 300))), "any"),
    "zeros before EOI": (lambda d, r: put(d, places(d, 0xD9)[0], bytes(r.randrange(1, 300))), "any"),
    "bytes before a restart": (lambda d, r: put(d, r.choice(restarts(d)), junk(r, r.randrange(1, 40))), "restart"),
    "bytes behind EOI": (lambda d, r: d + junk(r, r.randrange(1, 200)), "any"),
    "a file behind EOI": (lambda d, r: d + d, "any"),
    "no EOI": (lambda d, r: d[:-r.randrange(1, 3)], "any"),
    "bytes in place of EOI": (lambda d, r: d[:-2] + junk(r, r.randrange(8, 60)), "any"),
    "FF FF 00 in coded data": (filled, "any"),
    "length 0 or 1 of APPn or COM": (lambda d, r: put(d, between(d, r), segment(r.choice([0xE0, 0xE1, 0xE5, 0xED, 0xEE, 0xFE]), b"", r.randrange(2))), "any"),
    "APPn anywhere": (lambda d, r: put(d, between(d, r), segment(0xE0 + r.randrange(1, 14), junk(r, r.randrange(40)))), "any"),
    "length of APPn too large": (lambda d, r: put(d, between(d, r), segment(0xE5, junk(r, 9), r.randrange(12, 400))), "any"),
    "reserved marker": (lambda d, r: put(d, between(d, r), segment(r.choice([0x02, 0x4F, 0xBF, 0xDE, 0xDF, 0xF0, 0xFD]), junk(r, 3))), "any"),
    "restart or TEM between segments": (lambda d, r: put(d, between(d, r), [0xFF, r.choice([1, *RESTARTS])]), "any"),
    "second SOI": (lambda d, r: put(d, between(d, r), b"\xff\xd8"), "any"),
    "DNL with the height": (lambda d, r: dnl(d, r, 0), "any"),
    "DNL with another height": (lambda d, r: dnl(d, r, r.choice([-3, 5])), "any"),
    "no Huffman tables": (no_tables, "any"),
    "height too small": (lambda d, r: height(d, r, -r.randrange(1, 20)), "any"),
    "height too large": (lambda d, r: height(d, r, r.randrange(17, 40)), "any"),
    "all restarts RST0": (lambda d, r: renumbered(d, r, lambda i: 0), "restart"),
    "restarts begin at 4": (lambda d, r: renumbered(d, r, lambda i: i + 4), "restart"),
    "restarts begin at 1": (lambda d, r: renumbered(d, r, lambda i: i + 1), "restart"),
    "restarts begin at 7": (lambda d, r: renumbered(d, r, lambda i: i + 7), "restart"),
    "one restart 1 or 2 ahead": (lambda d, r: one_wrong(d, r, r.randrange(1, 3)), "restart"),
    "one restart 1 or 2 behind": (lambda d, r: one_wrong(d, r, -r.randrange(1, 3)), "restart"),
    "one restart 3 to 5 off": (lambda d, r: one_wrong(d, r, r.randrange(3, 6)), "restart"),
    "an interval twice": (lambda d, r: (lambda a, b: put(d, b, d[a:b]))(*interval(d, r)), "restart"),
    "an interval lost": (lambda d, r: (lambda a, b: put(d, a, b"", b - a))(*interval(d, r)), "restart"),
    "a restart marker lost": (lambda d, r: put(d, r.choice(restarts(d)), b"", 2), "restart"),
    "one bit": (lambda d, r: flipped(d, r, 1), "any"),
    "five bits": (lambda d, r: flipped(d, r, 5), "any"),
    "bytes removed": (removed, "any"),
    "bytes zeroed": (overwritten, "any"),
    "cut off": (lambda d, r: d[:r.randrange(20, len(d) - 2)], "any"),
    "cut off, then EOI": (lambda d, r: d[:r.randrange(*coded(d))] + b"\xff\xd9", "any"),
}


def damaged(sound, each, seed=1):
    """(kind, name of the sound file, bytes), so many of each kind."""
    for kind, (make, fits) in KINDS.items():
        rng = random.Random(f"{kind} {seed}")
        names = [n for n in sound if fits == "any" or len(restarts(sound[n])) > 4]
        made = 0
        for i in range(4 * each):
            name = names[i % len(names)]
            b = make(sound[name], rng)
            if b is not None and b != sound[name]:
                yield kind, name, b
                made += 1
            if made == each:
                break
