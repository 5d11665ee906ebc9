"""moslava convert of a GGUF model, beside the Python package gguf, llama.cpp and transformers.

    python check_gguf.py PROGRAMS WORK MODEL.gguf

PROGRAMS holds moslava and greedy; WORK takes the converted directory and a float32 copy of the GGUF file. Without llama-cpp-python, which has no
wheels on PyPI and compiles for minutes, weights, configuration, vocabulary, ids and texts are still compared, with gguf and transformers.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, dequantize
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from check_tokenizer import ours, same
from ours import output
from report import check, equal
from texts import lines

try:
    from llama_cpp import Llama
except ImportError:
    Llama = None

NEW = 24
PROMPTS = ["The capital of France is", "def fibonacci(n):\n", "Once upon a time, in a village by the sea,", "1, 1, 2, 3, 5, 8,",
           "<|im_start|>user\nName three fruits.<|im_end|>\n<|im_start|>assistant\n",
           "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n"]
NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head", "attn_norm": "input_layernorm",
         "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}

PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]  # GPT-2's bytes_to_unicode
LETTERS = {b: chr(b) for b in PRINTED} | {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in PRINTED)}


def values(t):
    return np.asarray(dequantize(t.data, t.tensor_type), np.float32).reshape([int(d) for d in reversed(t.shape)])


def wanted(reader):
    """transformers' name -> numbers, rows of q and k in transformers' order."""
    heads = {"attn_q": reader.fields["llama.attention.head_count"].contents(), "attn_k": reader.fields["llama.attention.head_count_kv"].contents()}
    for t in reader.tensors:
        parts, x = t.name.split("."), values(t)
        if parts[0] != "blk":
            yield f"{NAMES[parts[0]]}.{parts[1]}", x
            continue
        if h := heads.get(parts[2]):
            x = x.reshape(h, len(x) // h // 2, 2, -1).swapaxes(1, 2).reshape(x.shape)
        yield f"model.layers.{parts[1]}.{NAMES[parts[2]]}.{parts[3]}", x


def check_weights(reader, directory):
    with check("GGUF: every weight is the dequantised one, to the bit"):
        stored = safe_open(str(directory / "model.safetensors"), "np")
        left = set(stored.keys())
        for name, x in wanted(reader):
            got = stored.get_tensor(name)
            assert got.dtype == np.float32 and np.array_equal(got.view(np.uint32), x.view(np.uint32)), name
            left.remove(name)
        equal(left, set(), "tensors more than the file has")


FIELDS = {"vocab_size": "vocab_size", "hidden_size": "embedding_length", "intermediate_size": "feed_forward_length", "num_hidden_layers": "block_count",
          "num_attention_heads": "attention.head_count", "num_key_value_heads": "attention.head_count_kv", "max_position_embeddings": "context_length",
          "rope_theta": "rope.freq_base", "rms_norm_eps": "attention.layer_norm_rms_epsilon", "head_dim": "rope.dimension_count"}
IDS = {"bos_token_id": "bos", "eos_token_id": "eos", "pad_token_id": "padding"}
CONTROL = 3  # token types of llama.cpp


def check_fields(reader, directory):
    def field(name):
        return reader.fields[name].contents()

    def stored(name):
        return json.loads((directory / name).read_text())

    with check("GGUF: configuration and ids of special tokens"):
        config, settings = stored("config.json"), stored("tokenizer_config.json")
        for ours, theirs in FIELDS.items():
            assert np.float32(config[ours]) == np.float32(field("llama." + theirs)), f"{ours}: {config[ours]}, want {field('llama.' + theirs)}"
        for ours, theirs in IDS.items():
            equal(config[ours], field(f"tokenizer.ggml.{theirs}_token_id"), ours)
        equal(settings["chat_template"], field("tokenizer.chat_template"), "chat_template")
        equal(settings["add_bos_token"], field("tokenizer.ggml.add_bos_token"), "add_bos_token")
    with check("GGUF: tokens, merges and special tokens"):
        tokenizer, tokens = stored("tokenizer.json"), field("tokenizer.ggml.tokens")
        kinds, added = field("tokenizer.ggml.token_type"), tokenizer["added_tokens"]
        vocabulary = dict(tokenizer["model"]["vocab"])
        vocabulary.update({a["content"]: a["id"] for a in added})
        equal([t for t, _ in sorted(vocabulary.items(), key=lambda v: v[1])], tokens, "tokens")
        equal([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]], field("tokenizer.ggml.merges"), "merges")
        equal(sorted(a["id"] for a in added if a["special"]), [i for i, k in enumerate(kinds) if k == CONTROL], "special tokens")


def as_float32(reader, path):
    """The same model with its weights stored as float32, which llama.cpp multiplies without rounding activations."""
    w = GGUFWriter(str(path), reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        kind = field.types[0]
        w.add_key_value(key, field.contents(), kind, sub_type=field.types[-1] if kind == GGUFValueType.ARRAY else None)
    for t in reader.tensors:
        w.add_tensor(t.name, values(t), raw_dtype=GGMLQuantizationType.F32)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def check_ids(program, directory, model, reader):
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    specials = [t for t, k in zip(reader.fields["tokenizer.ggml.tokens"].contents(), kinds) if k == CONTROL]
    # a character whose bytes have no token is an error here; the others leave it out
    spelled = {t for t, k in zip(reader.fields["tokenizer.ggml.tokens"].contents(), kinds) if k == 1}
    rows = ["".join(c for c in s if all(LETTERS[b] in spelled for b in c.encode())) for s in lines(1000, specials)]
    got = ours(program, directory, rows)
    with check(f"GGUF: ids of {len(rows)} texts are transformers' for the converted directory"):
        auto = AutoTokenizer.from_pretrained(str(directory))
        same(got, [auto(s, add_special_tokens=False).input_ids for s in rows], rows, "ids")
    if Llama is None:
        return
    peer = Llama(str(model), vocab_only=True, verbose=False)

    def theirs(s, special):
        return peer.tokenize(s.encode(), add_bos=False, special=special) if s else []

    with check("GGUF: so they are in llama.cpp for the file"):
        same(got, [theirs(s, True) for s in rows], rows, "ids")
    with check("GGUF: so they are where llama.cpp does not look for special tokens, in texts without any"):
        plain = [(s, a) for s, a in zip(rows, got) if not any(t in s for t in specials)]
        assert len(plain) > 300, len(plain)
        same([a for _, a in plain], [theirs(s, False) for s, _ in plain], [s for s, _ in plain], "ids")


def check_greedy(greedy, directory, float32):
    auto = AutoTokenizer.from_pretrained(str(directory))
    model = AutoModelForCausalLM.from_pretrained(str(directory), dtype=torch.float32).eval()
    peer = Llama and Llama(str(float32), n_ctx=512, n_threads=2, logits_all=True, verbose=False)
    peers = " and llama.cpp's" if peer else ""
    prompts = [auto(p, add_special_tokens=False).input_ids for p in PROMPTS]
    run = subprocess.run([str(greedy), "-new", str(NEW), str(directory)], input="\n".join(map(json.dumps, prompts)), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for text, ids, got in zip(PROMPTS, prompts, map(json.loads, run.stdout.splitlines())):
        with check(f"GGUF: {NEW} greedy ids after {text[:24]!r} are transformers'{peers}"):
            with torch.no_grad():
                model.generation_config.eos_token_id = None  # the others go on behind the end of a turn, too
                want = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=NEW, do_sample=False)
            equal(got, want[0, len(ids):].tolist(), "transformers")
            if peer is None:
                continue
            peer.reset()
            peer.eval(ids)
            theirs = []
            for _ in range(NEW):
                theirs.append(int(np.argmax(peer.scores[peer.n_tokens - 1])))
                peer.eval(theirs[-1:])
            equal(got, theirs, "llama.cpp")


def main():
    programs, work, model = (pathlib.Path(a) for a in sys.argv[1:])
    directory, float32 = work / "from-gguf", work / "float32.gguf"
    output(programs / "moslava", "convert", model, directory)
    reader = GGUFReader(str(model))
    check_weights(reader, directory)
    check_fields(reader, directory)
    check_ids(programs / "moslava", directory, model, reader)
    if Llama:
        as_float32(reader, float32)
    check_greedy(programs / "greedy", directory, float32)


main()
