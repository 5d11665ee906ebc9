"""Writes reference.safetensors and rounding.safetensors beside this file.

Run with safetensors 0.8.0 and torch 2.15.0. reference.safetensors is what the
reference library writes for one tensor of each common element type, a scalar,
an empty tensor and names that need care in JSON. rounding.safetensors holds
float32 values and what torch's casts make of them, as bit patterns.
"""
import pathlib

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent

small = torch.tensor([[0.0, -0.0, 1.5], [-2.0, 0.099976, 65504.0]])
tensors = {
    "b.f32": small,
    "a.f32": -small,
    "f64": small.double() / 3,
    "f16": small.half(),
    "bf16": small.bfloat16(),
    "i64": torch.tensor([-(2**63), -1, 2**63 - 1]),
    "i32": torch.tensor([-(2**31), 7], dtype=torch.int32),
    "i16": torch.tensor([-(2**15), 7], dtype=torch.int16),
    "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "u8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(3.25),
    "empty": torch.zeros(0, 4),
    'odd "name" <é> \\ & \n': torch.ones(1),
}
save_file(tensors, here / "reference.safetensors", {"format": "pt"})

g = torch.Generator().manual_seed(20261123)
bits = torch.randint(-(2**31), 2**31, (2000,), generator=g)
# Around the borders of half precision: exponents 2^-26 .. 2^17, with mantissas
# at, just below and just above the ties.
edges = []
for exp in range(127 - 26, 127 + 18):
    for low in (0x0000, 0x0FFF, 0x1000, 0x1001, 0x1FFF, 0x3000, 0x7FF000, 0x7FFFFF, 0x7FEFFF):
        edges.append(exp << 23 | low)
for special in (0, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F800000, 0x3F808000, 0x3F818000, 0x3F808001):
    edges.append(special)
edges = torch.tensor(edges + [e - 2**31 for e in edges])
f32 = torch.cat([edges, bits]).to(torch.int32).view(torch.float32)
save_file(
    {
        "f32": f32,
        "f16.bits": f32.half().view(torch.int16),
        "bf16.bits": f32.bfloat16().view(torch.int16),
    },
    here / "rounding.safetensors",
)
