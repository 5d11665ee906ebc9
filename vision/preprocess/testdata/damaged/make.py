"""Makes the files here: sound ones of ../jpeg with something wrong (scripts/interop/damage.py), and pillow.json with what Pillow makes of each.

    python make.py      # Pillow 13.0

pillow.json: file -> the sound file, and the first 16 hexadecimal digits of SHA-256 over Pillow's bytes [H, W, 3], null where it refuses.
"""
import hashlib
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../../scripts/interop"))
from damage import damaged  # noqa: E402

out = {}
sound = {p.name: p.read_bytes() for p in sorted((HERE / "../jpeg").glob("*.jpg")) if p.name in ("420.jpg", "restart.jpg")}
for kind, name, data in damaged(sound, 1):
    try:
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    except Exception:
        digest = None
    file = kind.replace(" ", "_").replace(",", "") + ".jpg"
    (HERE / file).write_bytes(data)
    out[file] = {"of": name, "pillow": digest}
(HERE / "pillow.json").write_text("{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "\n}\n")
