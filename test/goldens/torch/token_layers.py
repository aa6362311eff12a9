"""Layers of transformers: layer norm with and without weights, GELU and its quick form, in 64 bits with their gradients.

    python test/goldens/torch/token_layers.py
"""
import json

import torch
import torch.nn.functional as F

from common import HERE, fill

SHAPE = (2, 3, 7)


def record(call, *inputs):
    leaves = [x.requires_grad_() for x in inputs]
    out = call(*leaves)
    gradients = torch.autograd.grad(out, leaves, fill('up', list(out.shape), dtype=torch.float64))
    return {'out': out.flatten().tolist(), 'gradients': [g.flatten().tolist() for g in gradients]}


def main():
    x = lambda: fill('x', SHAPE, 4.0, dtype=torch.float64)
    weight = lambda: fill('weight', SHAPE[-1:], 0.5, 1.0, dtype=torch.float64)
    bias = lambda: fill('bias', SHAPE[-1:], 0.5, dtype=torch.float64)
    cases = {
        'layerNorm': record(lambda t, w, b: F.layer_norm(t, SHAPE[-1:], w, b, 1e-3), x(), weight(), bias()),
        'layerNorm, bare': record(lambda t: F.layer_norm(t, SHAPE[-1:]), x()),
        'gelu': record(F.gelu, x()),
        # OpenAI's definition (clip/model.py), by torch.
        'quickGelu': record(lambda t: t * torch.sigmoid(1.702 * t), x()),
    }
    lines = [f'  {json.dumps(name)}: {json.dumps(value, separators=(",", ":"))}' for name, value in cases.items()]
    about = json.dumps({'generator': 'token_layers.py', 'torch': torch.__version__, 'shape': SHAPE})
    (HERE / 'token_layers.json').write_text('{\n"about": ' + about + ',\n"cases": {\n' + ',\n'.join(lines) + '\n}}\n')


if __name__ == '__main__':
    main()
