"""Reference results of transformers for a checkpoint, to compare with: moslava verify MODEL DIR/golden.safetensors

    python dump.py MODEL DIR [--seed N] [--layers L [L ...]] [--new N]
    python dump.py MODEL DIR --pictures FILE [FILE ...]

MODEL is a Hugging Face directory of a vision tower (CLIP, SigLIP, DINOv2), of a decoder or of a LLaVA model. Inputs are drawn from
the seed. Everything is computed in float32 from the weights widened to float32; golden.safetensors has inputs and results,
tolerance.json how far they are from the same computation in float64. With --pictures it is the image processor of MODEL that is run, on
these files, and nothing else: pixels.safetensors has what it makes of them. See README.md.
"""
import argparse
import contextlib
import json
import pathlib
import re
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, LlavaForConditionalGeneration

import pixels

LENGTHS = (21, 13)  # text tokens of the rows
MARGIN = 1e-3  # greedy ids are kept as long as the two best logits are further apart
WHOLE = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}


@contextlib.contextmanager
def double():
    """transformers computes norms, angles and softmax in torch.float32, whatever the model has: here that is float64."""
    single, method = torch.float32, torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32 = torch.float = single
        torch.Tensor.float = method
        torch.set_default_dtype(single)


def kind_of(config):
    if config.model_type == "llava":
        return "llava"
    return "vision" if config.model_type in WHOLE or hasattr(config, "patch_size") else "language"


def load(path, config, kind):
    """The model in float32, complete."""
    cls = {"llava": LlavaForConditionalGeneration, "vision": AutoModel, "language": AutoModelForCausalLM}[kind]
    if kind == "vision":
        name = {"clip_vision_model": "CLIPVisionModel", "siglip_vision_model": "SiglipVisionModel"}.get(WHOLE.get(config.model_type, config.model_type))
        cls = getattr(transformers, name) if name else AutoModel
    model, info = cls.from_pretrained(path, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"], info
    return model.eval()


def widened(model):
    """The same model in float64, to be called inside double(): buffers are computed again."""
    twin = type(model)(model.config).double().eval()
    missing, unexpected = twin.load_state_dict({k: v.double() for k, v in model.state_dict().items()}, strict=False)
    assert not unexpected and not [k for k in missing if "lm_head" not in k], (missing, unexpected)
    twin.tie_weights()
    return twin


def published(name, model_type, vision_type):
    """Names in memory (transformers 5) turned into those of published files."""
    if model_type == "llava":
        for memory, file in (("lm_head.", "language_model.lm_head."), ("model.language_model.", "language_model.model."),
                             ("model.multi_modal_projector.", "multi_modal_projector."), ("model.vision_tower.", "vision_tower.")):
            if name.startswith(memory):
                name = file + name[len(memory):]
                break
    prefix = "vision_tower." if model_type == "llava" else ""
    if vision_type and name.startswith(prefix):
        rest = name[len(prefix):]
        if vision_type.startswith("dinov2"):
            for memory, file in (("q_proj", "attention.query"), ("k_proj", "attention.key"), ("v_proj", "attention.value"), ("o_proj", "output.dense")):
                rest = rest.replace(".attention." + memory + ".", ".attention." + file + ".")
            rest = rest.replace(".mlp.down_proj.", ".mlp.weights_out.")
        elif not rest.startswith("vision_model.") and (model_type != "llava" or prefix):
            rest = "vision_model." + rest
        name = prefix + rest
    return name


def gradients(model, out, prefix):
    config = model.config
    vision = config.vision_config.model_type if config.model_type == "llava" else config.model_type if kind_of(config) == "vision" else None
    for name, p in model.named_parameters():
        if p.grad is not None:
            out[prefix + published(name, config.model_type, vision)] = p.grad.detach().clone()
    for name in [n for n in out if "mlp.gate_proj." in n and "encoder.layer." in n]:  # SwiGLU of DINOv2 is one matrix in files, gate before up
        gate, up = out.pop(name), out.pop(name.replace("gate_proj", "up_proj"))
        out[name.replace("gate_proj", "weights_in")] = torch.cat([gate, up])
    model.zero_grad(set_to_none=True)


def tower(model, pixels, layers, probe):
    """hidden.*, features.*, L.*, grad.* and output.* of a vision tower."""
    out = {}
    extra = {"interpolate_pos_encoding": True} if "dinov2" not in model.config.model_type and pixels.shape[-1] != model.config.image_size else {}
    whole = model(pixels, output_hidden_states=True, **extra)
    with torch.no_grad():
        for i, h in enumerate(whole.hidden_states):
            out[f"hidden.{i}"] = h.detach()
        out["output.last_hidden_state"] = whole.last_hidden_state.detach()
        if whole.pooler_output is not None:
            out["output.pooler"] = whole.pooler_output.detach()
    cls = "siglip" not in model.config.model_type
    for layer in layers:
        features = model(pixels, output_hidden_states=True, **extra).hidden_states[layer][:, 1 if cls else 0:]
        if probe is None:
            probe = torch.randn(features.shape, dtype=torch.get_default_dtype())
        loss = (features * probe).sum()
        loss.backward()
        out[f"features.{layer}"], out[f"L.{layer}"] = features.detach(), loss.detach().reshape(1)
        gradients(model, out, f"grad.{layer}.")
    return out, probe


def text(model, batch):
    """hidden.*, output.*, loss.*, grad.*, generate.*, image.* of a decoder or a LLaVA model."""
    out, llava = {}, model.config.model_type == "llava"
    decoder = model.model.language_model if llava else model.model
    images = {"pixel_values": batch["pixel_values"]} if llava else {}
    kept = {}
    hooks = [decoder.norm.register_forward_hook(lambda m, a, o: kept.__setitem__("before", a[0].detach()))]
    if llava:
        projector = model.model.multi_modal_projector
        hooks.append(projector.register_forward_hook(lambda m, a, o: kept.update(features=a[0].detach(), projected=o.detach())))
    whole = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True, use_cache=False, **images)
    for hook in hooks:
        hook.remove()
    for i, h in enumerate(whole.hidden_states):
        out[f"hidden.{i}"] = h.detach()
    out["hidden.last_before_norm"] = kept["before"]
    if llava:
        shape = (batch["pixel_values"].shape[0], -1)
        out["image.features"] = kept["features"].reshape(*shape, kept["features"].shape[-1])
        out["image.projected"] = kept["projected"].reshape(*shape, kept["projected"].shape[-1])
    out["output.logits"] = whole.logits.detach()
    labels = batch["labels"][:, 1:]
    losses = torch.nn.functional.cross_entropy(whole.logits[:, :-1].transpose(1, 2), labels, ignore_index=-100, reduction="none")
    count = (labels != -100).sum()
    out["output.token_loss"] = losses.detach()
    out["loss.sum"], out["loss.mean"] = losses.sum().detach().reshape(1), (losses.sum() / count).detach().reshape(1)
    (losses.sum() / count).backward()
    gradients(model, out, "grad.")
    out["rope.inv_freq"] = decoder.rotary_emb.inv_freq.detach()
    return out


@torch.no_grad()
def greedy(model, batch, new):
    out, used = {}, 0
    llava = model.config.model_type == "llava"
    for i, row in enumerate(batch["input_ids"]):
        prompt = row[batch["attention_mask"][i] == 1][None]
        images = {}
        if llava:
            n = int(batch["images_per_sample"][i])
            if n:
                images = {"pixel_values": batch["pixel_values"][used:used + n]}
            used += n
        ids, margins, now = [], [], prompt
        while len(ids) < new:
            best, at = model(input_ids=now, use_cache=False, **images).logits[0, -1].topk(2)
            if best[0] - best[1] < MARGIN or llava and int(at[0]) == model.config.image_token_id:
                break
            ids.append(int(at[0]))
            margins.append(float(best[0] - best[1]))
            now = torch.cat([now, at[:1][None]], 1)
        if ids:
            out[f"generate.{i}.input_ids"], out[f"generate.{i}.ids"], out[f"generate.{i}.margin"] = prompt, torch.tensor(ids), torch.tensor(margins)
    return out


def draw(model, kind):
    """Inputs from torch's generator."""
    if kind == "vision":
        side = model.config.image_size
        return {"pixel_values": torch.randn(2, 3, side, side)}
    config = model.config.text_config if kind == "llava" else model.config
    rows, images, per = [], [], []
    for i, n in enumerate(LENGTHS):
        ids = torch.randint(0, config.vocab_size, (n,))
        if kind == "llava":
            ids[ids == model.config.image_token_id] = (model.config.image_token_id + 1) % config.vocab_size
            side = model.config.vision_config.image_size
            picture = torch.randn(1, 3, side, side)
            features = model.get_image_features(pixel_values=picture)
            features = getattr(features, "pooler_output", features)
            count = sum(f.shape[0] for f in features)
            ids = torch.cat([ids[:4], torch.full((count,), model.config.image_token_id), ids[4:]])
            images.append(picture)
            per.append(1)
        rows.append(ids)
    longest = max(len(r) for r in rows)
    batch = {"input_ids": torch.zeros(len(rows), longest, dtype=torch.int64), "labels": torch.full((len(rows), longest), -100),
             "attention_mask": torch.zeros(len(rows), longest, dtype=torch.int64)}
    for i, ids in enumerate(rows):
        batch["input_ids"][i, :len(ids)], batch["attention_mask"][i, :len(ids)] = ids, 1
        batch["labels"][i, len(ids) - 8:len(ids)] = ids[-8:]
    if kind == "llava":
        batch["pixel_values"], batch["images_per_sample"] = torch.cat(images), torch.tensor(per)
    return batch


def group(name):
    """The line of tolerance.json that a tensor belongs to."""
    head = re.match(r"(other\.)?(.*)", name)
    rest = head[2]
    if rest.startswith("grad."):
        rest = "grad"
    elif re.fullmatch(r"hidden\.\d+", rest):
        rest = "hidden"
    return (head[1] or "") + rest


def tolerances(single, wide):
    """The largest differences by group. Gradients that are rounding noise, of key biases in towers, are a group of their own."""
    out = {}
    largest = max([float(v.abs().max()) for k, v in single.items() if re.match(r"(other\.)?grad\.", k)] or [0])
    for name, want in wide.items():
        diff, top = float((single[name].double() - want).abs().max()), float(want.abs().max())
        key, zero = group(name), False
        if key.endswith("grad") and re.search(r"\.(k_proj|key)\.bias$", name) and float(single[name].abs().max()) <= 1e-6 * largest:
            key, zero = key + " (exactly zero)", True
        line = out.setdefault(key, {"max_abs": 0.0, "max_abs_over_max": 0.0, "worst": name, "tensors": 0})
        line["tensors"] += 1
        line["max_abs"] = max(line["max_abs"], diff)
        rel = 0.0 if zero or top == 0 else diff / top
        if rel > line["max_abs_over_max"]:
            line["max_abs_over_max"], line["worst"] = rel, name
    return out


def run(model, kind, inputs, options):
    """All results that do not depend on the precision's ids."""
    if kind != "vision":
        return text(model, inputs), {}
    out, probes = {}, dict(options.probes)
    for prefix in sorted({k[:-len("pixel_values")] for k in inputs if k.endswith("pixel_values")}):
        probe = probes.get(prefix)
        results, probes[prefix] = tower(model, inputs[prefix + "pixel_values"], options.layers, probe)
        out.update({prefix + k: v for k, v in results.items()})
    return out, probes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", type=int, nargs="+", default=[-2], help="feature layers of a vision tower")
    parser.add_argument("--new", type=int, default=16, help="greedy ids of each prompt, at most")
    parser.add_argument("--pictures", type=pathlib.Path, nargs="+", help="run the image processor on these files")
    options = parser.parse_args()
    if options.pictures:
        return pixels.write(options.model, options.dir, options.pictures)
    torch.manual_seed(options.seed)
    config = AutoConfig.from_pretrained(options.model)
    kind = kind_of(config)
    model = load(options.model, config, kind)
    inputs = draw(model, kind)
    if kind == "vision" and "dinov2" in model.config.model_type:
        side, patch = model.config.image_size, model.config.patch_size
        inputs["other.pixel_values"] = torch.randn(2, 3, side + patch, side + 3 * patch)
    options.probes = {}
    single, options.probes = run(model, kind, inputs, options)
    golden = dict(single)
    if kind != "vision":
        golden["loss.count"] = (inputs["labels"][:, 1:] != -100).sum().reshape(1)
        golden.update(greedy(model, inputs, options.new))
    with double():
        wide_inputs = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
        options.probes = {k: v.double() for k, v in options.probes.items()}
        wide, _ = run(widened(model), kind, wide_inputs, options)
    for name in ("loss.sum", "loss.mean"):
        if name in wide:
            golden[name.replace("loss", "loss64")] = wide[name]
    for name, v in inputs.items():
        golden[name.replace("pixel_values", "input.pixel_values") if "pixel_values" in name else "input." + name] = v
    for prefix, probe in options.probes.items():
        golden[prefix + "input.probe"] = probe.float()
    options.dir.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous().clone() for k, v in golden.items()}, options.dir / "golden.safetensors",
              {"made_by": "scripts/goldens/dump.py", "seed": str(options.seed), "torch": torch.__version__, "transformers": transformers.__version__})
    (options.dir / "tolerance.json").write_text(json.dumps(tolerances(single, wide), indent=2) + "\n")
    print(f"{options.dir}: {kind}, {len(golden)} tensors")


if __name__ == "__main__":
    sys.exit(main())
