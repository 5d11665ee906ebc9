"""A directory as LLaVA's LoRA runs write it, for llava-tiny: python make.py (torch 2.15)."""
import json
import torch
from safetensors.torch import load_file

model = load_file("../llava-tiny/model.safetensors")
q = model["language_model.model.layers.0.self_attn.q_proj.weight"]
prefix = "base_model.model.model.layers.0.self_attn.q_proj."
torch.save({prefix + "lora_A.weight": torch.full((2, q.shape[1]), 0.5, dtype=torch.bfloat16),
            prefix + "lora_B.weight": torch.full((q.shape[0], 2), 0.25, dtype=torch.bfloat16)}, "adapter_model.bin")
torch.save({f"base_model.model.model.mm_projector.{to}.{kind}": model[f"multi_modal_projector.linear_{i}.{kind}"] + 1
            for i, to in ((1, 0), (2, 2)) for kind in ("weight", "bias")}, "non_lora_trainables.bin")
with open("adapter_config.json", "w") as f:
    json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "lmsys/vicuna-7b-v1.5", "bias": "none", "fan_in_fan_out": False,
               "inference_mode": True, "init_lora_weights": True, "lora_alpha": 4, "lora_dropout": 0.05, "modules_to_save": None, "r": 2,
               "target_modules": ["q_proj"]}, f, indent=2)
