"""Reference results for TestRealWeightsAgreeWithTransformers of pipelines/vlm: real weights in transformers.

    python real_goldens.py --real REAL --out DIR PICTURE PICTURE

REAL is what scripts/weights/real_weights.py wrote. The model is DINOv2-small at 224 pixels (hidden_states[-2], class token
dropped, 256 features), two linear layers with an exact GELU drawn from a fixed seed, and SmolLM2-135M-Instruct with its tied
embeddings, <image> as token 49152 and the vocabulary padded to 49216 by the mean of the other rows.

Written are caseN.json (two questions about each picture), caseN_gradients.json (of the first and the last case: norm
and 16 entries of each matrix), projector.safetensors and the crops as PNG, so that resizing is no part of the comparison.
Arithmetic is float32 from weights widened to float32.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, AutoTokenizer, LlavaConfig, LlavaForConditionalGeneration

IMAGE_TOKEN, IMAGE_TOKENS, SEED, SIDE = "<image>", 256, 20240617, 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GREEDY = 20
QUESTIONS = [("What animals are in the picture?", ("Two of them are lying on a sofa.", "None: it is a place without any.")),
             ("How many remote controls are there?\nA. 1\nB. 2\nC. 3\nAnswer with the option's letter from the given "
              "choices directly.", ("B", "C"))]
FEATURES = [(0, 0), (0, 100), (1, 7), (15, 383), (16, 31), (100, 200), (128, 128), (255, 0), (255, 383)]
LAYERS = (0, 1, 2, 10, 20, 29, 30)


def projector_tensors(vision=384, text=576):
    """Normal weights, scaled so that features come out about as large as word embeddings."""
    g = torch.Generator().manual_seed(SEED)

    def normal(*shape, std):
        return (torch.randn(*shape, generator=g) * std).half()

    return {"linear_1.weight": normal(text, vision, std=vision ** -0.5), "linear_1.bias": normal(text, std=0.02),
            "linear_2.weight": normal(text, text, std=0.375 * text ** -0.5), "linear_2.bias": normal(text, std=0.02)}


def build(real, projector):
    """The assembled model in float32."""
    text = AutoConfig.from_pretrained(str(real / "smollm2-135m-instruct"))
    vision = AutoConfig.from_pretrained(str(real / "dinov2-small"))
    words_before = text.vocab_size
    text.vocab_size = (words_before + 64) // 64 * 64
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=words_before, projector_hidden_act="gelu",
                         vision_feature_layer=-2, vision_feature_select_strategy="default", image_seq_length=IMAGE_TOKENS,
                         multimodal_projector_bias=True, tie_word_embeddings=True)
    text.dtype = vision.dtype = config.dtype = torch.float32
    model = LlavaForConditionalGeneration(config)
    state = {f"model.multi_modal_projector.{k}": v.float() for k, v in projector.items()}
    for prefix, part in (("vision_tower", "dinov2-small"), ("language_model", "smollm2-135m-instruct")):
        loaded = AutoModel.from_pretrained(str(real / part), dtype=torch.float32)
        state.update({f"model.{prefix}.{k}": v for k, v in loaded.state_dict().items()})
    table = "model.language_model.embed_tokens.weight"
    mean = state[table].double().mean(0, keepdim=True).float()
    state[table] = torch.cat([state[table], mean.repeat(text.vocab_size - words_before, 1)])
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model.eval()


def crop(path):
    """Shortest edge to 256, the middle 224 x 224."""
    image = Image.open(path).convert("RGB")
    w, h = image.size
    w, h = (256, 256 * h // w) if w <= h else (256 * w // h, 256)
    left, top = (w - SIDE) // 2, (h - SIDE) // 2
    return image.resize((w, h), Image.Resampling.BICUBIC).crop((left, top, left + SIDE, top + SIDE))


def normalise(image):
    v = (np.asarray(image, np.float64) / 255 - MEAN) / STD
    return torch.tensor(v.transpose(2, 0, 1)[None].astype(np.float32))


def encode(tokenizer, question, answer):
    """Ids and labels; the answer and the token that ends it are supervised."""
    text = tokenizer.apply_chat_template([{"role": "user", "content": f"{IMAGE_TOKEN}\n{question}"}], tokenize=False,
                                         add_generation_prompt=True)
    prompt = tokenizer(text.replace(IMAGE_TOKEN, IMAGE_TOKEN * IMAGE_TOKENS), add_special_tokens=False).input_ids
    tail = tokenizer(answer + "<|im_end|>", add_special_tokens=False).input_ids
    return prompt, prompt + tail, [-100] * len(prompt) + tail


def file_name(name):
    """A parameter's name in transformers 5 as the weights' own files have it, the part in front."""
    name = name.removeprefix("model.")
    if name.startswith("language_model."):
        return "language_model.model." + name.removeprefix("language_model.")
    if name.startswith("vision_tower."):
        for new, old in (("q_proj", "attention.query"), ("k_proj", "attention.key"), ("v_proj", "attention.value"), ("o_proj", "output.dense")):
            name = name.replace("attention." + new, "attention." + old)
    return name


def adaptable(name, p):
    return p.ndim == 2 and name.endswith("weight") and any(k in name for k in (".layers.", ".layer.", "multi_modal_projector"))


def norm(x):
    return x.detach().double().norm().item()


def gradients(model):
    """Norm and entries of every matrix that can carry an adapter; those without a gradient; norms of some others."""
    entries, none = {}, []
    for n, p in model.named_parameters():
        if not adaptable(n, p):
            continue
        name = file_name(n)
        if p.grad is None:
            none.append(name)
            continue
        index = np.random.default_rng(sum(name.encode())).integers(0, p.numel(), 16).tolist()
        entries[name] = {"shape": list(p.shape), "l2": norm(p.grad), "index": index, "value": p.grad.reshape(-1)[index].tolist()}
    other = {"embed_tokens": norm(model.get_input_embeddings().weight.grad)}
    for layer in ("linear_1", "linear_2"):
        other[f"multi_modal_projector.{layer}.bias"] = norm(getattr(model.model.multi_modal_projector, layer).bias.grad)
    return entries, none, other


def greedy(model, pixels, prompt):
    """The next ids, past the end of the turn, and how far the best logit was ahead of the second."""
    ids, margins, past, step = [], [], None, torch.tensor([prompt])
    with torch.no_grad():
        for i in range(GREEDY):
            out = model(input_ids=step, past_key_values=past, use_cache=True, **({"pixel_values": pixels} if i == 0 else {}))
            past, best = out.past_key_values, out.logits[0, -1].topk(2)
            ids.append(int(best.indices[0]))
            margins.append(float(best.values[0] - best.values[1]))
            step = torch.tensor([[ids[-1]]])
    return ids, margins


def logits(rows, ids, first):
    """For each position that predicts a supervised id: its logit, the 50 largest, and the log of the sum of all."""
    out = []
    for at in range(first - 1, len(ids) - 1):
        row, top = rows[at], rows[at].topk(50)
        out.append({"position": at, "next_id": ids[at + 1], "logit_of_next": row[ids[at + 1]].item(),
                    "logsumexp": row.double().logsumexp(0).item(), "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()})
    return out


def case(model, tokenizer, pixels, question, answer, backward):
    prompt, ids, labels = encode(tokenizer, question, answer)
    seen = {}
    hook = model.model.multi_modal_projector.register_forward_hook(lambda m, i, o: seen.update(selected=i[0][0], projected=o[0]))
    with torch.set_grad_enabled(backward):
        out = model(input_ids=torch.tensor([ids]), pixel_values=pixels, labels=torch.tensor([labels]), output_hidden_states=True)
    hook.remove()
    positions = (0, 100, len(prompt) - 1, len(ids) - 1)
    result = {
        "question": question, "answer": answer, "input_ids": ids, "labels": labels, "loss": out.loss.item(),
        "pixel_values": [{"index": [c, y, x], "value": pixels[0, c, y, x].item()} for c in range(3) for y, x in ((0, 0), (0, 223), (111, 57), (223, 223))],
        "vision_selected": [{"token": t, "channel": c, "value": seen["selected"][t, c].item()} for t, c in FEATURES],
        "projected": [{"token": t, "channel": c, "value": seen["projected"][t, c].item()} for t, c in FEATURES],
        "llm_hidden": [{"layer": l, "position": q, "first8": out.hidden_states[l][0, q, :8].tolist(), "l2": norm(out.hidden_states[l][0, q])}
                       for l in LAYERS for q in positions],
        "answer_logits": logits(out.logits[0].detach(), ids, len(prompt)),
    }
    entries = None
    if backward:
        out.loss.backward()
        entries, result["no_gradient"], result["other_gradient_l2"] = gradients(model)
        model.zero_grad(set_to_none=True)
    result["greedy_ids"], result["greedy_margins"] = greedy(model, pixels, prompt)
    return result, entries


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--real", type=pathlib.Path, required=True)
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("pictures", type=pathlib.Path, nargs=2)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(str(a.real / "smollm2-135m-instruct"))
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]})
    projector = projector_tensors()
    save_file(projector, str(a.out / "projector.safetensors"))
    model = build(a.real, projector)
    cases = [(i, path, question, answers[i]) for i, path in enumerate(a.pictures) for question, answers in QUESTIONS]
    for n, (i, path, question, answer) in enumerate(cases):
        name = f"{i}-{path.stem}.png"
        image = crop(path)
        image.save(a.out / name)
        result, entries = case(model, tokenizer, normalise(image), question, answer, n in (0, len(cases) - 1))
        (a.out / f"case{n}.json").write_text(json.dumps({"crop": name, **result}), encoding="utf-8")
        if entries:
            (a.out / f"case{n}_gradients.json").write_text(json.dumps(entries), encoding="utf-8")
        print(f"case{n}: {len(result['input_ids'])} ids, loss {result['loss']:.6f}, smallest margin {min(result['greedy_margins']):.4f}")


if __name__ == "__main__":
    main()
