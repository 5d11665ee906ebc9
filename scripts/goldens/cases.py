"""Small cases of transformers' towers, decoders and LLaVA models, for the tests of vision, language and pipelines/vlm.

    python cases.py ROOT [--only NAME,NAME]

ROOT is the checkout; every case becomes a directory below the testdata of its package: config.json as transformers 5 writes it,
config.hub.json as version 4 did, model.safetensors (bfloat16, under published names) and golden.safetensors (inputs, results and
gradients in float32). Weights are rounded to bfloat16 first, and everything is computed in float32 on them. The metadata's
"tolerance" is ten times what float32 differs from float64 in the same code, relative to the largest element of a tensor, and no
less than 1e-5 (loss: 1e-6). Made with torch 2.15 and transformers 5.23.
"""
import argparse
import contextlib
import json
import math
import pathlib
import tempfile

import torch
import transformers as tf
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
tf.utils.logging.set_verbosity_error()

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
TEXT = {**SMALL, "intermediate_size": 40, "vocab_size": 72, "max_position_embeddings": 64, "rms_norm_eps": 1e-5}
CLIP = (tf.CLIPVisionConfig, tf.CLIPVisionModel)
SIGLIP = (tf.SiglipVisionConfig, tf.SiglipVisionModel)
DINOV2 = (tf.Dinov2Config, tf.Dinov2Model)
REGISTERS = (tf.Dinov2WithRegistersConfig, tf.Dinov2WithRegistersModel)
LLAMA = (tf.LlamaConfig, tf.LlamaForCausalLM)
MISTRAL = (tf.MistralConfig, tf.MistralForCausalLM)
QWEN2 = (tf.Qwen2Config, tf.Qwen2ForCausalLM)

# name: classes, configuration, size of the other pictures, layer
VISION = {
    "clip-other": (CLIP, {**SMALL, "intermediate_size": 40, "image_size": 31, "patch_size": 7, "hidden_act": "gelu"}, (24, 51), -2),
    "siglip-other": (SIGLIP, {**SMALL, "intermediate_size": 40, "image_size": 27, "patch_size": 6}, (20, 43), -1),
    "registers": (REGISTERS, {**SMALL, "mlp_ratio": 2, "image_size": 24, "patch_size": 6, "num_register_tokens": 3}, (18, 54), -1),
    "dinov2-swiglu": (DINOV2, {**SMALL, "mlp_ratio": 2, "image_size": 24, "patch_size": 6, "use_swiglu_ffn": True, "qkv_bias": False}, (30, 24), -2),
}
LANGUAGE = {
    "llama-bias": (LLAMA, {**TEXT, "head_dim": 10, "num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True,
                           "rope_parameters": {"rope_type": "linear", "rope_theta": 5000.0, "factor": 3.0}}, [13, 9]),
    "llama-yarn": (LLAMA, {**TEXT, "num_key_value_heads": 3, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 200.0, "factor": 4.0, "original_max_position_embeddings": 16}}, [33]),
    "mistral-window": (MISTRAL, {**TEXT, "num_key_value_heads": 1, "head_dim": 6, "sliding_window": 5}, [19, 7]),
    "qwen2-window": (QWEN2, {**TEXT, "num_hidden_layers": 3, "num_key_value_heads": 1, "use_sliding_window": True, "sliding_window": 6,
                             "max_window_layers": 1, "tie_word_embeddings": True}, [17, 17]),
}
# name: vision classes and configuration, text classes and configuration, feature layers, strategy
LLAVA = {
    "llava-registers": (REGISTERS, VISION["registers"][1], MISTRAL, {**LANGUAGE["mistral-window"][1], "sliding_window": 20}, [-1, 1], "default"),
    "llava-patchless": (SIGLIP, {**VISION["siglip-other"][1], "vision_use_head": False}, QWEN2,
                        {**LANGUAGE["qwen2-window"][1], "num_hidden_layers": 2, "use_sliding_window": False}, -2, "default"),
}
IMAGE = 70  # the image token


# ---------------------------------------------------------------- names

def published(name, llava=None):
    """The name in published checkpoints of a parameter in memory; llava is the tower's model type."""
    if llava is None:
        for a, b in (("attention.q_proj", "attention.attention.query"), ("attention.k_proj", "attention.attention.key"),
                     ("attention.v_proj", "attention.attention.value"), ("attention.o_proj", "attention.output.dense"),
                     ("mlp.down_proj", "mlp.weights_out")):
            if name.startswith("encoder.layer."):
                name = name.replace(a, b)
        return name
    if name == "lm_head.weight":
        return "language_model.lm_head.weight"
    if name.startswith("model.language_model."):
        return name.replace("model.language_model.", "language_model.model.", 1)
    if name.startswith("model.vision_tower."):
        rest = name.removeprefix("model.vision_tower.")
        return "vision_tower." + (published(rest) if llava.startswith("dinov2") else "vision_model." + rest)
    return name.removeprefix("model.")


def renamed(model, tensors):
    kind = model.config.model_type
    out = {}
    for name, v in tensors.items():
        if kind == "llava":
            name = published(name, model.config.vision_config.model_type)
        elif kind in ("clip_vision_model", "siglip_vision_model"):
            name = "vision_model." + name
        elif kind.startswith("dinov2"):
            name = published(name)
        out[name] = v
    for name in [n for n in out if "mlp.gate_proj." in n and "encoder.layer." in n]:  # SwiGLU of DINOv2: one matrix, gate before up
        gate, up = out.pop(name), out.pop(name.replace("gate_proj", "up_proj"))
        out[name.replace("gate_proj", "weights_in")] = torch.cat([gate, up])
    return out


# ---------------------------------------------------------------- models

def build(cls, config, seed):
    model = cls._from_config(config, attn_implementation="eager")
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            z = torch.randn(p.shape, generator=g)
            if name.endswith("lambda1"):
                z = 0.5 + 0.2 * z
            elif name.endswith("bias"):
                z = 0.1 * z
            elif p.dim() == 1 and name.endswith("weight"):
                z = 1 + 0.2 * z
            elif "lm_head" in name:
                z = 2 * z / math.sqrt(p.shape[1])
            elif "embed" in name or "token" in name or "probe" in name:
                z = 0.4 * z
            else:
                z = z / math.sqrt(p[0].numel())
            p.copy_(z.bfloat16().float())
    return model.eval()


@contextlib.contextmanager
def double():
    """Within it the parts that transformers computes in float32 whatever the model is are computed in float64."""
    keep = torch.float32, torch.float, torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = keep
        torch.set_default_dtype(torch.float32)


def in_double(model):
    out = type(model)._from_config(model.config, attn_implementation="eager").double()
    out.load_state_dict({k: v.double() for k, v in model.state_dict().items()})
    return out.eval()


def as_double(tensors):
    return {k: v.double() if v.is_floating_point() else v for k, v in tensors.items()}


def gradients(model):
    return {"grad." + k: v for k, v in renamed(model, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}).items()}


def zero(model):
    for p in model.parameters():
        p.grad = None


# ---------------------------------------------------------------- results

def tower(model, inp, layer, prefix=""):
    zero(model)
    more = {"interpolate_pos_encoding": True} if prefix and not model.config.model_type.startswith("dinov2") else {}
    o = model(pixel_values=inp[prefix + "input.pixel_values"], output_hidden_states=True, **more)
    f = o.hidden_states[layer]
    if model.config.model_type != "siglip_vision_model":
        f = f[:, 1:]
    (f * inp[prefix + "input.probe"]).sum().backward()
    out = {f"hidden.{i}": h for i, h in enumerate(o.hidden_states)} | {f"features.{layer}": f}
    out |= {f"grad.{layer}." + k.removeprefix("grad."): v for k, v in gradients(model).items()}
    return {prefix + k: v.detach().clone() for k, v in out.items()}


def towers(model, inp, layer):
    return tower(model, inp, layer) | tower(model, inp, layer, "other.")


def vision_case(root, name, seed):
    (config, cls), fields, other, layer = VISION[name]
    model = build(cls, config(**fields), seed)
    g = torch.Generator().manual_seed(seed + 1)
    inp = {}
    for prefix, (h, w) in (("", (fields["image_size"],) * 2), ("other.", other)):
        patches = (h // fields["patch_size"]) * (w // fields["patch_size"]) + fields.get("num_register_tokens", 0)
        n = 2 if model.config.model_type.startswith("dinov2") else 1
        inp[prefix + "input.pixel_values"] = torch.randn(n, 3, h, w, generator=g)
        inp[prefix + "input.probe"] = torch.randn(n, patches, model.config.hidden_size, generator=g)
    got = towers(model, inp, layer)
    with double():
        want = towers(in_double(model), as_double(inp), layer)
    write(root / "vision/testdata" / name, model, inp, got, want)


def text_inputs(rows, seed, vocabulary):
    g = torch.Generator().manual_seed(seed)
    ids = torch.zeros(len(rows), max(rows), dtype=torch.int64)
    mask, labels = ids.clone(), torch.full_like(ids, -100)
    for i, n in enumerate(rows):
        ids[i, :n] = torch.randint(3, vocabulary, (n,), generator=g)
        mask[i, :n] = 1
        labels[i, n // 3:n] = ids[i, n // 3:n]
    return {"input.input_ids": ids, "input.attention_mask": mask, "input.labels": labels}


def decoded(model, inp, **images):
    zero(model)
    inner = model.model.language_model if images else model.model
    seen = {}
    hooks = [inner.layers[-1].register_forward_hook(lambda m, a, o: seen.update({"hidden.last_before_norm": o[0] if isinstance(o, tuple) else o}))]
    if images:
        hooks.append(model.model.multi_modal_projector.register_forward_hook(lambda m, a, o: seen.update({"image.projected": o})))
    o = model(input_ids=inp["input.input_ids"], attention_mask=inp["input.attention_mask"], output_hidden_states=True, **images)
    for h in hooks:
        h.remove()
    labels = inp["input.labels"][:, 1:].reshape(-1)
    logits = o.logits[:, :-1].reshape(-1, o.logits.shape[-1])
    total = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    count = (labels != -100).sum()
    (total / count).backward()
    out = {f"hidden.{i}": h for i, h in enumerate(o.hidden_states)} | seen
    out |= {"output.logits": o.logits, "loss.sum": total, "loss.count": count, "rope.inv_freq": inner.rotary_emb.inv_freq}
    return {k: v.detach().clone() for k, v in (out | gradients(model)).items()}


def greedy(model, ids, steps=16, **more):
    o = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=steps, min_new_tokens=steps, do_sample=False,
                       return_dict_in_generate=True, output_logits=True, **more)
    top = torch.stack([x[0].topk(2).values for x in o.logits])
    return o.sequences[0, ids.shape[1]:], (top[:, 0] - top[:, 1]).min().item()


def continued(model, prompts):
    """The first prompts of prompts(attempt) of which every step has a clear winner."""
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = None
    for attempt in range(60):
        out, margin = {}, 1.0
        for i, (ids, more) in enumerate(prompts(attempt)):
            new, m = greedy(model, ids, **more)
            margin = min(margin, m)
            out |= {f"generate.{i}.input_ids": ids, f"generate.{i}.ids": new}
        if margin > 1e-3:
            return out
    raise ValueError("no clear prompt")


def language_case(root, name, seed):
    (config, cls), fields, rows = LANGUAGE[name]
    model = build(cls, config(**fields), seed)
    inp = text_inputs(rows, seed + 1, model.config.vocab_size)
    got = decoded(model, inp)
    with double():
        want = decoded(in_double(model), as_double(inp))

    def prompts(attempt):
        g = torch.Generator().manual_seed(seed + 2 + 100 * attempt)
        return [(torch.randint(3, model.config.vocab_size, (1, n), generator=g), {}) for n in (3, 12)]
    write(root / "language/testdata" / name, model, inp, got | continued(model, prompts), want)


def llava_case(root, name, seed):
    (vision, _), tower_fields, (text, _), fields, layer, strategy = LLAVA[name]
    config = tf.LlavaConfig(vision_config=vision(**tower_fields), text_config=text(**fields), image_token_index=IMAGE,
                            vision_feature_layer=layer, vision_feature_select_strategy=strategy)
    model = build(tf.LlavaForConditionalGeneration, config, seed)
    if not config.tie_word_embeddings:
        with torch.no_grad():
            model.lm_head.weight[IMAGE] = 0  # never generated
    tokens = (tower_fields["image_size"] // tower_fields["patch_size"]) ** 2 + tower_fields.get("num_register_tokens", 0)
    tokens -= strategy == "default" and config.vision_config.model_type == "siglip_vision_model"
    inp = text_inputs([tokens + 9, tokens + 4], seed + 1, IMAGE)
    for i, at in enumerate((2, 0)):
        inp["input.input_ids"][i, at:at + tokens] = IMAGE
        inp["input.labels"][i, at:at + tokens] = -100
    g = torch.Generator().manual_seed(seed + 3)
    inp["input.pixel_values"] = torch.randn(2, 3, *(tower_fields["image_size"],) * 2, generator=g)
    inp["input.images_per_sample"] = torch.tensor([1, 1])
    got = decoded(model, inp, pixel_values=inp["input.pixel_values"])
    with double():
        want = decoded(in_double(model), as_double(inp), pixel_values=inp["input.pixel_values"].double())

    def prompts(attempt):
        g = torch.Generator().manual_seed(seed + 2 + 100 * attempt)
        ids = torch.randint(3, IMAGE, (1, tokens + 6), generator=g)
        ids[0, 1:1 + tokens] = IMAGE
        return [(ids, {"pixel_values": inp["input.pixel_values"][:1]})]
    write(root / "pipelines/vlm/testdata" / name, model, inp, got | continued(model, prompts), want)


# ---------------------------------------------------------------- files

def tolerance(inp, got, want):
    """Ten times the difference to float64, rounded up to 1, 2 or 5 times a power of ten."""
    mask = inp.get("input.attention_mask")
    worst = {"Forward": 1e-6, "Loss": 1e-7, "Grad": 1e-6}
    for k, w in want.items():
        if not w.is_floating_point() or w.abs().max() < 1e-9:
            continue
        g = got[k].double()
        if mask is not None and k.startswith(("hidden.", "output.")):
            g, w = g[mask.bool()], w[mask.bool()]
        kind = "Loss" if k.startswith("loss") else "Grad" if "grad." in k else "Forward"
        worst[kind] = max(worst[kind], ((g - w).abs().max() / w.abs().max()).item())
    out = {}
    for kind, v in worst.items():
        power = 10.0 ** math.floor(math.log10(10 * v))
        out[kind] = float(f"{next(s * power for s in (1, 2, 5, 10) if s * power >= 10 * v * 0.999999):.0e}")
    return out


def hub(d):
    """A configuration as transformers 4 wrote it."""
    d = {k: hub(v) if k in ("text_config", "vision_config") else v for k, v in d.items() if k not in ("transformers_version", "layer_types")}
    if "dtype" in d:
        d["torch_dtype"] = d.pop("dtype")
    if rope := dict(d.pop("rope_parameters", None) or {}):
        d["rope_theta"] = rope.pop("rope_theta")
        d["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
    return d


def write(folder, model, inp, got, want):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as t:
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(t)
        config = json.loads((pathlib.Path(t) / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "config.hub.json").write_text(json.dumps(hub(config), indent=1) + "\n")
    weights = renamed(model, {n: p.detach() for n, p in model.named_parameters()})
    save_file({k: v.bfloat16().contiguous() for k, v in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    again, info = type(model).from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    for (n, a), b in zip(sorted(again.named_parameters()), (p for _, p in sorted(model.named_parameters()))):
        assert torch.equal(a, b), n
    tol = tolerance(inp, got, want)
    more = {"loss64.sum": want["loss.sum"]} if "loss.sum" in want else {}
    tensors = {k: v.detach().reshape(v.shape or (1,)).contiguous() for k, v in (inp | got | more).items()}
    save_file(tensors, folder / "golden.safetensors", {
        "tolerance": json.dumps(tol), "made_by": f"scripts/goldens/cases.py, torch {torch.__version__}, transformers {tf.__version__}"})
    print(f"{folder.name:20s} {sum(f.stat().st_size for f in folder.iterdir()) / 1024:6.0f} KiB  {tol}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("root", type=pathlib.Path)
    p.add_argument("--only", default="")
    a = p.parse_args()
    seed = 500
    for cases, make in ((VISION, vision_case), (LANGUAGE, language_case), (LLAVA, llava_case)):
        for name in cases:
            seed += 10
            if not a.only or name in a.only.split(","):
                make(a.root, name, seed)


if __name__ == "__main__":
    main()
