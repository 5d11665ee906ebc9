"""What moslava says about a model, and the pictures it is asked about."""
import json
import pathlib
import subprocess

import numpy as np
from PIL import Image

QUESTIONS = ["What is in the picture?", "which colour does the circle have?\nA. red\nB. blue\nAnswer with the option's letter "
             "from the given choices directly.", "Wie heißt das? 这是什么? 🙂"]
NEW_TOKENS = 24


def output(*args):
    """Runs a program and returns what it prints; raises with what it says on the other stream."""
    p = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    assert p.returncode == 0, f"{pathlib.Path(args[0]).name} {args[1]}: {p.stderr.strip()}"
    return p.stdout


class Program:
    def __init__(self, directory):
        self.moslava, self.dump = directory / "moslava", directory / "dump"

    def ask(self, model, picture, question, *flags):
        """The answer to a question about a picture, several of them in a list, or "none"."""
        return json.loads(output(self.moslava, "ask", model, *listed(picture), question, "--json",
                                 "--max-new", NEW_TOKENS, *flags))

    def see(self, model, picture, question, *flags):
        """Prompt, ids, labels, tiles [N, 3, H, W] and logits [N, V] of a question with the answer A behind it; pixels
        is the last tile. Without a picture, "none", there are no pixels."""
        return arrays(json.loads(output(self.dump, *flags, model, *listed(picture), question)))

    def rows(self, model, data, *flags):
        """The same of each row of a data set."""
        return [arrays(json.loads(line)) for line in output(self.dump, *flags, "-data", data, model).splitlines()]


def listed(picture):
    return picture if isinstance(picture, list) else [picture]


def arrays(d):
    shape = (-1, 3, *d["size"]) if d["pixels"] else (0, 3, 0, 0)
    d["tiles"] = np.array(d["pixels"] or [], np.float32).reshape(shape)
    d["pixels"] = d["tiles"][-1] if len(d["tiles"]) else np.zeros((3, 0, 0), np.float32)
    d["logits"] = np.array(d["logits"], np.float32).reshape(len(d["ids"]), -1)
    return d


def pictures(directory):
    """Makes PNG files of several shapes and colour modes; lossless, so that pixels can be compared exactly."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:90, 0:170]
    smooth = np.stack([x * 255 // 169, y * 255 // 89, (x + y) % 256], -1).astype(np.uint8)
    made = {
        "wide": Image.fromarray(smooth),
        "square": Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)),
        "tall": Image.fromarray(rng.integers(0, 256, (150, 70, 3), np.uint8)),
        "small": Image.fromarray(smooth[:20, :31]),
        "grey": Image.fromarray(smooth).convert("L"),
        "palette": Image.fromarray(smooth).quantize(37),
    }
    for name, image in made.items():
        image.save(directory / f"{name}.png")
    return sorted(directory.glob("*.png"))
