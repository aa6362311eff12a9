"""WGAN-GP (Gulrajani 2017): the critic's loss with its gradient penalty, differentiated twice; 2 critic steps."""
import torch

from common import fill, fill_module, main, network_rule
from networks import discriminator, generator

LATENT, WIDTH, BATCH = 32, 16, 4


def run(recorder, dtype):
    for path, fast in (('plain', False), ('fast', True)):
        prefix = f'{path}.'
        G = generator(LATENT, WIDTH, fast=fast)
        D = discriminator(WIDTH, norm=False)
        fill_module(G, 'G.', network_rule)
        fill_module(D, 'D.', network_rule)
        opt = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.5, 0.999))
        for step in range(2):
            real = fill(f'real{step}', (BATCH, 3, 64, 64), dtype=dtype)
            z = fill(f'z{step}', (BATCH, LATENT, 1, 1), 2.0, dtype=dtype)
            with torch.no_grad():
                fake = G(z)
            alpha = fill(f'alpha{step}', (BATCH, 1, 1, 1), 0.5, 0.5, dtype=dtype)
            mix = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
            out = D(mix)
            grad, = torch.autograd.grad(out.sum(), mix, create_graph=True)
            norm = grad.reshape(BATCH, -1).pow(2).sum(1).sqrt()
            penalty = 10 * ((norm - 1) ** 2).mean()
            loss = D(fake).mean() - D(real).mean() + penalty
            D.zero_grad()
            loss.backward()
            recorder.add(f'{prefix}step{step}.penalty', penalty)
            recorder.add(f'{prefix}step{step}.loss', loss)
            if step == 0:
                recorder.add(f'{prefix}step0.inputGrad', grad)
                recorder.add_gradients(f'{prefix}step0.D.grad.', D)
            opt.step()
        recorder.add_state(f'{prefix}end.D.', D)

        # The penalty's path through a generator: double backward of the transposed convolution itself.
        z = fill('zz', (BATCH, LATENT, 1, 1), 2.0, dtype=dtype).requires_grad_(True)
        grad, = torch.autograd.grad(G(z).pow(2).mean(), z, create_graph=True)
        G.zero_grad()
        grad.pow(2).sum().backward()
        recorder.add_gradients(f'{prefix}double.G.grad.', G)


if __name__ == '__main__':
    main('wgan_gp', run)
