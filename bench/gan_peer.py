"""The peer of `bench/gan.ts`: DCGAN and SNGAN (64 px) as a plain PyTorch script trains them.

One step: D on reals (labels 0.9), D on the detached fakes, G; binary cross-entropy on a sigmoid; Adam 2e-4,
betas (0.5, 0.999). Reads one request a line from stdin, `ARCH BATCH STEPS`, and answers with one line of JSON:
seconds of each step. Environment and threads are the caller's business: `gan_peer.py THREADS` (0: leave).
"""
import json
import resource
import sys
import time

import torch
from torch import nn

LATENT, WIDTH = 128, 64


def init(module):
    name = module.__class__.__name__
    if 'Conv' in name:
        nn.init.normal_(module.weight_orig if hasattr(module, 'weight_orig') else module.weight, 0.0, 0.02)
    elif 'BatchNorm' in name:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def generator():
    layers = [nn.ConvTranspose2d(LATENT, WIDTH * 8, 4, 1, 0, bias=False), nn.BatchNorm2d(WIDTH * 8), nn.ReLU(True)]
    for w in (WIDTH * 8, WIDTH * 4, WIDTH * 2):
        layers += [nn.ConvTranspose2d(w, w // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(w // 2), nn.ReLU(True)]
    layers += [nn.ConvTranspose2d(WIDTH, 3, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers).apply(init)


def discriminator(spectral):
    sn = nn.utils.spectral_norm if spectral else (lambda m: m)
    layers = [sn(nn.Conv2d(3, WIDTH, 4, 2, 1, bias=False)), nn.LeakyReLU(0.2, inplace=True)]
    for w in (WIDTH, WIDTH * 2, WIDTH * 4):
        layers += [sn(nn.Conv2d(w, w * 2, 4, 2, 1, bias=False)), nn.BatchNorm2d(w * 2),
                   nn.LeakyReLU(0.2, inplace=True)]
    layers += [sn(nn.Conv2d(WIDTH * 8, 1, 4, 1, 0, bias=False)), nn.Sigmoid()]
    return nn.Sequential(*layers).apply(init)


class Trainer:
    def __init__(self, arch, batch):
        torch.manual_seed(0)
        self.batch = batch
        self.G, self.D = generator(), discriminator(arch == 'sngan')
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.bce = nn.BCELoss()
        self.real = torch.rand(batch, 3, 64, 64) * 2 - 1

    def step(self):
        G, D, batch = self.G, self.D, self.batch
        D.zero_grad()
        loss_real = self.bce(D(self.real).view(-1), torch.full((batch,), 0.9))
        loss_real.backward()
        fake = G(torch.randn(batch, LATENT, 1, 1))
        loss_fake = self.bce(D(fake.detach()).view(-1), torch.zeros(batch))
        loss_fake.backward()
        self.opt_d.step()
        G.zero_grad()
        loss_g = self.bce(D(fake).view(-1), torch.ones(batch))
        loss_g.backward()
        self.opt_g.step()
        return (loss_real + loss_fake).item(), loss_g.item()


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    if threads:
        torch.set_num_threads(threads)
    hello = {'torch': torch.__version__, 'threads': torch.get_num_threads()}
    print(json.dumps(hello), flush=True)
    trainers = {}
    for line in sys.stdin:
        arch, batch, steps = line.split()
        if (arch, batch) not in trainers:
            trainers = {(arch, batch): Trainer(arch, int(batch))}
        trainer = trainers[arch, batch]
        seconds = []
        for _ in range(int(steps)):
            start = time.perf_counter()
            trainer.step()
            seconds.append(time.perf_counter() - start)
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({'seconds': seconds, 'peakRssBytes': rss}), flush=True)


if __name__ == '__main__':
    main()
