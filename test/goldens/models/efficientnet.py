"""What EfficientNets of three libraries compute from the same weights: logits in evaluation and in training mode.

    /usr/bin/python3 test/goldens/models/efficientnet.py <EfficientNet-PyTorch> <pytorch-image-models>

The arguments are checkouts of github.com/lukemelas/EfficientNet-PyTorch and github.com/huggingface/pytorch-image-models;
torchvision is Debian's. Stochastic depth and dropout are off.

Weights come from a formula that both sides compute exactly: windows of one pattern of 65,521 hash-made numbers, repeated,
beginning at a place that the key decides, times a power of two (see `weights`). Keys are the library's own, so a layer
that is mistaken for another shows in the logits; their list is recorded as a hash besides.
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
VARIANTS = [f'b{i}' for i in range(8)]


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


def torchvision_networks():
    from torchvision.models import efficientnet

    for variant in [*VARIANTS, 'v2_s']:
        network = getattr(efficientnet, f'efficientnet_{variant}')(num_classes=CLASSES, stochastic_depth_prob=0.0)
        network.classifier[0].p = 0.0
        yield variant.replace('_', '-'), network


def lukemelas_networks(folder):
    sys.path.insert(0, folder)
    from efficientnet_pytorch import EfficientNet

    for variant in VARIANTS:
        # Without an image size, padding follows each input.
        yield variant, EfficientNet.from_name(
            f'efficientnet-{variant}', num_classes=CLASSES, image_size=None, dropout_rate=0.0, drop_connect_rate=0.0)


def timm_networks(folder):
    sys.path.insert(0, folder)
    import timm

    for name in ['efficientnet_b0', 'tf_efficientnet_b0', 'efficientnet_b3', 'efficientnetv2_s', 'tf_efficientnetv2_s']:
        yield name, timm.create_model(name, num_classes=CLASSES)


def main(lukemelas, timm):
    torch.set_num_threads(1)
    size = [48, 37]  # odd at several stages, and not square
    cases = {}
    for library, networks in {
        'torchvision': torchvision_networks(),
        'lukemelas': lukemelas_networks(lukemelas),
        'timm': timm_networks(timm),
    }.items():
        for name, network in networks:
            cases[f'{library}/{name}'] = logits(network, size)
            print(library, name, file=sys.stderr)
    import timm as timm_module
    import torchvision

    about = {'generator': 'efficientnet.py', 'torch': torch.__version__, 'torchvision': torchvision.__version__,
             'timm': timm_module.__version__, 'classes': CLASSES}
    lines = [f'  {json.dumps(name)}: {json.dumps(case, separators=(",", ":"))}' for name, case in cases.items()]
    text = '{\n"about": ' + json.dumps(about) + ',\n"cases": {\n' + ',\n'.join(lines) + '\n}}\n'
    (HERE / 'efficientnet.json').write_text(text)


if __name__ == '__main__':
    main(*sys.argv[1:])
