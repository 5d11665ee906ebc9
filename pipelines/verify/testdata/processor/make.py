"""Writes golden.safetensors here: what transformers' PIL backend makes of vision/preprocess/testdata/portrait.png (picture 2) and jpeg/420.jpg.

    python make.py      # transformers 5.23, Pillow 13
"""
import json
import pathlib

import numpy as np
import PIL
import transformers
from PIL import Image
from safetensors.numpy import save_file
from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

HERE = pathlib.Path(__file__).parent
PICTURES = HERE / "../../../../vision/preprocess/testdata"
out = {}
for name, cls, key, path in (("siglip.wide", SiglipImageProcessorPil, "2", "portrait.png"), ("clip.56", CLIPImageProcessorPil, "2", "portrait.png"),
                             ("clip.56", CLIPImageProcessorPil, "jpeg", "jpeg/420.jpg")):
    processor = cls.from_dict(json.loads((HERE / f"{name}.json").read_text()))
    image = Image.open(PICTURES / path).convert("RGB")
    for ending, dtype, options in ((".u8", np.uint8, {"do_rescale": False, "do_normalize": False}), ("", np.float16, {})):
        if ending or key == "2" and name == "siglip.wide":
            pixels = np.asarray(processor(image, return_tensors="np", **options)["pixel_values"][0])
            out[f"{name}.{key}{ending}"] = pixels.astype(dtype)
save_file(out, HERE / "golden.safetensors", {"made_by": "make.py", "pillow": PIL.__version__, "transformers": transformers.__version__,
                                             "spec": json.dumps({"images": ["420.jpg"]})})
