"""adapter_model.bin as PEFT before safetensors saved it: python make.py (torch 2.15)."""
import torch

A = torch.arange(8, dtype=torch.float32).reshape(2, 4) / 8
B = torch.arange(6, dtype=torch.float16).reshape(3, 2)
M = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.bfloat16)
torch.save({f"base_model.model.model.layers.0.self_attn.q_proj.lora_{k}.weight": v for k, v in {"A": A, "AB": M, "B": B}.items()}, "adapter_model.bin")
