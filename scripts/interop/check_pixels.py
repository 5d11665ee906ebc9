"""Pixels of pictures of all formats and modes, and of transformers' image processors, against moslava preprocess.

    python check_pixels.py PROGRAMS WORK

Everything is compared to the bit: bytes after decoding with Pillow's convert("RGB"), float32 after the processors' PIL backend.
"""
import concurrent.futures
import io
import json
import pathlib
import struct
import subprocess
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps
from transformers import BitImageProcessorPil, CLIPImageProcessorPil, LlavaImageProcessorPil, SiglipImageProcessorPil
from transformers.image_transforms import convert_to_rgb

from report import check

RAW = {"image_processor_type": "CLIPImageProcessor", "do_resize": False, "do_center_crop": False, "do_rescale": False,
       "do_normalize": False}
CLASSES = {"CLIPImageProcessor": CLIPImageProcessorPil, "SiglipImageProcessor": SiglipImageProcessorPil,
           "BitImageProcessor": BitImageProcessorPil, "LlavaImageProcessor": LlavaImageProcessorPil}
SIZES = [(1, 1), (2, 3), (3, 2), (5, 1), (1, 9), (16, 16), (17, 33), (31, 8), (64, 48), (83, 61)]


def photo(w, h, seed=0):
    """Smooth waves, edges and noise: something for every coefficient."""
    rng = np.random.default_rng([w, h, seed])
    y, x = np.mgrid[0:h, 0:w]
    planes = [128 + 100 * np.sin(x / rng.uniform(3, 20) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(3, 20)) for _ in range(3)]
    a = np.stack(planes, -1) + rng.normal(0, 12, (h, w, 3))
    a[h // 3:h // 2, w // 4:w // 2] = rng.integers(0, 256, 3)
    return Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))


def encoded(image, fmt, **options):
    b = io.BytesIO()
    image.save(b, fmt, **options)
    return b.getvalue()


def sampling(data, *factors):
    """Declares other sampling factors; with as many blocks in a unit the file stays valid, with other chroma."""
    at = next(data.index(m) for m in (b"\xff\xc0", b"\xff\xc2") if m in data) + 10
    b = bytearray(data)
    for i, f in enumerate(factors):
        b[at + 1 + 3 * i] = f
    return bytes(b)


def scan_by_scan(w, h, *factors):
    """A sequential file in which each component has a scan of its own, put together from grey files."""
    across, down = max(f >> 4 for f in factors), max(f & 15 for f in factors)
    out, frame, scans = b"", b"", b""
    for i, f in enumerate(factors):
        size = -(-w * (f >> 4) // across), -(-h * (f & 15) // down)
        grey = encoded(photo(*size, i).convert("L"), "JPEG", quality=70)
        start, scan = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
        tables = grey[grey.index(b"\xff\xdb"):start] + grey[start + 2 + 11:scan]
        out = out or b"\xff\xd8" + tables
        frame += bytes([i + 1, f, 0])
        scans += b"\xff\xda\0\x08\1" + bytes([i + 1, 0, 0, 63, 0]) + grey[scan + 10:-2]
    return out + b"\xff\xc0" + struct.pack(">HBHHB", 8 + len(frame), 8, h, w, len(factors)) + frame + scans + b"\xff\xd9"


def jpegs():
    for w, h in SIZES:
        image = photo(w, h)
        for ss in ("4:4:4", "4:2:2", "4:2:0"):
            for quality in (1, 10, 35, 75, 92, 100):
                for progressive in (False, True):
                    name = f"jpeg {w}x{h} {ss} q{quality}{' progressive' if progressive else ''}"
                    yield name, encoded(image, "JPEG", quality=quality, subsampling=ss, progressive=progressive)
        for quality in (20, 80):
            for progressive in (False, True):
                how = {"quality": quality, "progressive": progressive}
                tag = f"{w}x{h} q{quality}{' progressive' if progressive else ''}"
                yield f"jpeg grey {tag}", encoded(image.convert("L"), "JPEG", **how)
                yield f"jpeg cmyk {tag}", encoded(image.convert("CMYK"), "JPEG", **how)
                yield f"jpeg rgb {tag}", encoded(image, "JPEG", keep_rgb=True, **how)
                yield f"jpeg optimised {tag}", encoded(image, "JPEG", optimize=True, **how)
                yield f"jpeg restart blocks {tag}", encoded(image, "JPEG", restart_marker_blocks=3, **how)
                yield f"jpeg restart rows {tag}", encoded(image, "JPEG", restart_marker_rows=1, **how)
    for w, h in ((64, 64), (128, 64)):
        tag, image = f"{w}x{h}", photo(w, h)
        h2v1, h2v2 = (encoded(image, "JPEG", quality=80, subsampling=ss) for ss in ("4:2:2", "4:2:0"))
        yield f"jpeg 4:4:0 {tag}", sampling(h2v1, 0x12, 0x11, 0x11)
        yield f"jpeg 4:1:1 {tag}", sampling(h2v2, 0x41, 0x11, 0x11)
        yield f"jpeg 1:4 {tag}", sampling(h2v2, 0x14, 0x11, 0x11)
        yield f"jpeg one chroma wider {tag}", sampling(h2v2, 0x21, 0x21, 0x11)
    for w, h in SIZES:
        for f in ((0x11, 0x11, 0x11), (0x22, 0x11, 0x11), (0x21, 0x11, 0x11), (0x12, 0x11, 0x11), (0x41, 0x11, 0x11), (0x42, 0x11, 0x11),
                  (0x31, 0x11, 0x11), (0x13, 0x11, 0x11), (0x33, 0x11, 0x11), (0x44, 0x22, 0x11), (0x22, 0x21, 0x12), (0x11, 0x22, 0x22),
                  (0x24, 0x22, 0x14), (0x22, 0x22, 0x22)):
            yield f"jpeg scan by scan {' '.join(f'{a:x}' for a in f)} {w}x{h}", scan_by_scan(w, h, *f)
    cmyk = encoded(photo(32, 32).convert("CMYK"), "JPEG", quality=85)
    adobe = cmyk.index(b"Adobe")
    yield "jpeg ycck", cmyk[:adobe + 11] + b"\x02" + cmyk[adobe + 12:]
    plain = encoded(photo(40, 30), "JPEG", quality=85)
    yield "jpeg bytes behind the end", plain + b"more\xff\xd8\xff"
    yield "jpeg fill bytes", plain[:2] + b"\xff\xff\xff" + plain[2:]
    for o in range(1, 9):
        exif = Image.Exif()
        exif[274] = o
        yield f"jpeg orientation {o}", encoded(photo(24, 17), "JPEG", exif=exif)


def png(w, h, depth, kind, rows, *chunks, interlace=0):
    """A PNG file of rows that are packed already."""
    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
    body = zlib.compress(b"".join(b"\0" + r for r in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, interlace))
            + b"".join(chunk(*c) for c in chunks) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def interlaced(a):
    """Adam7's seven pictures of [h, w, c] bytes, as rows."""
    for y, x, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        part = a[y::dy, x::dx]
        if part.size:
            yield from (r.tobytes() for r in part)


def pngs():
    for w, h in SIZES:
        image = photo(w, h)
        rng = np.random.default_rng([7, w, h])
        alpha = Image.fromarray(rng.integers(0, 256, (h, w), np.uint8))
        rgba, la = image.copy(), image.convert("L")
        rgba.putalpha(alpha)
        la.putalpha(alpha)
        few = image.quantize(11)
        n = len(few.getpalette()) // 3
        tag = f"{w}x{h}"
        yield f"png rgb {tag}", encoded(image, "PNG")
        yield f"png rgba {tag}", encoded(rgba, "PNG")
        yield f"png grey {tag}", encoded(image.convert("L"), "PNG")
        yield f"png la {tag}", encoded(la, "PNG")
        yield f"png 1 bit {tag}", encoded(image.convert("1"), "PNG")
        yield f"png palette {tag}", encoded(image.convert("P"), "PNG")
        for bits in (1, 2, 4):
            yield f"png palette of {bits} bits {tag}", encoded(image.quantize(1 << bits), "PNG", bits=bits)
            packed = rng.integers(0, 256, (h, -(-w * bits // 8)), np.uint8)
            yield f"png grey of {bits} bits {tag}", png(w, h, bits, 0, [r.tobytes() for r in packed])
            yield f"png grey of {bits} bits transparent {tag}", png(w, h, bits, 0, [r.tobytes() for r in packed], (b"tRNS", b"\0\1"))
        yield f"png palette with alpha {tag}", encoded(few, "PNG", transparency=bytes(rng.integers(0, 256, n, np.uint8)))
        yield f"png palette with a transparent index {tag}", encoded(few, "PNG", transparency=0)
        yield f"png rgb with a transparent colour {tag}", encoded(image, "PNG", transparency=image.getpixel((0, 0)))
        yield f"png grey with a transparent value {tag}", encoded(image.convert("L"), "PNG", transparency=128)
        yield f"png 16 bit grey {tag}", encoded(Image.fromarray(rng.integers(0, 600, (h, w), np.uint16)), "PNG")
        for kind, c, name in ((0, 1, "grey"), (2, 3, "rgb"), (4, 2, "la"), (6, 4, "rgba")):
            deep = rng.integers(0, 256, (h, w, 2 * c), np.uint8)
            yield f"png 16 bit {name} full range {tag}", png(w, h, 16, kind, [r.tobytes() for r in deep])
            yield f"png 16 bit {name} interlaced {tag}", png(w, h, 16, kind, interlaced(deep), interlace=1)
            flat = rng.integers(0, 256, (h, w, c), np.uint8)
            yield f"png 8 bit {name} interlaced {tag}", png(w, h, 8, kind, interlaced(flat), interlace=1)
    exif = Image.Exif()
    exif[274] = 6
    yield "png orientation 6", encoded(photo(24, 17), "PNG", exif=exif)


def webps():
    for w, h in SIZES:
        image = photo(w, h)
        rgba = image.copy()
        rgba.putalpha(Image.fromarray(np.random.default_rng([9, w, h]).integers(0, 256, (h, w), np.uint8)))
        tag = f"{w}x{h}"
        yield f"webp lossless {tag}", encoded(image, "WEBP", lossless=True)
        yield f"webp lossless rgba {tag}", encoded(rgba, "WEBP", lossless=True, exact=True)
        for quality in (5, 50, 95):
            yield f"webp lossy q{quality} {tag}", encoded(image, "WEBP", quality=quality)
            yield f"webp lossy rgba q{quality} {tag}", encoded(rgba, "WEBP", quality=quality)
        more = [ImageOps.invert(image)]
        yield f"webp animated {tag}", encoded(image, "WEBP", save_all=True, append_images=more, lossless=True)
        yield f"webp animated rgba {tag}", encoded(rgba, "WEBP", save_all=True, append_images=more, quality=60)


def gifs():
    for w, h in SIZES:
        image = photo(w, h)
        few = image.quantize(13)
        tag = f"{w}x{h}"
        yield f"gif {tag}", encoded(few, "GIF")
        yield f"gif grey {tag}", encoded(image.convert("L"), "GIF")
        yield f"gif 1 bit {tag}", encoded(image.convert("1"), "GIF")
        yield f"gif transparent {tag}", encoded(few, "GIF", transparency=2)
        yield f"gif interlaced {tag}", encoded(few, "GIF", interlace=1)
        yield f"gif animated {tag}", encoded(image, "GIF", save_all=True, append_images=[ImageOps.invert(image)])


def bmp(w, h, bits, compression, data, palette=b"", masks=b"", colours=0, top_down=False):
    head = 14 + 40 + len(masks) + len(palette)
    return (b"BM" + struct.pack("<IHHI", head + len(data), 0, 0, head)
            + struct.pack("<IiiHHIIiiII", 40, w, -h if top_down else h, 1, bits, compression, len(data), 2835, 2835, colours, 0)
            + masks + palette + data)


def runs(indices, bits):
    """RLE8 or RLE4, in the three ways to encode: runs, literal runs, and a delta where a row is left early."""
    out = bytearray()
    for y, row in enumerate(indices):
        x = 0
        while x < len(row):
            n = 1
            while x + n < len(row) and n < 255 and row[x + n] == row[x]:
                n += 1
            literal = row[x:x + 7]
            if n == 1 and len(literal) == 7:
                out += bytes([0, 7])
                packed = bytes(literal) if bits == 8 else bytes((int(a) << 4 | int(b)) for a, b in zip(literal[::2], list(literal[1::2]) + [0]))
                out += packed + b"\0" * (len(packed) % 2)
                x += 7
            else:
                out += bytes([n, row[x] if bits == 8 else int(row[x]) * 17])
                x += n
        if y + 1 < len(indices):
            out += b"\0\0"
    return bytes(out + b"\0\1")


def bmps():
    for w, h in SIZES:
        image = photo(w, h)
        rng = np.random.default_rng([11, w, h])
        tag = f"{w}x{h}"
        yield f"bmp rgb {tag}", encoded(image, "BMP")
        yield f"bmp grey {tag}", encoded(image.convert("L"), "BMP")
        yield f"bmp 1 bit {tag}", encoded(image.convert("1"), "BMP")
        yield f"bmp palette {tag}", encoded(image.convert("P"), "BMP")
        rgba = image.copy()
        rgba.putalpha(77)
        yield f"bmp rgba {tag}", encoded(rgba, "BMP")
        palette = rng.integers(0, 256, (16, 4), np.uint8).tobytes()
        stride = (w * 4 + 31) // 32 * 4
        yield f"bmp 4 bit {tag}", bmp(w, h, 4, 0, rng.integers(0, 256, h * stride, np.uint8).tobytes(), palette, colours=16)
        stride = (w * 16 + 31) // 32 * 4
        deep = rng.integers(0, 256, h * stride, np.uint8).tobytes()
        yield f"bmp 16 bit {tag}", bmp(w, h, 16, 0, deep)
        yield f"bmp 16 bit 5-6-5 {tag}", bmp(w, h, 16, 3, deep, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f))
        yield f"bmp 16 bit 5-5-5 {tag}", bmp(w, h, 16, 3, deep, masks=struct.pack("<III", 0x7c00, 0x3e0, 0x1f))
        yield f"bmp 32 bit {tag}", bmp(w, h, 32, 0, rng.integers(0, 256, h * w * 4, np.uint8).tobytes())
        yield f"bmp top down {tag}", bmp(w, h, 32, 0, rng.integers(0, 256, h * w * 4, np.uint8).tobytes(), top_down=True)
        wide = rng.integers(0, 256, h * w * 4, np.uint8).tobytes()
        yield f"bmp 32 bit masks {tag}", bmp(w, h, 32, 3, wide, masks=struct.pack("<III", 0xff0000, 0xff00, 0xff))
        yield f"bmp 32 bit masks low byte unused {tag}", bmp(w, h, 32, 3, wide, masks=struct.pack("<III", 0xff000000, 0xff0000, 0xff00))
        for bits in (8, 4):
            n = 1 << bits
            palette = rng.integers(0, 256, (n, 4), np.uint8).tobytes()
            indices = np.repeat(rng.integers(0, n, (h, w)), 3, axis=1)[:, :w]
            indices[::2] = rng.integers(0, n, indices[::2].shape)
            yield f"bmp rle{bits} {tag}", bmp(w, h, bits, 1 if bits == 8 else 2, runs(indices, bits), palette, colours=n)
        os2 = photo(w, h, 1).convert("RGB")
        rows = np.asarray(os2)[::-1, :, ::-1]
        data = b"".join(r.tobytes() + b"\0" * (-3 * w % 4) for r in rows)
        yield f"bmp os2 {tag}", b"BM" + struct.pack("<IHHI", 26 + len(data), 0, 0, 26) + struct.pack("<IHHHH", 12, w, h, 1, 24) + data


def tiff(order, w, h, blocks, **tags):
    """A TIFF file of blocks that are packed already; tags by number (t258=(8, 8, 8)), strips unless there are tile sizes."""
    fields = {256: (w,), 257: (h,), 259: (1,), **{int(k[1:]): v for k, v in tags.items()}}
    at, body, where = 8, b"", []
    for b in blocks:
        where.append(at + len(body))
        body += b + b"\0" * (len(b) % 2)
    tiled = 322 in fields
    fields[324 if tiled else 273], fields[325 if tiled else 279] = tuple(where), tuple(len(b) for b in blocks)
    directory, more = b"", b""
    start = at + len(body)
    behind = start + 2 + 12 * len(fields) + 4
    for tag, values in sorted(fields.items()):
        long = tag in (273, 279, 324, 325)
        data = struct.pack(f"{order}{len(values)}{'I' if long else 'H'}", *values)
        if len(data) > 4:
            place = struct.pack(order + "I", behind + len(more))
            more += data + b"\0" * (len(data) % 2)
        else:
            place = data.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, 4 if long else 3, len(values)) + place
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    return head + body + struct.pack(order + "H", len(fields)) + directory + b"\0\0\0\0" + more


def packed_tiffs(w, h):
    """Kinds that Pillow reads and does not write."""
    rng = np.random.default_rng([17, w, h])

    def noise(n, *shape):
        return rng.integers(0, 256, (*shape, n), np.uint8).tobytes()
    for order in "<>":
        tag = f"{'ii' if order == '<' else 'mm'} {w}x{h}"
        for bits in (1, 2, 4, 8):
            grey = noise(-(-w * bits // 8), h)
            for photometric in (0, 1):
                for fill in (1,) if (bits, photometric) == (8, 0) else (1, 2):  # Pillow has no raw mode for that
                    yield f"tiff grey of {bits} bits as {photometric} fill {fill} {tag}", tiff(order, w, h, [grey], t258=(bits,), t262=(photometric,), t266=(fill,))
            table = tuple(int(v) for v in rng.integers(0, 65536, 3 << bits))
            yield f"tiff palette of {bits} bits {tag}", tiff(order, w, h, [grey], t258=(bits,), t262=(3,), t320=table)
        for n, extra in ((3, ()), (4, (0,)), (4, (1,)), (4, (2,)), (4, ()), (5, (2, 0)), (5, (1, 0))):
            how = {"t262": (2,), "t277": (n,), **({"t338": extra} if extra else {})}
            yield f"tiff rgb extra {extra} {tag}", tiff(order, w, h, [noise(w * n, h)], t258=(8,) * n, **how)
            if n < 5:
                yield f"tiff deep rgb extra {extra} {tag}", tiff(order, w, h, [noise(2 * w * n, h)], t258=(16,) * n, **how)
        yield f"tiff deep grey {tag}", tiff(order, w, h, [noise(2 * w, h)], t258=(16,), t262=(1,))
        yield f"tiff deep cmyk {tag}", tiff(order, w, h, [noise(8 * w, h)], t258=(16,) * 4, t262=(5,), t277=(4,))
        planes = [noise(w, h) for _ in range(3)]
        yield f"tiff planes {tag}", tiff(order, w, h, planes, t258=(8,) * 3, t262=(2,), t277=(3,), t284=(2,))
        yield f"tiff deflated planes {tag}", tiff(order, w, h, [zlib.compress(p) for p in planes], t258=(8,) * 3, t259=(8,), t262=(2,), t277=(3,), t284=(2,))
        deep = np.frombuffer(noise(6 * w, h), np.uint8)
        yield f"tiff deflated deep differences {tag}", tiff(order, w, h, [zlib.compress(deep.tobytes())], t258=(16,) * 3, t259=(8,), t262=(2,), t277=(3,), t317=(2,))
        tiles = [noise(16 * 3, 16) for _ in range(-(-w // 16) * -(-h // 16))]
        yield f"tiff tiles {tag}", tiff(order, w, h, tiles, t258=(8,) * 3, t262=(2,), t277=(3,), t322=(16,), t323=(16,))
        yield f"tiff deflated tiles {tag}", tiff(order, w, h, [zlib.compress(b) for b in tiles], t258=(8,) * 3, t259=(8,), t262=(2,), t277=(3,), t322=(16,), t323=(16,))


def tiffs():
    for w, h in ((17, 33), (64, 48)):
        yield from packed_tiffs(w, h)
    for w, h in SIZES:
        image = photo(w, h)
        rng = np.random.default_rng([13, w, h])
        rgba, la = image.copy(), image.convert("L")
        alpha = Image.fromarray(rng.integers(0, 256, (h, w), np.uint8))
        rgba.putalpha(alpha)
        la.putalpha(alpha)
        tag = f"{w}x{h}"
        modes = {"rgb": image, "grey": image.convert("L"), "1 bit": image.convert("1"), "palette": image.convert("P"), "rgba": rgba,
                 "la": la, "cmyk": image.convert("CMYK"), "16 bit grey": Image.fromarray(rng.integers(0, 600, (h, w), np.uint16))}
        for name, m in modes.items():
            for compression in (None, "packbits", "tiff_lzw", "tiff_adobe_deflate"):
                yield f"tiff {name} {compression or 'raw'} {tag}", encoded(m, "TIFF", compression=compression)
        yield f"tiff group3 {tag}", encoded(modes["1 bit"], "TIFF", compression="group3")
        yield f"tiff group4 {tag}", encoded(modes["1 bit"], "TIFF", compression="group4")
        yield f"tiff predictor {tag}", encoded(image, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
        yield f"tiff strips {tag}", encoded(image, "TIFF", compression="tiff_lzw", strip_size=64)
        yield f"tiff jpeg {tag}", encoded(image, "TIFF", compression="jpeg", quality=80)
        yield f"tiff grey jpeg {tag}", encoded(image.convert("L"), "TIFF", compression="jpeg", quality=80)
    for o in range(1, 9):
        exif = Image.Exif()
        exif[274] = o
        yield f"tiff orientation {o}", encoded(photo(24, 17), "TIFF", exif=exif)


def configs():
    clip, sig, bit, llava = CLASSES
    for f in range(6):
        yield {"image_processor_type": clip, "size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}, "resample": f}
        yield {"image_processor_type": sig, "size": {"height": 31, "width": 26}, "resample": f}
        yield {"image_processor_type": clip, "size": {"shortest_edge": 100}, "crop_size": {"height": 90, "width": 97}, "resample": f}
    yield {"image_processor_type": clip, "size": 20, "crop_size": 33}
    yield {"feature_extractor_type": "CLIPFeatureExtractor", "size": 28, "crop_size": 28, "do_normalize": True}
    yield {"image_processor_type": clip + "Fast", "do_resize": False, "crop_size": {"height": 40, "width": 41}}
    yield {"image_processor_type": clip, "size": 20, "do_center_crop": False, "do_rescale": False}
    yield {"image_processor_type": bit, "size": {"shortest_edge": 32}, "crop_size": {"height": 28, "width": 28},
           "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    yield {"image_processor_type": bit, "size": {"shortest_edge": 23}, "do_center_crop": False, "do_normalize": False, "rescale_factor": 0.5}
    yield {"image_processor_type": sig, "do_rescale": False, "size": [20, 30]}
    yield {"image_processor_type": llava, "do_pad": True, "size": 35, "crop_size": 35}
    yield {"image_processor_type": llava, "do_pad": True, "size": {"height": 45, "width": 40}, "do_center_crop": False, "resample": 2}


class Program:
    def __init__(self, programs, work):
        self.moslava, self.work = programs / "moslava", work / "pixels"
        self.work.mkdir(parents=True, exist_ok=True)
        self.count = 0

    def pixels(self, number, data, config, *flags):
        """What moslava preprocess writes, [3, H, W], or a string that says what was wrong."""
        picture, settings, out = (self.work / f"{number}{end}" for end in (".picture", ".json", ".npy"))
        picture.write_bytes(data)
        settings.write_text(json.dumps(config))
        p = subprocess.run([self.moslava, "preprocess", "--config", settings, picture, "--out", out, *flags], capture_output=True, text=True)
        if p.returncode:
            return p.stderr.strip()
        a = np.load(out)
        for f in (picture, settings, out):
            f.unlink()
        return a[0]


def same(got, want):
    assert not isinstance(got, str), got
    assert got.shape == want.shape and got.dtype == np.float32, f"{got.dtype} {got.shape}, want float32 {want.shape}"
    d = np.abs(got - want)
    assert d.max() == 0, f"{np.count_nonzero(d)} of {d.size} differ, by {d.max():.4g} at most, {d.mean():.3g} in the mean"


def raw(data, how):
    image = Image.open(io.BytesIO(data))
    if how == "--white":
        rgb = convert_to_rgb(image, return_numpy=True)
    elif how == "--exif":
        rgb = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    else:
        rgb = np.asarray(image.convert("RGB"))
    return rgb.transpose(2, 0, 1).astype(np.float32)


def decoding(program, pool):
    """Compares pictures of all kinds; one line for each kind of file."""
    jobs, groups = [], {}
    for made in (jpegs, pngs, webps, gifs, bmps, tiffs):
        for name, data in made():
            kind = " ".join(name.split()[:2]) if made is not jpegs else "jpeg"
            for how in ("", "--white", "--exif"):
                if how and (name.startswith("jpeg") and "orientation" not in name):
                    continue
                groups.setdefault((kind, how), []).append((name, data, pool.submit(program.pixels, len(jobs), data, RAW, *([how] if how else []))))
                jobs.append(name)
    for (kind, how), rows in groups.items():
        with check(f"pixels: {len(rows)} pictures {kind} {how}".strip()):
            for name, data, future in rows:
                try:
                    same(future.result(), raw(data, how))
                except Exception as e:
                    raise AssertionError(f"{name}: {e}") from e


def processing(program, pool):
    """Compares the processors' results, for lossless and lossy sources."""
    sources = {f"{w}x{h} {fmt}": encoded(photo(w, h), fmt) for fmt in ("PNG", "JPEG") for w, h in ((64, 48), (48, 64), (31, 90), (90, 31), (7, 5))}
    tasks = []
    for number, config in enumerate(configs()):
        name = config.get("image_processor_type") or config["feature_extractor_type"].replace("FeatureExtractor", "ImageProcessor")
        kind = CLASSES[name.removesuffix("Fast")]
        rows = [(s, kind.from_dict(config)(Image.open(io.BytesIO(data)).convert("RGB"), return_tensors="np")["pixel_values"][0],
                 pool.submit(program.pixels, f"p{number}-{i}", data, config, "--pillow13")) for i, (s, data) in enumerate(sources.items())]
        tasks.append((config, rows))
    for config, rows in tasks:
        with check(f"pixels: {json.dumps(config)}"):
            for source, want, future in rows:
                try:
                    same(future.result(), np.asarray(want, np.float32))
                except AssertionError as e:
                    raise AssertionError(f"{source}: {e}") from e


def main():
    program = Program(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        decoding(program, pool)
        processing(program, pool)


if __name__ == "__main__":
    main()
