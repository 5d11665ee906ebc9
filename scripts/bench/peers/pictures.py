"""Pictures from Arrow rows to pixels in the Hugging Face stack, or the decoding of the same pictures with libjpeg-turbo alone.

    python pictures.py --make DIR --images FILE... [--rows 600]
    python pictures.py --data DIR [--workers 1] [--processor fast|slow] [--repeats 5]
    python pictures.py --data DIR --decode [--repeats 5]

--make writes rows of JPEG pictures of 640 x 480, quality 90, cut from some, as `datasets` saves them. Then a shuffled DataLoader in
batches of 8 decodes them (Pillow, which has libjpeg-turbo) and applies CLIP's processor at 336 pixels: that of torchvision (fast) or Pillow's
(slow). The first epoch is not timed. --decode is one thread that decodes to RGB and does nothing else.
"""
import argparse
import io
import json
import pathlib
import statistics
import time

SIDE = 336
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def make(files, rows, target):
    import numpy as np
    from datasets import Dataset, Features, Image, Value
    from PIL import Image as Pictures
    rng = np.random.default_rng(5)
    sources = [Pictures.open(f).convert("RGB") for f in files]
    out = []
    for i in range(rows):
        img = sources[i % len(sources)]
        width = int(min(img.width, img.height * 4 / 3) * rng.uniform(0.6, 1))
        box = (int(rng.integers(0, img.width - width + 1)), int(rng.integers(0, img.height - width * 3 // 4 + 1)))
        b = io.BytesIO()
        img.crop((*box, box[0] + width, box[1] + width * 3 // 4)).resize((640, 480), Pictures.BICUBIC).save(b, "JPEG", quality=90)
        out.append({"image": {"bytes": b.getvalue(), "path": None}, "question": f"Question {i}?", "answer": f"Answer {i}."})
    Dataset.from_list(out, features=Features({"image": Image(), "question": Value("string"), "answer": Value("string")})).save_to_disk(str(target))


class Collate:
    """Made in the process that uses it."""

    def __init__(self, kind):
        self.kind, self.processor = kind, None

    def __call__(self, rows):
        if self.processor is None:
            import torch
            torch.set_num_threads(1)
            if self.kind == "fast":
                from transformers import CLIPImageProcessor as Processor
            else:
                from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil as Processor
            self.processor = Processor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, do_resize=True, do_center_crop=True,
                                       do_normalize=True, image_mean=MEAN, image_std=STD, resample=3)
        return self.processor([r["image"].convert("RGB") for r in rows], return_tensors="pt").pixel_values


def timed(repeats, epoch):
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--make", type=pathlib.Path)
    p.add_argument("--images", type=pathlib.Path, nargs="+")
    p.add_argument("--rows", type=int, default=600)
    p.add_argument("--data", type=pathlib.Path)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--processor", default="fast", choices=["fast", "slow"])
    p.add_argument("--decode", action="store_true")
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    if a.make:
        return make(a.images, a.rows, a.make)
    import datasets
    import PIL.Image
    import torch
    torch.set_num_threads(1)
    data = datasets.load_from_disk(str(a.data))
    if a.decode:
        files = [r["bytes"] for r in data.cast_column("image", datasets.Image(decode=False))["image"]]
        seconds = timed(a.repeats, lambda: [PIL.Image.open(io.BytesIO(b)).convert("RGB").load() for b in files])
    else:
        loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True, num_workers=a.workers, collate_fn=Collate(a.processor),
                                             persistent_workers=a.workers > 0)

        def epoch():
            assert sum(len(x) for x in loader) == len(data)
        seconds = timed(a.repeats, epoch)
    print(json.dumps({"what": "pictures", "decode": a.decode, "processor": a.processor, "workers": a.workers, "rows": len(data), "each_s": seconds,
                      "images_per_s": len(data) / statistics.median(seconds),
                      "versions": {"torch": torch.__version__, "datasets": datasets.__version__, "Pillow": PIL.__version__}}))


if __name__ == "__main__":
    main()
