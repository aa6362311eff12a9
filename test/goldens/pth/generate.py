"""State dicts as PyTorch 1.13 saves them, for src/torch/pth.test.ts.

    /usr/bin/python3 test/goldens/pth/generate.py

Writes *.pth beside this file and expected.json: for each file its tensors (shape, dtype, values as float64).
"""
import json
import os
from collections import OrderedDict

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
expected = {}


def save(name, value, tensors, **options):
    torch.save(value, os.path.join(HERE, name), **options)
    expected[name] = {
        key: {"shape": list(t.shape), "dtype": str(t.dtype)[6:], "values": t.double().flatten().tolist()}
        for key, t in tensors.items()
    }


torch.manual_seed(7)
network = nn.Sequential(OrderedDict(main=nn.Sequential(nn.ConvTranspose2d(3, 2, 2, bias=False), nn.BatchNorm2d(2))))
network.train()(torch.randn(4, 3, 2, 2))  # so that the running statistics are no round numbers
state = network.state_dict()
save("zip.pth", state, state)
save("legacy.pth", state, state, _use_new_zipfile_serialization=False)
save("protocol4.pth", state, state, pickle_protocol=4)
save("parallel.pth", nn.DataParallel(network).state_dict(), state)
save(
    "checkpoint.pth",
    {"epoch": 3, "loss": 0.25, "arch": "dcgan", "big": 1 << 70, "minus": -(1 << 40), "none": None, "state_dict": state,
     "optimizer": torch.optim.Adam(network.parameters()).state_dict()},
    state,
)
save("several.pth", {"netG": dict(state), "netD": {"w": torch.ones(1)}}, {"w": torch.ones(1)})
base = torch.arange(24, dtype=torch.float32)
views = {
    "whole": base,
    "transposed": base.view(4, 6).t(),
    "window": base.view(4, 6)[1:3, 2:5],
    "strided": base[3::7],
    "expanded": torch.tensor([[2.5], [-1.0]]).expand(2, 3),
    "empty": torch.zeros(0, 3),
    "scalar": torch.tensor(-3.5),
    "channels_last": torch.arange(16, dtype=torch.float32).view(1, 2, 2, 4).to(memory_format=torch.channels_last),
    "parameter": nn.Parameter(torch.tensor([1.0, 2.0])),
}
save("views.pth", views, views)
save("views-legacy.pth", views, views, _use_new_zipfile_serialization=False)
numbers = torch.tensor([0, 1, 2.5, -100.25, 6.1e-5])
dtypes = {
    name: (numbers.abs() if name == "uint8" else numbers).to(getattr(torch, name))
    for name in ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
}
save("dtypes.pth", dtypes, dtypes)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/graft-pickle-was-run",)


save("evil.pth", {"w": torch.ones(1), "x": Evil()}, {})
save("evil-legacy.pth", {"w": torch.ones(1), "x": Evil()}, {}, _use_new_zipfile_serialization=False)
save("module.pth", nn.Linear(1, 1), {})
save("quantised.pth", {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, {})
save("list.pth", [torch.ones(1)], {})
torch.jit.script(nn.Linear(1, 1)).save(os.path.join(HERE, "script.pt"))

with open(os.path.join(HERE, "expected.json"), "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
