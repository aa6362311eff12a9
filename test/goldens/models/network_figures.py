"""Parameters, features and multiply-accumulates of the networks, without their last layer, as PyTorch counts them.

    python test/goldens/models/network_figures.py

Needs torch and timm. MACs are half of what torch.utils.flop_counter counts (convolutions and matrix products of
one image at the network's first side).
"""
import json
import pathlib
import sys

import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

HERE = pathlib.Path(__file__).resolve().parent

NETWORKS = {
    **{f'efficientnet-b{i}': (f'tf_efficientnet_b{i}', side) for i, side in enumerate([224, 240, 260, 300, 380, 456, 528, 600])},
    'efficientnet-v2-s': ('tf_efficientnetv2_s', 300),
    **{f'efficientnet-lite{i}': (f'tf_efficientnet_lite{i}', side) for i, side in enumerate([224, 240, 260, 280, 300])},
    'resnet-18': ('resnet18', 224),
    'resnet-34': ('resnet34', 224),
    'resnet-50': ('resnet50', 224),
    'convnext-tiny': ('convnext_tiny', 224),
    'convnext-small': ('convnext_small', 224),
    'vit-small-16': ('vit_small_patch16_224', 224),
    'vit-base-16': ('vit_base_patch16_224', 224),
    'vit-small-14-dinov2-reg': ('vit_small_patch14_reg4_dinov2', 224),
    'vit-base-14-dinov2-reg': ('vit_base_patch14_reg4_dinov2', 224),
    'clip-vit-b-16': ('vit_base_patch16_clip_quickgelu_224', 224),
    'clip-vit-l-14': ('vit_large_patch14_clip_quickgelu_224', 224),
    'biomedclip-vit-b-16': ('vit_base_patch16_224', 224),
    'panderm-vit-b-16': ('beit_base_patch16_224', 224),
    'panderm-vit-l-16': ('beit_large_patch16_224', 224),
}


def main():
    figures = {}
    for name, (theirs, side) in NETWORKS.items():
        options = {'img_size': side} if 'dinov2' in theirs else {}
        network = timm.create_model(theirs, num_classes=0, **options).eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, side, side))
        figures[name] = {
            'parameters': sum(p.numel() for p in network.parameters()),
            'features': network.num_features,
            'sidePx': side,
            'macs': counter.get_total_flops() // 2,
        }
        print(name, figures[name], file=sys.stderr)
    about = {'generator': 'network_figures.py', 'torch': torch.__version__, 'timm': timm.__version__}
    lines = ',\n'.join(f'  {json.dumps(name)}: {json.dumps(one)}' for name, one in figures.items())
    (HERE / 'network-figures.json').write_text('{\n"about": ' + json.dumps(about) + ',\n"networks": {\n' + lines + '\n}}\n')


if __name__ == '__main__':
    main()
