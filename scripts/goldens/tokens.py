"""What the Rust library makes of tokens that are added, and transformers of the tables that are resized for them.

    python tokens.py REPOSITORY

writes language/tokenizer/testdata/added.golden.json, over the vocabularies there, and pipelines/vlm/testdata/resized.safetensors, over
language/testdata/llama-tied and llama-tiny (tokenizers 0.23.3, transformers 5.23.0, torch 2.15.0).
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(sys.argv[1])
PLAIN = ["<loc>", "<loc_12>", "Ärger!", " two words", "ABC"]
SPECIAL = ["<|new|>", "[SEP2]"]
TEXTS = ["a<loc>b", "a <loc> b", "<loc><loc_12><loc_123>", "kein Ärger! da", "ärger!", "in two words, two words", "ABCD abc ABC", "x<|new|>y <|new|>[SEP2] z", "",
         "<loc", " <loc>  <|new|> \n<loc_12>", "no token of these"]


def rows(tok):
    for s in TEXTS:
        ids, special = tok.encode(s, add_special_tokens=False).ids, tok.encode(s, add_special_tokens=True).ids
        yield {"s": s, "ids": ids, "ids_sp": special, "dec_raw": tok.decode(ids, skip_special_tokens=False), "dec_skip": tok.decode(special, skip_special_tokens=True)}


def added(name):
    tok = Tokenizer.from_file(str(ROOT / "language/tokenizer/testdata" / f"{name}.json"))
    tok.add_tokens(PLAIN)
    tok.add_special_tokens(SPECIAL)
    return {"base": name, "plain": PLAIN, "special": SPECIAL, "added_tokens": json.loads(tok.to_str())["added_tokens"], "rows": list(rows(tok))}


def resized(base, new):
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_pretrained(ROOT / "language/testdata" / base, dtype=torch.float32)
    model.resize_token_embeddings(model.config.vocab_size + new)
    out = {f"{base}.embed": model.get_input_embeddings().weight[-new:], f"{base}.head": model.get_output_embeddings().weight[-new:]}
    return {k: v.detach().clone() for k, v in out.items()}


goldens = [added(name) for name in ("bytelevel", "spm_prepend", "clip_like")]
(ROOT / "language/tokenizer/testdata/added.golden.json").write_text(json.dumps(goldens, ensure_ascii=False, indent=1) + "\n")
save_file(resized("llama-tied", 3) | resized("llama-tiny", 3), ROOT / "pipelines/vlm/testdata/resized.safetensors", {
    "made_by": f"scripts/goldens/tokens.py, torch {torch.__version__}"})
