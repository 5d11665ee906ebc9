#!/usr/bin/env python3
"""Training step of transformers + PEFT on the real DINOv2-small/SmolLM2-135M LLaVA: seconds, tokens/s, peak memory.

    python train_peft.py --real REAL_DIR [--adapter peft|lora|moslora] [--dtype float32|bfloat16] [--checkpointing]

One step is forward, backward, AdamW and zero_grad on a batch of --batch samples, each with one 224 px image (256
image tokens) and --text text tokens, of which the last --targets are trained on. Adapters are on every linear of
the language model but lm_head (r 64, alpha 128) and every linear of the ViT (r 64, alpha 16); the projector is
trained in full; everything else is frozen. Adapters:

  peft     PEFT's own LoRA (adapter weights float32, PEFT's default, whatever the base's type)
  lora     the 20-line module below with no mixer: y = Wx + s B A x
  moslora  the same with a trained r x r mixer between: y = Wx + s B M A x (arXiv 2406.11909), M orthogonal at start

The mixer's cost is below the noise between two runs on a shared machine, so --adapter moslora --alternate turns the
mixer off in every other timed step and reports the ratio of neighbouring steps. The tokens counted are
all positions (image and text) of the batch without padding.
"""
import argparse
import json
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn

import measure
from real_llava import IMAGE_TOKEN, MEAN, STD, build_llava, load_tokenizer


class Adapted(nn.Module):
    """A frozen linear with a low-rank path beside it, mixed or not."""

    def __init__(self, base, rank, alpha, mixer):
        super().__init__()
        self.base, self.scale = base, alpha / rank
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=5 ** 0.5)
        self.m = nn.Parameter(nn.init.orthogonal_(torch.empty(rank, rank))) if mixer else None
        self.mix = mixer

    def forward(self, x):
        h = nn.functional.linear(x.to(self.a.dtype), self.a)
        if self.mix:
            h = nn.functional.linear(h, self.m)
        return self.base(x) + (self.scale * nn.functional.linear(h, self.b)).to(x.dtype)


def targets(model, language_alpha, vision_alpha):
    """(parent module, attribute, alpha) of every linear that carries an adapter."""
    out = []
    for prefix, part, alpha in (("language_model", model.model.language_model, language_alpha),
                                ("vision_tower", model.model.vision_tower, vision_alpha)):
        for module in list(part.modules()):
            out += [(module, name, alpha) for name, child in module.named_children() if isinstance(child, nn.Linear)]
    return out


def attach(model, adapter, rank, language_alpha, vision_alpha):
    model.requires_grad_(False)
    if adapter == "peft":
        from peft import LoraConfig, get_peft_model
        model = get_peft_model(model, LoraConfig(
            r=rank, lora_alpha=language_alpha, lora_dropout=0.0, alpha_pattern={r".*vision_tower.*": vision_alpha},
            target_modules=r".*(language_model\.layers\..*_proj|vision_tower\.encoder\..*(_proj|fc1|fc2|query|key|value|dense))",
            modules_to_save=["multi_modal_projector"]))
        count = sum(1 for m in model.modules() if hasattr(m, "lora_A"))
        scales = {m.scaling["default"] for m in model.modules() if hasattr(m, "lora_A")}
        assert scales == {language_alpha / rank, vision_alpha / rank}, scales
        return model, count
    found = targets(model, language_alpha, vision_alpha)
    for parent, name, alpha in found:
        setattr(parent, name, Adapted(getattr(parent, name), rank, alpha, adapter == "moslora"))
    model.model.multi_modal_projector.requires_grad_(True)
    return model, len(found)


def make_batch(args, vocabulary=49152, image_token=49152):
    g = torch.Generator().manual_seed(1)
    tokens = (args.side // 14) ** 2
    text = torch.randint(0, vocabulary, (args.batch, args.text), generator=g)
    head, tail = text[:, :16], text[:, 16:]
    ids = torch.cat([head, torch.full((args.batch, tokens), image_token), tail], dim=1)
    labels = ids.clone()
    labels[:, :-args.targets] = -100
    pixels = torch.randn(args.batch, 3, args.side, args.side, generator=g)
    return {"input_ids": ids, "labels": labels, "pixel_values": pixels, "attention_mask": torch.ones_like(ids)}


def encode(tokenizer, turns, image_tokens):
    """Ids and labels in ChatML without a system prompt; every assistant turn and its <|im_end|> is a target."""
    ids, labels = [], []

    def add(text, train):
        new = tokenizer(text.replace(IMAGE_TOKEN, IMAGE_TOKEN * image_tokens), add_special_tokens=False).input_ids
        ids.extend(new)
        labels.extend(new if train else [-100] * len(new))
    for turn in turns:
        who = "user" if turn["from"] == "human" else "assistant"
        add(f"<|im_start|>{who}\n", False)
        add(turn["value"] + "<|im_end|>", who == "assistant")
        add("\n", False)
    return ids, labels


def pixels(image, side):
    v = np.asarray(image.convert("RGB").resize((side, side), 3), np.float32) / 255
    return torch.tensor(((v - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(2, 0, 1))


def real_batches(args):
    """Batches of the data set's rows in their order, padded on the right, as transformers' trainers do."""
    import datasets
    from PIL import Image
    import io
    table = datasets.load_from_disk(str(args.data)).cast_column("image", datasets.Image(decode=False))
    theirs = json.loads(args.ids.read_text()) if args.ids else None
    tokenizer, out = load_tokenizer(args.real), []
    rows = args.rows // args.batch * args.batch
    for first in range(0, rows, args.batch):
        samples = []
        for i in range(first, first + args.batch):
            row = table[i]
            ids, labels = encode(tokenizer, row["conversations"], (args.side // 14) ** 2)
            if theirs and [ids, labels] != [theirs[i]["ids"], theirs[i]["labels"]]:
                raise SystemExit(f"row {i}: ids or labels differ from {args.ids}")
            image = row["image"] and pixels(Image.open(io.BytesIO(row["image"]["bytes"])), args.side)
            samples.append((ids, labels, image))
        width = max(len(ids) for ids, _, _ in samples)
        grid = torch.full((len(samples), width), tokenizer.pad_token_id or 0)
        labels, mask = torch.full_like(grid, -100), torch.zeros_like(grid)
        for k, (i, l, _) in enumerate(samples):
            grid[k, :len(i)], labels[k, :len(l)], mask[k, :len(i)] = torch.tensor(i), torch.tensor(l), 1
        images = [image for _, _, image in samples if image is not None]
        out.append({"input_ids": grid, "labels": labels, "attention_mask": mask, **({"pixel_values": torch.stack(images)} if images else {})})
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--real", type=pathlib.Path, required=True, help="what scripts/weights/real_weights.py wrote")
    p.add_argument("--adapter", default="peft", choices=["peft", "lora", "moslora"])
    p.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="type of the frozen weights")
    p.add_argument("--checkpointing", action="store_true", help="recompute activations (non-reentrant)")
    p.add_argument("--compile", action="store_true", help="torch.compile the model (its time is reported)")
    p.add_argument("--alternate", action="store_true", help="with moslora: mixer on, off, on, off, ...")
    p.add_argument("--rank", type=int, default=64)
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--text", type=int, default=96)
    p.add_argument("--targets", type=int, default=32)
    p.add_argument("--side", type=int, default=224, help="pixels of a picture; it takes (side/14)^2 tokens")
    p.add_argument("--language-alpha", type=int, default=128)
    p.add_argument("--vision-alpha", type=int, default=16)
    p.add_argument("--data", type=pathlib.Path, help="saved data set: its rows with their real lengths in place of the made-up batch")
    p.add_argument("--rows", type=int, default=64, help="with --data: the first so many, over and over")
    p.add_argument("--ids", type=pathlib.Path, help="with --data: JSON of the ids and labels that each row must have")
    p.add_argument("--write-batch", type=pathlib.Path, help="write the made-up batch to this safetensors file, as float32, and end")
    p.add_argument("--strict", action="store_true", help="take no further steps in place of those that other processes disturbed")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--steps", type=int, default=6)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    if a.write_batch:
        from safetensors.torch import save_file
        save_file({k: v.float() for k, v in make_batch(a).items()}, str(a.write_batch))
        return
    dtype = getattr(torch, a.dtype)
    model, adapted = attach(build_llava(a.real, dtype), a.adapter, a.rank, a.language_alpha, a.vision_alpha)
    model.train()
    if a.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.config.use_cache = False
    parameters = [q for q in model.parameters() if q.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    batches = real_batches(a) if a.data else [make_batch(a)]
    for batch in batches:
        if "pixel_values" in batch:
            batch["pixel_values"] = batch["pixel_values"].to(dtype)
    loaded = measure.peak_rss_mib()
    run = torch.compile(model) if a.compile else model

    seconds, losses, others, tokens, positions, load = [], [], [], [], [], measure.OtherLoad()
    # go on, up to twice as long, until a.steps of the timed steps ran on an otherwise idle machine
    while len(seconds) < a.warmup + a.steps or (not a.strict and len(seconds) < a.warmup + 2 * a.steps
                                                and len(measure.clean(seconds[a.warmup:], others[a.warmup:])) < a.steps):
        if a.alternate:
            for module in model.modules():
                if isinstance(module, Adapted):
                    module.mix = len(seconds) % 2 == 0
        batch = batches[len(seconds) % len(batches)]
        tokens.append(int(batch["attention_mask"].sum()))
        positions.append(batch["input_ids"].numel())
        start = time.perf_counter()
        loss = run(**batch, use_cache=False).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
        others.append(load.cores())
        print(f"step {len(seconds)}: {seconds[-1]:.2f} s, other processes {others[-1]} cores", file=sys.stderr, flush=True)
        losses.append(round(loss.item(), 4))
    timed = seconds[a.warmup:]
    pairs = None
    if a.alternate:
        first = a.warmup % 2          # timed[first] is the first timed step with the mixer on
        pairs = measure.spread([on / off for on, off in zip(timed[first::2], timed[first + 1::2])])
    step = measure.spread(measure.clean(timed, others[a.warmup:])) or measure.spread(timed)
    measure.report(what="train_step", adapter=a.adapter, dtype=a.dtype, checkpointing=a.checkpointing, compile=a.compile,
                  threads=a.threads, rank=a.rank, batch=a.batch, tokens_each=tokens[a.warmup:], positions_each=positions[a.warmup:],
                  adapted_linears=adapted,
                  mixer_on_over_off=pairs, trainable=sum(q.numel() for q in parameters), trainable_dtypes=sorted({str(q.dtype) for q in parameters}),
                  step_seconds=step["median"], step_s=step, step_s_all=measure.spread(timed),
                  tokens_per_second=round(sum(tokens[a.warmup:]) / sum(timed), 2), step_each_s=[round(s, 3) for s in timed], other_cores_each=others[a.warmup:],
                  warmup_s=[round(s, 2) for s in seconds[:a.warmup]],
                  peak_rss_mib=measure.peak_rss_mib(), rss_after_load_peak_mib=loaded, losses=losses, loss=losses[-1],
                  versions=measure.versions("torch", "transformers", "peft"))


if __name__ == "__main__":
    main()
