"""Three steps of DCGAN and SNGAN (64 px): D on reals (labels 0.9), D on fakes, G; Adam(2e-4; 0.5, 0.999).

Each is recorded twice: with PyTorch's plain transposed convolution, and written as a convolution's input
gradient (`fast`), the form the engine takes on a CPU, so that both can be compared bit for bit.
"""
import torch
from torch import nn

from common import fill, fill_module, main, network_rule
from networks import discriminator, generator

LATENT, WIDTH, BATCH, STEPS = 32, 16, 4, 3


def train(recorder, dtype, prefix, spectral, fast):
    G = generator(LATENT, WIDTH, fast=fast)
    D = discriminator(WIDTH, spectral=spectral)
    fill_module(G, 'G.', network_rule)
    fill_module(D, 'D.', network_rule)
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    for step in range(STEPS):
        real = fill(f'real{step}', (BATCH, 3, 64, 64), dtype=dtype)
        z = fill(f'z{step}', (BATCH, LATENT, 1, 1), 2.0, dtype=dtype)
        D.zero_grad()
        loss_real = bce(D(real), torch.full((BATCH,), 0.9))
        loss_real.backward()
        fake = G(z)
        loss_fake = bce(D(fake.detach()), torch.zeros(BATCH))
        loss_fake.backward()
        if step == 0:
            recorder.add_gradients(f'{prefix}step0.D.grad.', D)
        opt_d.step()
        G.zero_grad()
        loss_g = bce(D(fake), torch.ones(BATCH))
        loss_g.backward()
        if step == 0:
            recorder.add(f'{prefix}step0.fake', fake)
            recorder.add_gradients(f'{prefix}step0.G.grad.', G)
        opt_g.step()
        for key, loss in (('real', loss_real), ('fake', loss_fake), ('G', loss_g)):
            recorder.add(f'{prefix}step{step}.loss.{key}', loss)
    recorder.add_state(f'{prefix}end.G.', G)
    recorder.add_state(f'{prefix}end.D.', D)


def run(recorder, dtype):
    for name, spectral in (('dcgan', False), ('sngan', True)):
        for path, fast in (('plain', False), ('fast', True)):
            train(recorder, dtype, f'{name}.{path}.', spectral, fast)


if __name__ == '__main__':
    main('gan', run)
