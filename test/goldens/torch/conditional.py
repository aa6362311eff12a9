"""AC-GAN, SNGAN-ResNet, projection, self-attention, conditional batch norm: one training pass and an evaluation.

Of each: the output in training mode, the gradients of the input and of all parameters for a given upstream gradient,
the buffers thereafter, and the output in evaluation mode.
"""
import torch
from torch import nn

from adversaries import (AcganDiscriminator, AcganGenerator, ConditionalBatchNorm2d, ResnetDiscriminator,
                         ResnetGenerator, SelfAttention)
from common import fill, fill_module, integers, main, network_rule

BATCH, LATENT, CLASSES, FEATURES = 4, 8, 3, 8


def record(recorder, name, net, x, *labels, strength=1.0, gradients=True):
    fill_module(net, f'{name}.', network_rule)
    for module in net.modules():
        if hasattr(module, 'strength'):
            module.strength = strength
    outputs = lambda: (lambda out: out if isinstance(out, tuple) else (out,))(net(x, *labels))
    x.requires_grad_(True)
    outs = outputs()
    torch.autograd.backward(outs, [fill(f'{name}.up{i}', list(o.shape), dtype=o.dtype) for i, o in enumerate(outs)])
    for i, out in enumerate(outs):
        recorder.add(f'{name}.train.out{i}', out, 4)
    recorder.add(f'{name}.grad.x', x.grad, 4)
    if gradients:
        recorder.add_gradients(f'{name}.grad.', net, 3)
        for key, value in net.named_buffers():
            if value.is_floating_point():
                recorder.add(f'{name}.after.{key}', value, 2)
    net.eval()
    with torch.no_grad():
        for i, out in enumerate(outputs()):
            recorder.add(f'{name}.eval.out{i}', out, 4)


def run(recorder, dtype):
    z = lambda name: fill(f'{name}.z', (BATCH, LATENT), 2.0, dtype=dtype)
    images = lambda name, size=64: fill(f'{name}.x', (BATCH, 3, size, size), dtype=dtype)
    y = integers('labels', (BATCH,), CLASSES)
    full = lambda name, net, *inputs: record(recorder, name, net, *inputs)
    faded = lambda name, net, *inputs: record(recorder, name, net, *inputs, strength=0.25, gradients=False)
    brief = lambda name, net, *inputs: record(recorder, name, net, *inputs, gradients=False)

    for one_hot in (False, True):
        name = 'acgan.G.oneHot' if one_hot else 'acgan.G'
        make = lambda: AcganGenerator(32, LATENT, CLASSES, one_hot)
        full(name, make(), z(name), y)
        faded(f'{name}.faded', make(), z(f'{name}.faded'), y)
    full('acgan.D', AcganDiscriminator(32, CLASSES, dropout=0), images('acgan.D', 32), y)

    full('resnet.G', ResnetGenerator(64, LATENT, FEATURES), z('resnet.G'))
    full('resnet.D', ResnetDiscriminator(64, FEATURES), images('resnet.D'))
    sagan = lambda: ResnetGenerator(64, LATENT, FEATURES, CLASSES, 32, True)
    full('sagan.G', sagan(), z('sagan.G'), y)
    faded('sagan.G.faded', sagan(), z('sagan.G.faded'), y)
    projection = lambda: ResnetDiscriminator(64, FEATURES, CLASSES, 32)
    full('sagan.D', projection(), images('sagan.D'), y)
    faded('sagan.D.faded', projection(), images('sagan.D.faded'), y)
    for size in (128, 256):
        brief(f'resnet{size}.G', ResnetGenerator(size, LATENT, 1), z(f'resnet{size}.G'))
        brief(f'resnet{size}.D', ResnetDiscriminator(size, 1), images(f'resnet{size}.D', size))

    full('attention', SelfAttention(16), fill('attention.x', (2, 16, 6, 10), dtype=dtype))
    for name, strength in (('norm', 1.0), ('norm.faded', 0.25)):
        x = fill(f'{name}.x', (BATCH, 5, 4, 6), 4.0, dtype=dtype)
        record(recorder, name, ConditionalBatchNorm2d(5, CLASSES), x, y, strength=strength)


if __name__ == '__main__':
    main('conditional', run)
