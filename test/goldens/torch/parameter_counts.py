"""How many values the adversaries train, counted by PyTorch at the sizes they are used at."""
import json

import torch

from adversaries import AcganDiscriminator, AcganGenerator, ResnetDiscriminator, ResnetGenerator
from common import HERE
from networks import discriminator, generator


def count(net):
    return sum(p.numel() for p in net.parameters())


def main():
    counts = {}
    for size in (64, 128, 256):
        counts[f'dcgan.G.{size}'] = count(generator(100, 64, size=size))
        counts[f'dcgan.D.{size}'] = count(discriminator(64, size=size))
        counts[f'resnet.G.{size}'] = count(ResnetGenerator(size, 128, 16))
        counts[f'resnet.D.{size}'] = count(ResnetDiscriminator(size, 16))
        counts[f'sagan.G.{size}'] = count(ResnetGenerator(size, 128, 16, 2, 32, True))
        counts[f'sagan.D.{size}'] = count(ResnetDiscriminator(size, 16, 2, 32))
    for size in (64, 128):
        counts[f'acgan.G.{size}'] = count(AcganGenerator(size, 600, 2))
        counts[f'acgan.D.{size}'] = count(AcganDiscriminator(size, 2))
    counts['sngan.D.64'] = count(discriminator(64, spectral=True))
    counts['acgan.G.oneHot.64'] = count(AcganGenerator(64, 600, 2, True))
    about = {'generator': 'parameter_counts.py', 'torch': torch.__version__}
    lines = [f'  {json.dumps(key)}: {json.dumps(value)}' for key, value in counts.items()]
    text = '{\n"about": ' + json.dumps(about) + ',\n"counts": {\n' + ',\n'.join(lines) + '\n}}\n'
    (HERE / 'parameter_counts.json').write_text(text)


if __name__ == '__main__':
    main()
