"""A small network under CPU autocast (bfloat16): the type of every intermediate, values, gradients."""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

from common import fill, fill_module, network_rule

HERE = pathlib.Path(__file__).resolve().parent


def run(precision):
    net = torch.nn.ModuleDict({
        'conv': torch.nn.Conv2d(3, 8, 3, padding=1),
        'norm': torch.nn.BatchNorm2d(8),
        'up': torch.nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
        'depthwise': torch.nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
        'linear': torch.nn.Linear(4, 2),
    })
    fill_module(net, 'autocast.', network_rule)
    net.train()
    stages = {}

    def stage(name, x):
        stages[name] = x
        return x

    x = fill('autocast.x', [4, 3, 8, 8])
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=precision == 'bfloat16'):
        x = stage('conv', net['conv'](x))
        x = stage('norm', net['norm'](x))
        x = stage('act', F.leaky_relu(x, 0.2))
        x = stage('up', net['up'](x))
        x = stage('depthwise', net['depthwise'](x))
        x = stage('pooled', x.mean([2, 3]))
        with torch.autocast('cpu', enabled=False):
            stage('inside', F.linear(x.float(), net['linear'].weight))
        x = stage('linear', net['linear'](x))
    loss = stage('loss', F.softplus(-x.float()).mean())
    loss.backward()
    values = {**stages, **{f'{k}.grad': p.grad for k, p in net.named_parameters()},
              'norm.running_mean': net['norm'].running_mean}

    def describe(t):
        wide = t.detach().double().reshape(-1)
        return {'dtype': str(t.dtype)[6:], 'shape': list(t.shape), 'values': [float('%.9g' % v) for v in wide[:6].tolist()],
                'abs': float(wide.abs().sum())}

    return {k: describe(t) for k, t in values.items()}


if __name__ == '__main__':
    torch.set_num_threads(1)
    golden = {p: run(p) for p in ('float32', 'bfloat16')}
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    lines = [f'"{p}": {{\n' + ',\n'.join(f'  {json.dumps(k)}: {json.dumps(v)}' for k, v in d.items()) + '\n}'
             for p, d in golden.items()]
    (folder / 'autocast.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')
