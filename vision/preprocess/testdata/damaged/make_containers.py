"""Makes containers.json: sound files of ../formats with something wrong (scripts/interop/damage_containers.py), and what Pillow makes of each.

    python make_containers.py      # Pillow 13.0

[{"name", "file": base64, "pillow": the first 16 hexadecimal digits of SHA-256 over Pillow's bytes [H, W, 3], null where it refuses}]
"""
import base64
import hashlib
import io
import json
import pathlib
import sys
import warnings

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../../scripts/interop"))
from damage_containers import damaged  # noqa: E402

warnings.simplefilter("ignore")
SOUND = ["animated.webp", "lossy.webp", "lossy_alpha.webp", "one_pixel.webp", "1bit.tiff", "predictor.tiff", "group4.tiff", "rle4.bmp",
         "rle8.bmp", "canvas.gif", "palette.gif", "transparent.gif", "bits1.png", "grey_transparent.png", "palette2bit.png", "rgb.png"]
out, each = [], {}
for kind, name, data in damaged({n: (HERE / "../formats" / n).read_bytes() for n in SOUND}, 2):
    try:
        digest = hashlib.sha256(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).tobytes()).hexdigest()[:16]
    except Exception:
        digest = None
    n = each[kind, name] = each.get((kind, name), 0) + 1
    if len(data) < 700:
        out.append({"name": f"{name}: {kind} {n}", "file": base64.b64encode(data).decode(), "pillow": digest})
(HERE / "containers.json").write_text("[\n" + ",\n".join(map(json.dumps, out)) + "\n]\n")
