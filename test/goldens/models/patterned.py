"""Weights and inputs that a formula makes, on both sides exactly, and what a network of another library computes from them.

Weights are windows of one pattern of 65,521 hash-made numbers, repeated, beginning at a place that the key decides, times a
power of two (see `set_weights`). Keys are the library's own, so a layer that is mistaken for another shows in the logits;
their list is recorded as a hash besides.
"""
import hashlib
import json
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'torch'))
from common import fill, network_rule, seed_of  # noqa: E402

PERIOD = 65521  # a prime: no two channels get the same window
CLASSES = 5


class Pattern:
    def __init__(self):
        self.values = fill('pattern', (PERIOD,), dtype=torch.float64)

    def window(self, key, count):
        start = seed_of(key) % PERIOD
        if self.values.numel() < start + count:
            self.values = self.values[:PERIOD].repeat((start + count) // PERIOD + 1)
        return self.values[start:start + count]


PATTERN = Pattern()


def set_weights(network):
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            scale, offset = network_rule(key, list(value.shape))
            value.copy_((PATTERN.window(key, value.numel()) * scale + offset).reshape(value.shape))


def keys_hash(network):
    lines = [f'{key} {list(value.shape)}'.replace(' ', '') for key, value in network.state_dict().items()]
    return hashlib.sha256('\n'.join(sorted(lines)).encode()).hexdigest()


def shapes(network):
    """Every float tensor of the network's state by the library's own key: so that a test can make the file itself."""
    return {key: list(value.shape) for key, value in network.state_dict().items() if value.is_floating_point()}


def logits(network, size):
    """Batches of two, 64 bits, ten digits."""
    network = network.double()
    set_weights(network)
    x = fill(f'x{size}', (2, 3, *size), dtype=torch.float64)
    rounded = lambda y: [[float(f'{v:.10g}') for v in row] for row in y.tolist()]
    with torch.no_grad():
        return {
            'keys': keys_hash(network),
            'size': size,
            'eval': rounded(network.eval()(x)),
            'train': rounded(network.train()(x)),
        }


def write(name, about, cases):
    """`<name>.json`: a line a case."""
    about = {'generator': f'{name}.py', 'torch': torch.__version__, **about, 'classes': CLASSES}
    lines = [f'  {json.dumps(case)}: {json.dumps(value, separators=(",", ":"))}' for case, value in cases.items()]
    text = '{\n"about": ' + json.dumps(about) + ',\n"cases": {\n' + ',\n'.join(lines) + '\n}}\n'
    (HERE / f'{name.replace("_", "-")}.json').write_text(text)
