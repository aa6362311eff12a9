"""What EfficientNets of three libraries compute from the same weights: logits in evaluation and in training mode.

    /usr/bin/python3 test/goldens/models/efficientnet.py <EfficientNet-PyTorch> <pytorch-image-models>

The arguments are checkouts of github.com/lukemelas/EfficientNet-PyTorch and github.com/huggingface/pytorch-image-models;
torchvision is Debian's. Stochastic depth and dropout are off.

Weights come from a formula that both sides compute exactly: see `patterned.py`.
"""
import sys

import torch

from patterned import CLASSES, logits, write

VARIANTS = [f'b{i}' for i in range(8)]


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

    write('efficientnet', {'torchvision': torchvision.__version__, 'timm': timm_module.__version__}, cases)


if __name__ == '__main__':
    main(*sys.argv[1:])
