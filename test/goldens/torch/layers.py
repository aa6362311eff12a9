"""Every layer and loss once: its output, the gradients of its input and of its parameters."""
import torch
import torch.nn.functional as F
from torch import nn

from common import fill, fill_module, integers, main, network_rule
from networks import FastConvTranspose2d

#           in out kernel stride padding dilation groups bias  input
CONVS = {
    'conv.plain': ((6, 8, 3), dict(padding=1), (2, 6, 9, 11)),
    'conv.dcgan': ((8, 16, 4), dict(stride=2, padding=1, bias=False), (3, 8, 16, 16)),
    'conv.dilated': ((4, 6, 3), dict(stride=2, dilation=2, padding=2), (2, 4, 15, 15)),
    'conv.groups': ((8, 8, 5), dict(padding=2, groups=8, bias=False), (2, 8, 10, 10)),
    'conv.rect': ((3, 4, (1, 5)), dict(stride=(2, 1), padding=(0, 2)), (2, 3, 9, 12)),
}
TRANSPOSED = {
    'deconv.first': ((16, 12, 4), dict(stride=1, padding=0, bias=False), (3, 16, 1, 1)),
    'deconv.double': ((12, 8, 4), dict(stride=2, padding=1, bias=False), (3, 12, 8, 8)),
    'deconv.bias': ((6, 4, 3), dict(stride=2, padding=1, output_padding=1), (2, 6, 7, 5)),
}


def record(recorder, name, module, x, call=None):
    """Output, gradient of the input, gradients of the parameters for a given upstream gradient."""
    if x.is_floating_point():
        x.requires_grad_(True)
    out = (call or module)(x)
    recorder.add(f'{name}.out', out)
    out.backward(fill(f'{name}.up', list(out.shape), dtype=out.dtype))
    if x.grad is not None:
        recorder.add(f'{name}.grad.x', x.grad)
    if isinstance(module, nn.Module):
        for key, p in module.named_parameters():
            recorder.add(f'{name}.grad.{key}', p.grad)


def made(name, module):
    fill_module(module, f'{name}.', network_rule)
    return module


def run(recorder, dtype):
    for name, (shape, options, size) in CONVS.items():
        record(recorder, name, made(name, nn.Conv2d(*shape, **options)), fill(f'{name}.x', size, dtype=dtype))
    for name, (shape, options, size) in TRANSPOSED.items():
        module = made(name, nn.ConvTranspose2d(*shape, **options))
        record(recorder, name, module, fill(f'{name}.x', size, dtype=dtype))
    for name in ('deconv.first', 'deconv.double'):
        shape, options, size = TRANSPOSED[name]
        module = FastConvTranspose2d(*shape, **options)
        fill_module(module, f'{name}.', network_rule)
        module_x = fill(f'{name}.x', size, dtype=dtype)
        module_x.requires_grad_(True)
        out = module(module_x)
        recorder.add(f'{name}.fast.out', out)
        out.backward(fill(f'{name}.up', list(out.shape), dtype=dtype))
        recorder.add(f'{name}.fast.grad.x', module_x.grad)
        recorder.add(f'{name}.fast.grad.weight', module.weight.grad)

    record(recorder, 'linear', made('linear', nn.Linear(37, 11)), fill('linear.x', (5, 37), dtype=dtype))

    bn = made('bn', nn.BatchNorm2d(6, eps=1e-3, momentum=0.15))
    record(recorder, 'bn.train', bn, fill('bn.x', (4, 6, 5, 7), dtype=dtype))
    recorder.add('bn.running_mean', bn.running_mean)
    recorder.add('bn.running_var', bn.running_var)
    bn.eval()
    bn.zero_grad()
    record(recorder, 'bn.eval', bn, fill('bn.x', (4, 6, 5, 7), dtype=dtype))

    record(recorder, 'embedding', made('embedding', nn.Embedding(7, 5)), integers('embedding.x', (6,), 7))

    x = lambda name: fill(f'{name}.x', (2, 3, 8, 10), 4.0, dtype=dtype)
    for name, call in {
        'upsample.nearest': lambda t: F.interpolate(t, scale_factor=2, mode='nearest'),
        'upsample.bilinear': lambda t: F.interpolate(t, size=(13, 17), mode='bilinear', align_corners=False),
        'maxPool': lambda t: F.max_pool2d(t, 3, 2, 1),
        'avgPool': lambda t: F.avg_pool2d(t, 2, 2),
        'adaptiveAvgPool': lambda t: F.adaptive_avg_pool2d(t, (3, 4)),
        'globalAvgPool': lambda t: F.adaptive_avg_pool2d(t, 1),
        'relu': F.relu,
        'leakyRelu': lambda t: F.leaky_relu(t, 0.2),
        'silu': F.silu,
        'sigmoid': torch.sigmoid,
        'tanh': torch.tanh,
        'softmax': lambda t: F.softmax(t, 1),
        'logSoftmax': lambda t: F.log_softmax(t, 1),
        'pad': lambda t: F.pad(t, (1, 2, 0, 3)),
    }.items():
        record(recorder, name, None, x(name), call)

    logits = lambda: fill('loss.x', (9,), 4.0, dtype=dtype)
    soft = fill('loss.soft', (9,), 0.5, 0.5, dtype=dtype)
    for name, call in {
        'loss.bceLogits': lambda t: F.binary_cross_entropy_with_logits(t, soft),
        'loss.bceLogits.posWeight': lambda t: F.binary_cross_entropy_with_logits(
            t, soft, pos_weight=torch.tensor(3.0)),
        'loss.bce': lambda t: F.binary_cross_entropy(torch.sigmoid(t), soft),
        'loss.hinge': lambda t: F.relu(1 - t[:4]).mean() + F.relu(1 + t[4:]).mean(),
        'loss.hinge.generator': lambda t: -t.mean(),
        'loss.wasserstein': lambda t: t[:4].mean() - t[4:].mean(),
    }.items():
        record(recorder, name, None, logits(), call)
    scores = lambda: fill('loss.scores', (9, 5), 4.0, dtype=dtype)
    target = integers('loss.target', (9,), 5)
    weight = fill('loss.weight', (5,), 0.5, 1.0, dtype=dtype)
    record(recorder, 'loss.ce', None, scores(), lambda t: F.cross_entropy(t, target))
    record(recorder, 'loss.ce.weight', None, scores(), lambda t: F.cross_entropy(t, target, weight=weight))
    record(recorder, 'loss.ce.smooth', None, scores(), lambda t: F.cross_entropy(t, target, label_smoothing=0.1))

    # Spectral norm (Miyato 2018): two training calls move u and v, an evaluation call must not.
    for name, module, size in (('sn.conv', nn.Conv2d(6, 10, 3, padding=1), (2, 6, 7, 7)),
                               ('sn.linear', nn.Linear(12, 9), (4, 12))):
        module = torch.nn.utils.spectral_norm(module)
        fill_module(module, f'{name}.', network_rule)
        for call in ('first', 'second'):
            module.zero_grad()
            record(recorder, f'{name}.{call}', module, fill(f'{name}.x', size, dtype=dtype))
        module.eval()
        module.zero_grad()
        record(recorder, f'{name}.eval', module, fill(f'{name}.x', size, dtype=dtype))
        recorder.add(f'{name}.u', module.weight_u)
        recorder.add(f'{name}.v', module.weight_v)


if __name__ == '__main__':
    main('layers', run)
