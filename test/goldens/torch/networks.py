"""Plain PyTorch DCGAN networks (64 px and up), written after the papers, with the tutorial's state-dict keys."""
import torch
from torch import nn


class FastConvTranspose2d(nn.ConvTranspose2d):
    """The same map written as the input gradient of a convolution: the form the engine uses on a CPU."""

    def forward(self, x):
        k, s, p = self.kernel_size[0], self.stride[0], self.padding[0]
        n, _, h, w = x.shape
        if h == w == 1 and p == 0:
            return (x.reshape(n, -1) @ self.weight.reshape(self.weight.shape[0], -1)).reshape(n, -1, k, k)
        shape = (n, self.out_channels, (h - 1) * s - 2 * p + k, (w - 1) * s - 2 * p + k)
        like = torch.empty(1, dtype=x.dtype).expand(shape)
        return torch.ops.aten.convolution_backward(
            x, like, self.weight, None, [s, s], [p, p], [1, 1], False, [0, 0], 1, [True, False, False])[0]


def generator(latent, width, channels=3, fast=False, size=64):
    conv = FastConvTranspose2d if fast else nn.ConvTranspose2d
    wide = size // 8
    layers = [conv(latent, width * wide, 4, 1, 0, bias=False), nn.BatchNorm2d(width * wide), nn.ReLU(True)]
    while wide > 1:
        layers += [conv(width * wide, width * wide // 2, 4, 2, 1, bias=False),
                   nn.BatchNorm2d(width * wide // 2), nn.ReLU(True)]
        wide //= 2
    layers += [conv(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
    net = nn.Module()
    net.main = nn.Sequential(*layers)
    net.forward = net.main.forward
    return net


def discriminator(width, channels=3, norm=True, spectral=False, size=64):
    wrap = torch.nn.utils.spectral_norm if spectral else (lambda m: m)
    layers = [wrap(nn.Conv2d(channels, width, 4, 2, 1, bias=False)), nn.LeakyReLU(0.2, True)]
    wide = 1
    while wide < size // 8:
        layers.append(wrap(nn.Conv2d(width * wide, width * wide * 2, 4, 2, 1, bias=False)))
        wide *= 2
        if norm:
            layers.append(nn.BatchNorm2d(width * wide))
        layers.append(nn.LeakyReLU(0.2, True))
    layers.append(wrap(nn.Conv2d(width * wide, 1, 4, 1, 0, bias=False)))
    net = nn.Module()
    net.main = nn.Sequential(*layers)
    net.forward = lambda x: net.main(x).reshape(-1)
    return net
