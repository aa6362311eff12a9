"""The peer of `bench/gan.ts`: the original's four GANs as a plain PyTorch script trains them, 64 and 128 px.

One step of `dcgan` and `sngan`: D on reals (labels 0.9), D on the detached fakes, G; binary cross-entropy on a sigmoid.
Of `wgan-gp`: five critic steps with a gradient penalty, each back-propagating into G as the original's did, then G. Of
`acgan`: G first, then D on reals and detached fakes, with binary cross-entropy and cross-entropy. Adam 2e-4, betas
(0.5, 0.999). Reads one request a line from stdin, `ARCH SIZE BATCH STEPS`, and answers with one line of JSON: seconds of
each step. Environment and threads are the caller's business: `gan_peer.py THREADS DEVICE [best]` (0: leave). On `cuda`,
`best` measures cuDNN's algorithms first and fuses Adam; convolutions are TF32's there, as PyTorch has them by default.
"""
import json
import resource
import sys
import time

import torch
from torch import nn

LATENT, WIDTH, CRITIC_STEPS = 128, 64, 5
BEST_ADAM = {}
ACGAN_LATENT, CLASSES = 600, 2


def init(module):
    name = module.__class__.__name__
    if 'Conv' in name:
        nn.init.normal_(module.weight_orig if hasattr(module, 'weight_orig') else module.weight, 0.0, 0.02)
    elif 'BatchNorm' in name:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def widths(size):
    """Widths from the 4 × 4 map to the one below the image."""
    return [WIDTH * 2 ** i for i in reversed(range(size.bit_length() - 3))]


def generator(size):
    w = widths(size)
    layers = [nn.ConvTranspose2d(LATENT, w[0], 4, 1, 0, bias=False), nn.BatchNorm2d(w[0]), nn.ReLU(True)]
    for a, b in zip(w, w[1:]):
        layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
    layers += [nn.ConvTranspose2d(w[-1], 3, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers).apply(init)


def discriminator(size, spectral=False, critic=False):
    sn = nn.utils.spectral_norm if spectral else (lambda m: m)
    w = widths(size)[::-1]
    layers = [sn(nn.Conv2d(3, w[0], 4, 2, 1, bias=False)), nn.LeakyReLU(0.2, inplace=True)]
    for a, b in zip(w, w[1:]):
        norm = [] if critic else [nn.BatchNorm2d(b)]
        layers += [sn(nn.Conv2d(a, b, 4, 2, 1, bias=False)), *norm, nn.LeakyReLU(0.2, inplace=True)]
    layers += [sn(nn.Conv2d(w[-1], 1, 4, 1, 0, bias=False))] + ([] if critic else [nn.Sigmoid()])
    return nn.Sequential(*layers).apply(init)


class Plain:
    """DCGAN and SNGAN."""

    def __init__(self, arch, size, batch):
        self.batch = batch
        self.make(arch, size)
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.5, 0.999), **BEST_ADAM)
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.5, 0.999), **BEST_ADAM)
        self.bce = nn.BCELoss()
        self.real = torch.rand(batch, 3, size, size) * 2 - 1

    def make(self, arch, size):
        self.G, self.D = generator(size), discriminator(size, spectral=arch == 'sngan')

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


class WganGp(Plain):
    def make(self, arch, size):
        self.G, self.D = generator(size), discriminator(size, critic=True)

    def step(self):
        G, D, batch = self.G, self.D, self.batch
        for _ in range(CRITIC_STEPS):
            D.zero_grad()
            fake = G(torch.randn(batch, LATENT, 1, 1))
            share = torch.rand(batch, 1, 1, 1)
            between = (share * self.real + (1 - share) * fake.detach()).requires_grad_()
            gradient, = torch.autograd.grad(D(between).sum(), between, create_graph=True)
            penalty = 10 * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
            loss_d = D(fake).mean() - D(self.real).mean() + penalty
            loss_d.backward()  # not detached: also through G
            self.opt_d.step()
        G.zero_grad()
        loss_g = -D(G(torch.randn(batch, LATENT, 1, 1))).mean()
        loss_g.backward()
        self.opt_g.step()
        return loss_d.item(), loss_g.item()


class AcganGenerator(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.side = size // 4
        self.label_emb = nn.Embedding(CLASSES, ACGAN_LATENT)
        self.l1 = nn.Linear(ACGAN_LATENT, 128 * self.side ** 2)
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(128), nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 128, 3, 1, 1), nn.BatchNorm2d(128, 0.8), nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(128, 64, 3, 1, 1), nn.BatchNorm2d(64, 0.8), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 3, 3, 1, 1), nn.Tanh())

    def forward(self, z, labels):
        x = self.l1(self.label_emb(labels) * z)
        return self.conv_blocks(x.view(-1, 128, self.side, self.side))


class AcganDiscriminator(nn.Module):
    def __init__(self, size):
        super().__init__()
        sn = nn.utils.spectral_norm

        def block(a, b, norm=True):
            layers = [sn(nn.Conv2d(a, b, 3, 2, 1)), nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.25)]
            return layers + ([nn.BatchNorm2d(b, 0.8)] if norm else [])

        self.conv_blocks = nn.Sequential(*block(3, 16, False), *block(16, 32), *block(32, 64), *block(64, 128))
        features = 128 * (size // 16) ** 2
        self.adv_layer = nn.Sequential(nn.Linear(features, 1), nn.Sigmoid())
        self.aux_layer = nn.Linear(features, CLASSES)

    def forward(self, x):
        x = self.conv_blocks(x).flatten(1)
        return self.adv_layer(x).view(-1), self.aux_layer(x)


class Acgan(Plain):
    def make(self, arch, size):
        self.G = AcganGenerator(size).apply(init)
        self.D = AcganDiscriminator(size).apply(init)
        self.cross_entropy = nn.CrossEntropyLoss()
        self.labels = torch.arange(self.batch) % CLASSES

    def step(self):
        G, D, batch = self.G, self.D, self.batch
        real_label, fake_label = torch.full((batch,), 0.9), torch.full((batch,), 0.1)

        def loss(judged, target, labels):
            return (self.bce(judged[0], target) + self.cross_entropy(judged[1], labels)) / 2

        G.zero_grad()
        labels = torch.randint(0, CLASSES, (batch,))
        fake = G(torch.randn(batch, ACGAN_LATENT), labels)
        loss_g = loss(D(fake), real_label, labels)
        loss_g.backward()
        self.opt_g.step()
        D.zero_grad()
        loss_d = (loss(D(self.real), real_label, self.labels) + loss(D(fake.detach()), fake_label, labels)) / 2
        loss_d.backward()
        self.opt_d.step()
        return loss_d.item(), loss_g.item()


KINDS = {'dcgan': Plain, 'sngan': Plain, 'wgan-gp': WganGp, 'acgan': Acgan}


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    if threads:
        torch.set_num_threads(threads)
    if sys.argv[2:3] == ['cuda']:
        torch.set_default_device('cuda')
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        if sys.argv[3:] == ['best']:
            torch.backends.cudnn.benchmark = True
            BEST_ADAM['fused'] = True
    hello = {'torch': torch.__version__, 'threads': torch.get_num_threads()}
    print(json.dumps(hello), flush=True)
    trainers = {}
    for line in sys.stdin:
        arch, size, batch, steps = line.split()
        key = (arch, size, batch)
        if key not in trainers:
            torch.manual_seed(0)
            trainers = {key: KINDS[arch](arch, int(size), int(batch))}
        seconds = []
        for _ in range(int(steps)):
            start = time.perf_counter()
            trainers[key].step()
            seconds.append(time.perf_counter() - start)
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({'seconds': seconds, 'peakRssBytes': rss}), flush=True)


if __name__ == '__main__':
    main()
