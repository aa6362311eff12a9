"""What every golden script here shares: inputs both sides can compute bit for bit, and compact records.

Inputs come from a counter-based integer hash (the finaliser of MurmurHash3), so Python and TypeScript
make the same numbers without a file: 16 random bits / 2^16 are exact in float32 and float64.

A record of a tensor is its shape, the SHA-256 of its bytes, its largest magnitude, sum, sum of magnitudes
and a few values at places drawn by the same hash. Equal hashes mean equal bits; on another processor the
rest is compared within a tolerance. See test/engine/goldens.ts for the other side.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent


def seed_of(name):
    """FNV-1a, 32 bits, of the name."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def hash32(seed, index):
    h = (index.astype(np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h ^= h >> np.uint64(16)
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> np.uint64(13)
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    h ^= h >> np.uint64(16)
    return h


def fill(name, shape, scale=1.0, offset=0.0, dtype=torch.float32):
    """Uniform in [offset - scale, offset + scale), in steps of scale / 2^15; scale: a power of two."""
    n = int(np.prod(shape)) if len(shape) else 1
    bits = hash32(seed_of(name), np.arange(n, dtype=np.uint64)) >> np.uint64(16)
    values = (bits.astype(np.float64) - 32768) / 32768 * scale + offset
    return torch.from_numpy(values.reshape(shape)).to(dtype)


def integers(name, shape, high):
    """Integers in [0, high)."""
    n = int(np.prod(shape))
    bits = hash32(seed_of(name), np.arange(n, dtype=np.uint64)) >> np.uint64(16)
    return torch.from_numpy((bits % np.uint64(high)).astype(np.int64).reshape(shape))


def fill_module(module, prefix, rule):
    """Overwrites every floating entry of the state dict by fill(prefix + key, …, *rule(key, shape))."""
    for key, value in module.state_dict().items():
        if value.is_floating_point():
            scale, offset = rule(key, list(value.shape))
            value.copy_(fill(prefix + key, list(value.shape), scale, offset, value.dtype))


def power_of_two_below(x):
    p = 1.0
    while p > x:
        p /= 2
    return p


def network_rule(key, shape):
    """Scale and offset that keep a network's signals near unit size: by fan-in for weights."""
    if key.endswith('running_mean'):
        return 0.125, 0.0
    if key.endswith('running_var'):
        return 0.25, 1.0
    if len(shape) <= 1:
        is_norm_weight = key.endswith('.weight')
        return (0.125, 1.0) if is_norm_weight else (0.0625, 0.0)
    fan_in = int(np.prod(shape[1:]))
    return power_of_two_below((6 / fan_in) ** 0.5), 0.0


def round_for(dtype, x):
    return float('%.9g' % x) if dtype == torch.float32 else float(x)


def describe(t, samples=8):
    t = t.detach().contiguous()
    shape = list(t.shape)
    flat = t.reshape(-1)
    n = flat.numel()
    wide = flat.to(torch.float64)
    at = hash32(seed_of('samples'), np.arange(min(samples, n), dtype=np.uint64)) % np.uint64(n)
    return {
        'shape': shape,
        'sha256': hashlib.sha256(flat.numpy().tobytes()).hexdigest(),
        'max': float(wide.abs().max()),
        'sum': float(wide.sum()),
        'abs': float(wide.abs().sum()),
        'samples': [round_for(t.dtype, float(wide[int(i)])) for i in at],
    }


def processor():
    """Kernels differ between processors, so bit-equality is only asked for on the same model with the same flags."""
    fields = {}
    for line in open('/proc/cpuinfo'):
        key, _, value = line.partition(':')
        fields.setdefault(key.strip(), value.strip())
    flags = hashlib.sha256(fields.get('flags', '').encode()).hexdigest()[:8]
    return f"{fields.get('model name')}, family {fields.get('cpu family')}, model {fields.get('model')}, flags {flags}"


class Recorder:
    def __init__(self, dtype):
        self.dtype = dtype
        self.name = 'float32' if dtype == torch.float32 else 'float64'
        self.tensors = {}

    def add(self, key, tensor, samples=8):
        assert key not in self.tensors, key
        self.tensors[key] = describe(tensor, samples)

    def add_state(self, prefix, module, samples=8):
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.add(prefix + key, value, samples)

    def add_gradients(self, prefix, module, samples=8):
        for key, value in module.named_parameters():
            self.add(prefix + key, value.grad, samples)

    def write(self, name, folder):
        head = {
            'generator': f'{name}.py', 'torch': torch.__version__, 'dtype': self.name,
            'threads': torch.get_num_threads(), 'processor': processor(),
        }
        lines = [f'  {json.dumps(k)}: {json.dumps(v, separators=(",", ":"))}' for k, v in self.tensors.items()]
        text = '{\n' + f'"about": {json.dumps(head)},\n"tensors": {{\n' + ',\n'.join(lines) + '\n}}\n'
        (folder / f'{name}.{self.name}.json').write_text(text)


def libtorch_path():
    for line in open('/proc/self/maps'):
        path = line.split()[-1]
        if 'libtorch_cpu' in path:
            return str(pathlib.Path(path).resolve())
    return ''


def main(name, run):
    """`script.py [folder]`: writes name.float32.json and name.float64.json, one thread."""
    torch.set_num_threads(1)
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        recorder = Recorder(dtype)
        run(recorder, dtype)
        recorder.write(name, folder)
    torch.set_default_dtype(torch.float32)
    print(libtorch_path())
