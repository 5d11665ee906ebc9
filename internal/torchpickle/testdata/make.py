"""Writes the files of this directory with torch 2.15: python make.py"""

import collections
import os

import torch

here = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(1)
table = torch.arange(12, dtype=torch.float32).reshape(3, 4)
state = collections.OrderedDict(
    {
        "model.mm_projector.0.weight": table,
        "model.mm_projector.0.bias": torch.tensor([0.5, -1.0, 3.0]).half(),
        "bfloat": torch.tensor([[1.0, -2.5]]).bfloat16(),
        "tail": table.reshape(-1)[5:9],
        "ids": torch.tensor([-3, 1 << 40]),
        "parameter": torch.nn.Parameter(torch.tensor([7.0])),
        "scalar": torch.tensor(2.0),
        "empty": torch.zeros(0, 3),
    }
)
state._metadata = {"": {"version": 1}}
torch.save(state, os.path.join(here, "state.bin"))
torch.save({"state_dict": dict(state), "meta": {"epoch": 3}}, os.path.join(here, "nested.bin"))
torch.save({"turned": table.T}, os.path.join(here, "turned.bin"))
torch.save({"w": table}, os.path.join(here, "legacy.bin"), _use_new_zipfile_serialization=False)
torch.save({"w": table}, os.path.join(here, "protocol4.bin"), pickle_protocol=4)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/torchpickle-was-run",)


torch.save({"w": table, "evil": Evil()}, os.path.join(here, "evil.bin"))
