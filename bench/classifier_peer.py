"""The peer of `bench/classifier.ts`: the original's classifier as a plain PyTorch script trains it.

torchvision's EfficientNet-B0 and -B3, timm's Lite0, with one logit; Adam (Lite0: AdamW) at 1e-4, fused where PyTorch has it,
binary cross-entropy, 128 px. Images are JPEGs that Pillow decodes and resizes in the workers of a DataLoader, where each is
augmented with the original's list (`standard` of augment_peer.py). The original augmented before it resized; here each is
resized first, which is less work. Reads one request a line from stdin, as JSON, and answers with one line of JSON:

  {"op": "compute", "model": "efficientnet-b0", "batch": 64, "threads": 2, "channelsLast": true, "steps": 2}
      steps on one random batch; with "compile": true through torch.compile
  {"op": "features", …, "side": 224}   as many batches to their embeddings, in evaluation
  {"op": "open", "model": …, "batch": 64, "threads": 2, "channelsLast": true, "workers": 1, "dir": …}   a network and a loader
  {"op": "epoch"}   one epoch of them; workers start in the first, and stay

All but `open` answer {"seconds": …, "cpuSeconds": …, "images": …}, processor time with that of the workers. OMP_WAIT_POLICY is
the caller's business.
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

SIDE, RATE = 128, 1e-4
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


def network(name):
    if name == 'efficientnet-lite0':
        import timm
        # As in the original: a share of the last block's branches is dropped.
        return timm.create_model('tf_efficientnet_lite0', num_classes=1, drop_rate=0.2, drop_path_rate=0.2)
    return getattr(torchvision.models, name.replace('-', '_'))(num_classes=1)


def optimizer(name, parameters):
    kind = torch.optim.AdamW if name == 'efficientnet-lite0' else torch.optim.Adam
    try:
        return kind(parameters, lr=RATE, fused=True)
    except (RuntimeError, TypeError):  # on the CPU from PyTorch 2.4 on
        return kind(parameters, lr=RATE)


class Training:
    def __init__(self, request):
        torch.set_num_threads(request['threads'])
        torch.manual_seed(0)
        self.format = torch.channels_last if request['channelsLast'] else torch.contiguous_format
        self.batch = request['batch']
        self.model = network(request['model'])
        self.model.to(memory_format=self.format).train()
        self.optimizer = optimizer(request['model'], self.model.parameters())
        self.loss = nn.BCEWithLogitsLoss()
        self.forward, self.embed = self.model, self.features
        if request.get('compile'):
            self.forward, self.embed = torch.compile(self.model), torch.compile(self.features)

    def features(self, images):
        model = self.model
        return (model.forward_features if hasattr(model, 'forward_features') else model.features)(images).mean((2, 3))

    def step(self, images, labels):
        images = images.contiguous(memory_format=self.format)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.forward(images), labels)
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


def timed(steps, batch, step):
    step()
    start, cpu = time.perf_counter(), cpu_seconds()
    for _ in range(steps):
        step()
    return {'seconds': time.perf_counter() - start, 'cpuSeconds': cpu_seconds() - cpu, 'images': steps * batch}


compiled = {}


def training_of(request):
    """A new one; compiled ones are kept, for compiling takes minutes."""
    if not request.get('compile'):
        return Training(request)
    key = (request['model'], request['batch'])
    if key not in compiled:
        compiled[key] = Training(request)
    return compiled[key]


def compute(request):
    training = training_of(request)
    training.model.train()
    images, labels = torch.randn(training.batch, 3, SIDE, SIDE), torch.randint(2, (training.batch, 1)).float()
    return timed(request['steps'], training.batch, lambda: training.step(images, labels))


def features(request):
    training = training_of(request)
    training.model.eval()
    images = torch.randn(training.batch, 3, request['side'], request['side']).contiguous(memory_format=training.format)
    with torch.no_grad():
        return timed(request['steps'], training.batch, lambda: training.embed(images))


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
        elif request['op'] == 'features':
            answer = features(request)
        elif request['op'] == 'open':
            training = loader = None  # the workers of the one before end here
            training = Training(request)
            loader = DataLoader(ImageFolder(request['dir'], transform=Augment()), batch_size=training.batch, shuffle=True,
                                drop_last=True, num_workers=request['workers'], persistent_workers=request['workers'] > 0)
            answer = {'images': len(loader.dataset)}
        else:
            answer = epoch(training, loader)
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
