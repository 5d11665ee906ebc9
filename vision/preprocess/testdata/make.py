"""Makes goldens.json and the pictures of formats/ and jpeg/ from photo.png, portrait.png, thin.png and tiny.png.

Run in this folder with Pillow 13.0, transformers 5.23 and numpy: python make.py
Hashes are the first 16 hexadecimal digits of SHA-256 over the bytes [H, W, 3] or the little-endian float32 [3, H, W].
"""
import hashlib
import io
import json
import os
import struct

import numpy as np
import PIL
import transformers
from PIL import Image, ImageOps
from transformers import BitImageProcessorPil, CLIPImageProcessorPil, LlavaImageProcessorPil, SiglipImageProcessorPil
from transformers.image_transforms import convert_to_rgb

CLASSES = {"CLIPImageProcessor": CLIPImageProcessorPil, "SiglipImageProcessor": SiglipImageProcessorPil,
           "BitImageProcessor": BitImageProcessorPil, "LlavaImageProcessor": LlavaImageProcessorPil}


def digest(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()[:16]


def size_in_gif(data, w, h):
    return data[:6] + w.to_bytes(2, "little") + h.to_bytes(2, "little") + data[10:]


def sampling(data, old, new):
    """Declares other luma sampling factors with as many blocks per unit: still a valid file, of other layout."""
    at = data.index(b"\xff\xc0") + 11
    assert data[at] == old
    return data[:at] + bytes([new]) + data[at + 1:]


def bmp(w, h, bits, compression, behind, colours=0):
    data = 54 + (12 if compression == 3 else 0) + 4 * colours
    return (b"BM" + struct.pack("<IHHI", 54 + len(behind), 0, 0, data)
            + struct.pack("<IiiHHIIiiII", 40, w, h, 1, bits, compression, 0, 2835, 2835, colours, 0) + behind)


def encoded(im, fmt, **options):
    b = io.BytesIO()
    im.save(b, fmt, **options)
    return b.getvalue()


def format_files(photo):
    im = photo.crop((40, 30, 63, 47))
    rng = np.random.default_rng(0)
    alpha = Image.fromarray(rng.integers(0, 256, (17, 23), dtype=np.uint8))
    rgba, la = im.copy(), im.convert("L")
    rgba.putalpha(alpha)
    la.putalpha(alpha)
    deep = Image.fromarray(rng.integers(0, 600, (17, 23), dtype=np.uint16))
    few = im.quantize(9)
    yield "rgb.png", encoded(im, "PNG")
    yield "rgba.png", encoded(rgba, "PNG")
    yield "grey.png", encoded(im.convert("L"), "PNG")
    yield "grey_alpha.png", encoded(la, "PNG")
    yield "grey16.png", encoded(deep, "PNG")
    yield "bits1.png", encoded(im.convert("1"), "PNG")
    yield "palette.png", encoded(im.convert("P"), "PNG")
    yield "palette2bit.png", encoded(im.quantize(4), "PNG", bits=2)
    yield "palette_alpha.png", encoded(few, "PNG", transparency=bytes(range(0, 252, 28)))
    yield "rgb_transparent.png", encoded(im, "PNG", transparency=im.getpixel((3, 3)))
    yield "grey_transparent.png", encoded(im.convert("L"), "PNG", transparency=im.convert("L").getpixel((3, 3)))
    yield "rgb.bmp", encoded(im, "BMP")
    rows = rng.integers(0, 256, (17, 46), np.uint8)
    deep_rows = b"".join(r.tobytes() + b"\0\0" for r in rows)
    yield "deep.bmp", bmp(23, 17, 16, 0, deep_rows)
    yield "masks565.bmp", bmp(23, 17, 16, 3, struct.pack("<III", 0xf800, 0x7e0, 0x1f) + deep_rows)
    wide = rng.integers(0, 256, 23 * 17 * 4, np.uint8).tobytes()
    yield "masks.bmp", bmp(23, 17, 32, 3, struct.pack("<III", 0xff000000, 0xff0000, 0xff00) + wide)
    yield "topdown.bmp", bmp(23, -17, 32, 0, wide)
    table = rng.integers(0, 256, 64, np.uint8).tobytes()
    runs8 = b"".join(bytes([9, i % 16, 0, 5, 1, 2, 3, 4, 5, 0, 9, 7, 0, 0]) for i in range(15))
    yield "rle8.bmp", bmp(23, 17, 8, 1, table + runs8 + bytes([0, 2, 4, 1, 19, 3, 0, 0, 0, 1]), 16)
    runs4 = b"".join(bytes([9, 0x10 + i, 0, 5, 0x12, 0x34, 0x50, 0, 9, 0x7f, 0, 0]) for i in range(15))
    yield "rle4.bmp", bmp(23, 17, 4, 2, table + runs4 + bytes([0, 2, 4, 1, 19, 0x31, 0, 0, 0, 1]), 16)
    yield "palette.bmp", encoded(im.convert("P"), "BMP")
    yield "rgb.tiff", encoded(im, "TIFF")
    yield "rgba.tiff", encoded(rgba, "TIFF")
    yield "palette.tiff", encoded(few, "TIFF")
    yield "lzw.tiff", encoded(im, "TIFF", compression="tiff_lzw")
    for name, m in (("1bit", im.convert("1")), ("la", la), ("cmyk", im.convert("CMYK")), ("grey16", deep)):
        yield name + ".tiff", encoded(m, "TIFF")
    yield "group3.tiff", encoded(im.convert("1"), "TIFF", compression="group3")
    yield "group4.tiff", encoded(im.convert("1"), "TIFF", compression="group4")
    yield "packbits.tiff", encoded(few, "TIFF", compression="packbits")
    yield "predictor.tiff", encoded(im, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2})
    yield "strips.tiff", encoded(im, "TIFF", compression="tiff_lzw", strip_size=200)
    yield "jpeg.tiff", encoded(im, "TIFF", compression="jpeg", quality=80)
    yield "animated.webp", encoded(rgba, "WEBP", quality=60, save_all=True, append_images=[ImageOps.invert(im)])
    yield "lossless.webp", encoded(rgba, "WEBP", lossless=True)
    yield "lossy.webp", encoded(im, "WEBP", quality=70)
    yield "lossy_alpha.webp", encoded(rgba, "WEBP", quality=40)
    yield "one_pixel.webp", encoded(im.crop((0, 0, 1, 1)), "WEBP", quality=40)
    yield "palette.gif", encoded(few, "GIF")
    yield "transparent.gif", encoded(few, "GIF", transparency=4)
    yield "animated.gif", encoded(im, "GIF", save_all=True, append_images=[ImageOps.invert(im)])
    yield "canvas.gif", size_in_gif(encoded(few, "GIF"), 26, 19)
    yield "canvas_transparent.gif", size_in_gif(encoded(few, "GIF", transparency=4), 26, 19)
    for o in range(2, 9):
        exif = Image.Exif()
        exif[274] = o
        yield f"orientation{o}.png", encoded(im.crop((0, 0, 9, 5)), "PNG", exif=exif)
    yield "orientation8.tiff", encoded(im.crop((0, 0, 9, 5)), "TIFF", exif=exif)
    yield "orientation8.webp", encoded(im.crop((0, 0, 9, 5)), "WEBP", lossless=True, exif=exif)


def jpeg_files(photo):
    im = photo.crop((20, 20, 85, 73))
    for name, ss in (("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")):
        yield name, encoded(im, "JPEG", quality=85, subsampling=ss)
    yield "progressive", encoded(im, "JPEG", quality=60, subsampling="4:2:0", progressive=True)
    yield "grey", encoded(im.convert("L"), "JPEG", quality=85)
    yield "cmyk", encoded(im.convert("CMYK"), "JPEG", quality=85, subsampling="4:4:4")
    yield "rgb", encoded(im, "JPEG", quality=85, keep_rgb=True)
    yield "restart", encoded(im, "JPEG", quality=50, restart_marker_blocks=3)
    yield "restart_progressive", encoded(im, "JPEG", quality=50, restart_marker_rows=1, progressive=True)
    cmyk = encoded(im.crop((0, 0, 33, 31)).convert("CMYK"), "JPEG", quality=85)
    yield "ycck", cmyk[:cmyk.index(b"Adobe") + 11] + b"\2" + cmyk[cmyk.index(b"Adobe") + 12:]
    yield "narrow", encoded(im.crop((0, 0, 3, 9)), "JPEG", quality=85, subsampling="4:2:0")
    square = im.crop((0, 0, 64, 64))
    yield "440", sampling(encoded(square, "JPEG", quality=85, subsampling="4:2:2"), 0x21, 0x12)
    yield "411", sampling(encoded(square, "JPEG", quality=85, subsampling="4:2:0"), 0x22, 0x41)
    exif = Image.Exif()
    exif[274] = 5
    yield "orientation5", encoded(im.crop((0, 0, 24, 16)), "JPEG", quality=85, exif=exif)


def decode_goldens(photo):
    os.makedirs("formats", exist_ok=True)
    for name, data in format_files(photo):
        path = "formats/" + name
        with open(path, "wb") as f:
            f.write(data)
        yield decoded(path)
    yield decoded("hopper.webp")
    yield decoded("bmp_q_pal8os2sp.bmp")


def decoded(path):
    rgb = np.asarray(Image.open(path).convert("RGB"))
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    white = convert_to_rgb(Image.open(path), return_numpy=True)
    return {"file": path, "h": rgb.shape[0], "w": rgb.shape[1], "rgb": digest(rgb), "white": digest(white),
           "upright": digest(np.asarray(upright))}


def jpeg_goldens(photo):
    os.makedirs("jpeg", exist_ok=True)
    for name, data in jpeg_files(photo):
        path = f"jpeg/{name}.jpg"
        with open(path, "wb") as f:
            f.write(data)
        Image.open(path).convert("RGB").save(f"jpeg/{name}.png", optimize=True)
        yield path


def resize_goldens():
    sizes = [(180, 150, "photo.png"), (131, 200, "portrait.png"), (1200, 9, "thin.png"), (13, 7, "tiny.png")]
    for w, h, name in sizes:
        im = Image.open(name).convert("RGB")
        assert im.size == (w, h)
        for to in ((56, 56), (97, 33), (w, 31), (29, h), (w, h), (233, 211), (1, 1), (3, 170)):
            for f in range(6):
                new = im.resize(to, f)
                old = im.resize((to[0], h), f).resize(to, f) if f else new      # Pillow 12: widths, then heights
                yield {"file": name, "w": to[0], "h": to[1], "filter": f, "columns_first": digest(np.asarray(old)),
                       "pillow13": digest(np.asarray(new))}


def configs():
    clip, sig, bit, llava = CLASSES
    yield {"image_processor_type": clip}
    yield {"image_processor_type": clip, "size": 56, "crop_size": 56}
    yield {"image_processor_type": clip, "size": {"shortest_edge": 20}, "crop_size": {"height": 33, "width": 25}}
    yield {"image_processor_type": clip, "size": {"height": 40, "width": 60}, "do_center_crop": False, "resample": 1}
    yield {"image_processor_type": clip + "Fast", "do_resize": False, "crop_size": {"height": 64, "width": 61}}
    yield {"image_processor_type": sig, "size": {"height": 96, "width": 96}}
    yield {"image_processor_type": sig, "size": {"height": 50, "width": 48}, "do_rescale": False}
    yield {"image_processor_type": bit, "size": {"shortest_edge": 64}, "crop_size": {"height": 56, "width": 56},
           "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    yield {"image_processor_type": bit, "size": {"shortest_edge": 30}, "do_center_crop": False, "do_normalize": False,
           "resample": 2}
    yield {"image_processor_type": llava, "do_pad": True, "size": 70, "crop_size": 70}
    yield {"image_processor_type": llava, "do_pad": True, "size": {"height": 45, "width": 45}, "do_center_crop": False,
           "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 0}


def apply_goldens():
    for config in configs():
        cls = CLASSES[config["image_processor_type"].removesuffix("Fast")]
        for name in ("photo.png", "portrait.png", "thin.png", "tiny.png"):
            im = Image.open(name).convert("RGB")
            f32 = np.asarray(cls.from_dict(config)(im, return_tensors="np")["pixel_values"][0], dtype=np.float32)
            raw = cls.from_dict(config)(im, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
            u8 = np.asarray(raw).astype(np.uint8).transpose(1, 2, 0)
            if f32.size > 3 * 300 * 300:
                continue
            yield {"file": name, "config": config, "h": f32.shape[1], "w": f32.shape[2], "u8": digest(u8),
                   "f32": digest(f32)}


def main():
    photo = Image.open("photo.png").convert("RGB")
    out = {"versions": {"pillow": PIL.__version__, "transformers": transformers.__version__},
           "decode": list(decode_goldens(photo)), "jpeg": list(jpeg_goldens(photo)), "resize": list(resize_goldens()),
           "apply": list(apply_goldens())}
    with open("goldens.json", "w") as f:
        f.write("{\n")
        for i, (key, rows) in enumerate(out.items()):
            f.write(f' "{key}": ')
            if isinstance(rows, list):
                f.write("[\n  " + ",\n  ".join(json.dumps(r) for r in rows) + "\n ]")
            else:
                f.write(json.dumps(rows))
            f.write(",\n" if i + 1 < len(out) else "\n")
        f.write("}\n")


main()
