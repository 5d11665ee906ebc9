"""WebP, TIFF, BMP, GIF and PNG files with something wrong, by kind, made of sound ones and a seed."""
import random
import struct


def flipped(data, rng, n, lo=0, hi=None):
    b = bytearray(data)
    for _ in range(n):
        b[rng.randrange(lo, hi or len(b))] ^= 1 << rng.randrange(8)
    return bytes(b)


def stretch(data, rng):
    a = rng.randrange(12, len(data) - 1)
    return a, min(len(data), a + rng.randrange(1, max(2, len(data) // 3)))


def removed(data, rng):
    a, b = stretch(data, rng)
    return data[:a] + data[b:]


def zeroed(data, rng):
    a, b = stretch(data, rng)
    return data[:a] + bytes(b - a) + data[b:]


def inserted(data, rng):
    a, _ = stretch(data, rng)
    return data[:a] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 30))) + data[a:]


def number(data, rng):
    """A number of 16 or 32 bits near the start replaced by one that is often wrong."""
    at, wide = rng.randrange(4, min(len(data), 80) - 4), rng.random() < 0.5
    v = rng.choice([0, 1, 2, 3, 4, 7, 8, 16, 24, 32, 255, 256, 0x7FFF, 0xFFFF, len(data), len(data) + 1])
    return data[:at] + struct.pack("<I" if wide else "<H", v & (0xFFFFFFFF if wide else 0xFFFF)) + data[at + (4 if wide else 2):]


KINDS = {
    "one bit": lambda d, r: flipped(d, r, 1),
    "one bit of the first 64 bytes": lambda d, r: flipped(d, r, 1, 4, min(64, len(d))),
    "one bit of the last 200 bytes": lambda d, r: flipped(d, r, 1, max(4, len(d) - 200)),
    "five bits": lambda d, r: flipped(d, r, 5),
    "bytes removed": removed,
    "bytes zeroed": zeroed,
    "bytes inserted": inserted,
    "a number replaced": number,
    "cut off": lambda d, r: d[:r.randrange(12, len(d) - 1)],
    "a byte or two cut off": lambda d, r: d[:-r.randrange(1, 3)],
    "bytes behind the end": lambda d, r: d + bytes(r.randrange(256) for _ in range(r.randrange(1, 200))),
}


def damaged(sound, each, seed=1):
    """(kind, name of the sound file, bytes), so many of each kind and sound file."""
    for kind, make in KINDS.items():
        for name in sorted(sound):
            rng = random.Random(f"{kind} {name} {seed}")
            for _ in range(each):
                b = make(sound[name], rng)
                if b != sound[name]:
                    yield kind, name, b
