"""What EfficientNet-Lite0 ... Lite4 of two libraries compute from the same weights: logits in evaluation and in training mode.

    python test/goldens/models/efficientnet_lite.py

Needs torch, timm and efficientnet-lite-pytorch (ML Illustrated's conversion, whose key names are lukemelas'). Stochastic
depth and dropout are off; weights come from a formula (see `patterned.py`).
"""
import sys

import timm
import torch
from efficientnet_lite_pytorch import EfficientNet

from patterned import CLASSES, logits, write

SIZE = [48, 37]  # odd at several stages, and not square


def networks():
    for i in range(5):
        yield f'timm/tf_efficientnet_lite{i}', timm.create_model(f'tf_efficientnet_lite{i}', num_classes=CLASSES)
        override = dict(num_classes=CLASSES, dropout_rate=0.0, drop_connect_rate=0.0, image_size=None)
        yield f'lukemelas/lite{i}', EfficientNet.from_name(f'efficientnet-lite{i}', **override)
    yield 'timm/efficientnet_lite0', timm.create_model('efficientnet_lite0', num_classes=CLASSES)


def main():
    torch.set_num_threads(1)
    cases = {}
    for name, network in networks():
        cases[name] = logits(network, SIZE)
        print(name, file=sys.stderr)
    write('efficientnet_lite', {'timm': timm.__version__}, cases)


if __name__ == '__main__':
    main()
