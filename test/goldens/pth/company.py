"""State dicts in the company that trainers save them in, for src/torch/company.test.ts.

    /usr/bin/python3 test/goldens/pth/company.py

Written with PyTorch 1.13 and NumPy 1.24; writes company/*.pth beside this file. Each holds the same network, `weight` [2, 3]
of 0…5 and `bias` [2] of ones, unless its name says otherwise.
"""
import argparse
import collections
import datetime
import decimal
import enum
import fractions
import os
import pathlib
import sys
import types
import uuid

import numpy as np
import torch

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "company")
os.makedirs(HERE, exist_ok=True)
state = collections.OrderedDict(weight=torch.arange(6.0).view(2, 3), bias=torch.ones(2))


def save(name, value, **options):
    torch.save(value, os.path.join(HERE, name), **options)


def prefixed(prefix, **others):
    return collections.OrderedDict([(prefix + key, value) for key, value in state.items()] + list(others.items()))


# A package that is not installed where the file is read.
strange = types.ModuleType("omegaconf_like")
sys.modules["omegaconf_like"] = strange


class DictConfig(dict):
    __module__ = "omegaconf_like"


class Node:
    __module__ = "omegaconf_like"

    def __init__(self):
        self.value = [1, 2]
        self.parent = self


class Colour(enum.Enum):
    RED = 1


for kind in (DictConfig, Node, Colour):
    kind.__module__ = "omegaconf_like"
    kind.__qualname__ = kind.__name__
    setattr(strange, kind.__name__, kind)

company = {
    "namespace": argparse.Namespace(lr=0.1, model="b0", nested=argparse.Namespace(a=[1])),
    "numpy scalar": np.float64(0.91),
    "numpy integer": np.int64(7),
    "numpy array": np.arange(6.0).reshape(2, 3),
    "numpy objects": np.array(["a", None], dtype=object),
    "numpy random": np.random.get_state(),
    "numpy generator": np.random.default_rng(1).bit_generator.state,
    "torch random": torch.get_rng_state(),
    "set": {"a", "b"},
    "frozenset": frozenset([1]),
    "path": pathlib.PosixPath("/data"),
    "bytes": b"abc",
    "bytearray": bytearray(b"xyz"),
    "complex": 1 + 2j,
    "range": range(3),
    "slice": slice(1, 2),
    "ordered": collections.OrderedDict(a=1),
    "default": collections.defaultdict(list, {"a": [1]}),
    "counter": collections.Counter("aab"),
    "deque": collections.deque([1, 2], maxlen=5),
    "datetime": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
    "timedelta": datetime.timedelta(days=1),
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=5),
    "size": torch.Size([2, 3]),
    "dtype": torch.float32,
    "device": torch.device("cuda", 0),
    "layout": torch.strided,
    "module class": torch.nn.Linear,
    "function": torch.nn.functional.relu,
    "big": 1 << 4000,
    "config": DictConfig(a=1),
    "node": Node(),
    "enum": Colour.RED,
    "none": None,
    "optimizer": {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2, 3)}}, "param_groups": [{"lr": 1e-3}]},
}
for protocol in (2, 4, 5):
    save(f"all-{protocol}.pth", {"state_dict": state, **company}, pickle_protocol=protocol)
save("all-legacy.pth", {"state_dict": state, **company}, _use_new_zipfile_serialization=False)
save("beside.pth", {**state, "epoch": 5, "args": argparse.Namespace(lr=0.1)})
save("tuple.pth", (state, {"epoch": 5}))

averaged = prefixed("module.", n_averaged=torch.tensor(12))
wrapped = {
    "compiled": prefixed("_orig_mod."),
    "compiled-parallel": prefixed("_orig_mod.module."),
    "parallel-compiled": prefixed("module._orig_mod."),
    "parallel-twice": prefixed("module.module."),
    "averaged": averaged,
    "averaged-compiled": prefixed("module._orig_mod.", n_averaged=torch.tensor(12)),
    "attribute": prefixed("model."),
    "attribute-net": prefixed("net."),
    "attribute-deep": prefixed("model.module.backbone."),
    "attribute-compiled": prefixed("model._orig_mod."),
    "attribute-and-loss": prefixed("model.", **{"criterion.pos_weight": torch.tensor([3.0])}),
}
for name, value in wrapped.items():
    save(f"{name}.pth", value)
save(
    "lightning.ckpt",
    {
        "epoch": 3,
        "pytorch-lightning_version": "2.0.0",
        "state_dict": prefixed("model."),
        "callbacks": {
            "ModelCheckpoint{'monitor': 'auc'}": {
                "best_model_score": torch.tensor(0.8),
                "best_k_models": {"a.ckpt": torch.tensor(0.8), "b.ckpt": torch.tensor(0.7)},
            }
        },
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"params": [0]}]}],
        "hyper_parameters": {"lr": 1e-3},
    },
)
other = collections.OrderedDict(weight=torch.zeros(2, 3), bias=torch.zeros(2))
save("several.pth", {"netG": state, "netD": other, "ema": {"module": state, "decay": 0.999}, "epoch": 3})
save("networks.ckpt", {"state_dict": {**prefixed("generator."), **{f"discriminator.{k}": v for k, v in other.items()}}})
bad = collections.OrderedDict(state, bias=torch.tensor([1.0, float("nan")]))
save("nan.pth", bad)
save("infinite.pth", collections.OrderedDict(state, bias=torch.tensor([float("-inf"), float("inf")]).half()))
save("complex.pth", collections.OrderedDict(state, bias=torch.ones(2, dtype=torch.complex64)))
save("sparse.pth", collections.OrderedDict(state, bias=torch.ones(2).to_sparse()))


class Evil:
    def __init__(self, function, *values):
        self.call = function, values

    def __reduce__(self):
        return self.call


save("evil-beside.pth", {"state_dict": state, "x": Evil(os.system, "touch /tmp/graft-pickle-was-run")})
save("evil-nested.pth", {"state_dict": state, "x": [{"y": (Evil(eval, "1"),)}]})
