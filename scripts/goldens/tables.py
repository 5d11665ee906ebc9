"""Adapters of PEFT on the tables of a decoder, with logits and gradients of the same model.

    python tables.py REPOSITORY

writes pipelines/vlm/testdata/tables/NAME over language/testdata/llama-tied, llama-tiny and qwen2-tiny (peft 0.21.2, transformers 5.23.0,
torch 2.15.0).
"""
import pathlib
import shutil
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
ROOT = pathlib.Path(sys.argv[1])
CASES = {
    "save-embed": dict(modules_to_save=["embed_tokens"]),
    "save-head": dict(modules_to_save=["lm_head", "norm"]),
    "save-tying": dict(modules_to_save=["embed_tokens"], ensure_weight_tying=True),
    "lora-both": dict(targets=["embed_tokens", "lm_head"]),
    "lora-tying": dict(targets=["embed_tokens"], ensure_weight_tying=True),
    "tokens": dict(trainable_token_indices=[5, 3, 9]),
    "lora-bias": dict(lora_bias=True),
    "dora-embed": dict(targets=["embed_tokens"], use_dora=True),
    "dora-both": dict(targets=["embed_tokens", "lm_head"], use_dora=True),
    "kept": dict(kept=True),  # tables entire, as PEFT saves them of a base that was resized
    "kept-save-embed": dict(modules_to_save=["embed_tokens"], kept=True),
    "kept-tokens": dict(trainable_token_indices=[5, 3, 9], kept=True),
    "head-tokens": dict(targets=["embed_tokens"], trainable_token_indices={"lm_head": [5, 3, 9]}),
}
BIASES = {
    "all": dict(bias="all"),
    "lora-only": dict(bias="lora_only"),
    "lora-bias": dict(lora_bias=True),
}


def make(base, name, targets=(), kept=False, **more):
    model = AutoModelForCausalLM.from_pretrained(ROOT / "language/testdata" / base, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, task_type="CAUSAL_LM", target_modules=["q_proj", *targets], **more))
    torch.manual_seed(11)
    for p in model.parameters():
        if p.requires_grad:
            with torch.no_grad():
                p.add_(torch.randn_like(p) * 0.1)
    to = ROOT / "pipelines/vlm/testdata/tables" / f"{base}-{name}"
    shutil.rmtree(to, ignore_errors=True)
    model.save_pretrained(to, save_embedding_layers=kept)
    (to / "README.md").unlink(missing_ok=True)
    ids = torch.tensor([[1, 5, 3, 8, 5, 11, 9, 2, 30, 17]])
    logits = model(input_ids=ids).logits
    loss = torch.nn.functional.cross_entropy(logits[0, 3:-1], ids[0, 4:])
    loss.backward()
    golden = {"ids": ids, "logits": logits.detach(), "loss": loss.detach()[None]}
    for key, p in model.named_parameters():
        if p.grad is not None:
            golden["grad." + key.removeprefix("base_model.model.").replace(".default", "").replace(".modules_to_save", "")] = p.grad.contiguous()
    save_file(golden, to / "golden.safetensors")


for base in ("llama-tied", "llama-tiny"):
    for name, case in CASES.items():
        if base == "llama-tied" or "tying" not in name and "kept" not in name:
            make(base, name, **case)
for name, case in BIASES.items():  # a decoder that has some
    make("qwen2-tiny", name, **case)
