"""The peer of `bench/classifier.ts`: the original's classifier as a plain PyTorch script trains it.

torchvision's EfficientNet with one logit, Adam at 1e-4, binary cross-entropy, batches of 64 at 128 px. Images are JPEGs that
Pillow decodes and resizes in the workers of a DataLoader, where each is augmented with the original's list (`standard` of
augment_peer.py). The original augmented before it resized; here each is resized first, which is less work. Reads one request
a line from stdin, as JSON, and answers with one line of JSON:

  {"op": "compute", "model": "b0", "threads": 2, "channelsLast": true, "steps": 2}   steps on one random batch
  {"op": "open", "model": "b0", "threads": 2, "channelsLast": true, "workers": 1, "dir": …}   a network and a loader
  {"op": "epoch"}   one epoch of them; workers start in the first, and stay

Both answer {"seconds": …, "cpuSeconds": …, "images": …}, processor time with that of the workers. OMP_WAIT_POLICY is the
caller's business.
"""
import json
import os
import sys
import time

import numpy as np
import PIL
import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from augment_peer import BILINEAR, standard

SIDE, BATCH, RATE = 128, 64, 1e-4
TICKS = os.sysconf('SC_CLK_TCK')


class Augment:
    """A decoded image, resized, augmented and normalised; each worker has a stream of its own."""

    def __init__(self):
        self.rng = None

    def __call__(self, image):
        if self.rng is None:
            self.rng = np.random.default_rng(torch.initial_seed())
        pixels = np.array(image.resize((SIDE, SIDE), BILINEAR))
        return torch.from_numpy(np.ascontiguousarray(standard(pixels, self.rng), np.float32))


class Training:
    def __init__(self, model, threads, channels_last):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.model = getattr(torchvision.models, f'efficientnet_{model}')(num_classes=1)
        self.model.to(memory_format=self.format).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)
        self.loss = nn.BCEWithLogitsLoss()

    def step(self, images, labels):
        images = images.contiguous(memory_format=self.format)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def cpu_seconds(workers=()):
    """Of this process and of workers that are alive."""
    total = time.process_time()
    for worker in workers:
        with open(f'/proc/{worker.pid}/stat') as file:
            fields = file.read().rpartition(')')[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def compute(request):
    training = Training(request['model'], request['threads'], request['channelsLast'])
    images, labels = torch.randn(BATCH, 3, SIDE, SIDE), torch.randint(2, (BATCH, 1)).float()
    training.step(images, labels)
    start, cpu = time.perf_counter(), cpu_seconds()
    for _ in range(request['steps']):
        training.step(images, labels)
    return {'seconds': time.perf_counter() - start, 'cpuSeconds': cpu_seconds() - cpu, 'images': request['steps'] * BATCH}


def workers_of(loader):
    return getattr(loader._iterator, '_workers', ())


def epoch(training, loader):
    images, before = 0, cpu_seconds(workers_of(loader))
    start = time.perf_counter()
    for batch, labels in loader:
        training.step(batch, labels.float().unsqueeze(1))
        images += len(batch)
    seconds = time.perf_counter() - start
    return {'seconds': seconds, 'cpuSeconds': cpu_seconds(workers_of(loader)) - before, 'images': images}


def main():
    training = loader = None
    print(json.dumps({'torch': torch.__version__, 'torchvision': torchvision.__version__, 'pillow': PIL.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request['op'] == 'compute':
            answer = compute(request)
        elif request['op'] == 'open':
            training = loader = None  # the workers of the one before end here
            training = Training(request['model'], request['threads'], request['channelsLast'])
            loader = DataLoader(ImageFolder(request['dir'], transform=Augment()), batch_size=BATCH, shuffle=True,
                                drop_last=True, num_workers=request['workers'], persistent_workers=request['workers'] > 0)
            answer = {'images': len(loader.dataset)}
        else:
            answer = epoch(training, loader)
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
