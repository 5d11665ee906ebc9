"""Reference pixels of an image processor: what dump.py --pictures writes."""
import shutil

import numpy as np
import PIL
import transformers
from PIL import Image
from safetensors.numpy import save_file
from transformers import AutoImageProcessor


def write(model, to, pictures):
    """DIR/pixels.safetensors, and the pictures beside it as source.<i>.<ending>.

    <i>.u8 is picture i [3, H, W] before rescaling and normalising, <i> the float32 values that a tower gets. The processor's PIL backend makes
    them of Image.open(...).convert("RGB").
    """
    processor = AutoImageProcessor.from_pretrained(model, backend="pil")
    to.mkdir(parents=True, exist_ok=True)
    out = {}
    for i, path in enumerate(pictures):
        for old in to.glob(f"source.{i}.*"):
            if old.resolve() != path.resolve():
                old.unlink()
        copy = to / f"source.{i}{path.suffix}"
        if copy.resolve() != path.resolve():
            shutil.copyfile(path, copy)
        image = Image.open(copy).convert("RGB")
        levels = np.asarray(processor(image, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0])
        assert np.array_equal(levels, levels.astype(np.uint8)), f"{path}: {levels.dtype} before rescaling are no bytes"
        out[f"{i}.u8"] = np.ascontiguousarray(levels.astype(np.uint8))
        out[str(i)] = np.ascontiguousarray(processor(image, return_tensors="np")["pixel_values"][0], np.float32)
    save_file(out, to / "pixels.safetensors", {"made_by": "scripts/goldens/dump.py", "processor": type(processor).__name__,
                                               "pillow": PIL.__version__, "transformers": transformers.__version__})
    print(f"{to / 'pixels.safetensors'}: {type(processor).__name__}, {len(pictures)} pictures")
