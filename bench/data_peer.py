"""The peer of `bench/data.ts`: images as a plain PyTorch script reads them.

torchvision's ImageFolder, Resize((S, S)), ToTensor, DataLoader (batches of 32, shuffled). Reads one request a line
from stdin, as JSON, and answers with one line of JSON:

  {"op": "open", "dir": …, "sizePx": 128, "workers": 2, "draft": false}   a fresh loader
  {"op": "epoch"}            {"seconds": …, "images": …}: one epoch of it, workers' start included in the first
  {"op": "decode", "dir": …, "workers": 2}   the same, of decoding alone: no resizing, nothing handed over

`draft` lets libjpeg decode at a half, a quarter or an eighth of the size where that is still enough, as
`Image.draft` offers; ImageFolder does not do so by itself, and pixels differ.
"""
import json
import sys
import time

import PIL
import torch
import torchvision
from PIL import Image, features
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

BATCH = 32


def drafting(size):
    def load(path):
        with open(path, 'rb') as file:
            image = Image.open(file)
            image.draft('RGB', (size, size))
            return image.convert('RGB')
    return load


def decode_only(image):
    return image.size[0]


def open_loader(dir, size, workers, draft):
    steps = transforms.Compose([transforms.Resize((size, size)), transforms.ToTensor()])
    kind = {'loader': drafting(size)} if draft else {}
    return DataLoader(ImageFolder(dir, transform=steps, **kind), batch_size=BATCH, shuffle=True,
                      num_workers=workers, persistent_workers=workers > 0)


def epoch(loader):
    images = 0
    start = time.perf_counter()
    for batch, _ in loader:
        images += len(batch)
    return {'seconds': time.perf_counter() - start, 'images': images}


def main():
    torch.manual_seed(0)
    loader = None
    print(json.dumps({'torch': torch.__version__, 'torchvision': torchvision.__version__, 'pillow': PIL.__version__,
                      'libjpegTurbo': features.check('libjpeg_turbo')}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request['op'] == 'open':
            loader = open_loader(request['dir'], request['sizePx'], request['workers'], request['draft'])
            answer = {'images': len(loader.dataset)}
        elif request['op'] == 'epoch':
            answer = epoch(loader)
        else:
            answer = epoch(DataLoader(ImageFolder(request['dir'], transform=decode_only), batch_size=BATCH,
                                      num_workers=request['workers']))
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
