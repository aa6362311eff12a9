"""What ResNet-18 ... -50 and ConvNeXt-Tiny and -Small of two libraries compute from the same weights, in evaluation and in
training mode.

    python test/goldens/models/resnet_convnext.py

Needs torch, torchvision and timm. The keys `facebook/...` are those of the authors' ConvNeXt (github.com/facebookresearch/ConvNeXt):
timm's own converter of their files turns them into its names, so the network is timm's and each weight is the one that the
authors' key makes. Stochastic depth and dropout are off; weights come from a formula (see `patterned.py`).
"""
import sys

import timm
import torch
import torchvision
from timm.models.convnext import checkpoint_filter_fn

from patterned import CLASSES, PATTERN, fill, logits, network_rule, shapes, write

SIZE = [75, 52]  # odd at several stages, and not square


def networks():
    for depth in (18, 34, 50):
        yield f'torchvision/resnet-{depth}', getattr(torchvision.models, f'resnet{depth}')(num_classes=CLASSES)
        yield f'timm/resnet-{depth}', timm.create_model(f'resnet{depth}', num_classes=CLASSES)
    for size in ('tiny', 'small'):
        network = getattr(torchvision.models, f'convnext_{size}')(num_classes=CLASSES, stochastic_depth_prob=0.0)
        yield f'torchvision/convnext-{size}', network
        yield f'timm/convnext-{size}', timm.create_model(f'convnext_{size}', num_classes=CLASSES)


def facebook_shapes(blocks):
    """As `ConvNeXt.__init__` of the authors' models/convnext.py declares them."""
    widths = [96, 192, 384, 768]
    found = {}

    def layer(name, weight):
        found[f'{name}.weight'] = weight
        found[f'{name}.bias'] = weight[:1]

    layer('downsample_layers.0.0', [widths[0], 3, 4, 4])
    layer('downsample_layers.0.1', [widths[0]])
    for stage in range(1, 4):
        layer(f'downsample_layers.{stage}.0', [widths[stage - 1]])
        layer(f'downsample_layers.{stage}.1', [widths[stage], widths[stage - 1], 2, 2])
    for stage, (count, width) in enumerate(zip(blocks, widths)):
        for i in range(count):
            name = f'stages.{stage}.{i}'
            found[f'{name}.gamma'] = [width]
            layer(f'{name}.dwconv', [width, 1, 7, 7])
            layer(f'{name}.norm', [width])
            layer(f'{name}.pwconv1', [4 * width, width])
            layer(f'{name}.pwconv2', [width, 4 * width])
    layer('norm', [widths[-1]])
    layer('head', [CLASSES, widths[-1]])
    return found


def window(key, shape):
    """The rule of `set_weights`, for a tensor that no network here has."""
    scale, offset = network_rule(key, shape)
    count = torch.Size(shape).numel()
    return (PATTERN.window(key, count) * scale + offset).reshape(shape)


def facebook(blocks, size):
    theirs = facebook_shapes(blocks)
    network = timm.create_model(f'convnext_{size}', num_classes=CLASSES).double()
    state = checkpoint_filter_fn({key: window(key, shape) for key, shape in theirs.items()}, network)
    network.load_state_dict(state, strict=True)
    return theirs, evaluate(network)


def evaluate(network):
    x = fill(f'x{SIZE}', (2, 3, *SIZE), dtype=torch.float64)
    rounded = lambda y: [[float(f'{v:.10g}') for v in row] for row in y.tolist()]
    with torch.no_grad():
        return {'size': SIZE, 'eval': rounded(network.eval()(x)), 'train': rounded(network.train()(x))}


def published():
    """How timm's configurations want the pixels of the weights that the list of networks names."""
    tags = {f'resnet{depth}': ['a1_in1k', 'tv_in1k', *(['tv2_in1k'] if depth == 50 else [])] for depth in (18, 34, 50)}
    for size in ('tiny', 'small'):
        tags[f'convnext_{size}'] = ['in12k_ft_in1k', 'in12k_ft_in1k_384', 'fb_in22k_ft_in1k', 'fb_in1k']
    for name, own in tags.items():
        for tag in own:
            cfg = timm.get_pretrained_cfg(f'{name}.{tag}')
            sides = {cfg.input_size[-1]: cfg.crop_pct}
            if cfg.test_input_size:
                sides[cfg.test_input_size[-1]] = cfg.test_crop_pct
            yield f'{cfg.hf_hub_id}{name}.{tag}' if cfg.hf_hub_id.endswith('/') else cfg.hf_hub_id, {
                'licence': cfg.license, 'mean': cfg.mean, 'std': cfg.std, 'interpolation': cfg.interpolation, 'crops': sides}


def main():
    torch.set_num_threads(1)
    cases = {}
    for name, network in networks():
        declared = shapes(network)
        cases[name] = {**logits(network, SIZE), 'shapes': declared}
        print(name, file=sys.stderr)
    for size, blocks in (('tiny', (3, 3, 9, 3)), ('small', (3, 3, 27, 3))):
        declared, result = facebook(blocks, size)
        cases[f'facebook/convnext-{size}'] = {**result, 'shapes': declared}
    about = {'timm': timm.__version__, 'torchvision': torchvision.__version__, 'published': dict(published())}
    write('resnet_convnext', about, cases)


if __name__ == '__main__':
    main()
