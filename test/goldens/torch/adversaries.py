"""Plain PyTorch adversaries with classes, attention or residual blocks; written after the papers for these goldens.

AC-GAN as in the system that Graft sets out to surpass, SNGAN-ResNet, projection, self-attention. Everything stands
in the order of the papers: images are up-sampled before they are convolved, and pooled afterwards. Keys are those of
the usual PyTorch sources. `strength` fades conditioning in (1: as published).
"""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm


class AcganGenerator(nn.Module):
    def __init__(self, size, latent, classes, one_hot=False):
        super().__init__()
        self.side, self.classes, self.strength = size // 4, classes, 1.0
        if not one_hot:
            self.label_emb = nn.Embedding(classes, latent)
        self.l1 = nn.Sequential(nn.Linear(latent, 128 * self.side ** 2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(128),
            nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3, 1, 1), nn.BatchNorm2d(128, 0.8), nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, 1, 1), nn.BatchNorm2d(64, 0.8), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 3, 3, 1, 1), nn.Tanh())

    def forward(self, z, y):
        if hasattr(self, 'label_emb'):
            z = z * (1 + self.strength * (self.label_emb(y) - 1))
        else:
            z = z.clone()
            z[:, :self.classes] = self.strength * torch.eye(self.classes)[y]
        return self.conv_blocks(self.l1(z).view(-1, 128, self.side, self.side))


class AcganDiscriminator(nn.Module):
    def __init__(self, size, classes, dropout=0.25):
        super().__init__()
        layers = []
        for i, (a, b) in enumerate(((3, 16), (16, 32), (32, 64), (64, 128))):
            layers += [spectral_norm(nn.Conv2d(a, b, 3, 2, 1)), nn.LeakyReLU(0.2), nn.Dropout2d(dropout)]
            if i > 0:
                layers.append(nn.BatchNorm2d(b, 0.8))
        self.conv_blocks = nn.Sequential(*layers)
        self.adv_layer = nn.Sequential(nn.Linear(128 * (size // 16) ** 2, 1))
        self.aux_layer = nn.Sequential(nn.Linear(128 * (size // 16) ** 2, classes))

    def forward(self, x, y=None):
        h = self.conv_blocks(x).flatten(1)
        return self.adv_layer(h)[:, 0], self.aux_layer(h)


class ConditionalBatchNorm2d(nn.BatchNorm2d):
    """Every class has a gain and a bias; here written as the shared ones and a class's deviation from them."""

    def __init__(self, channels, classes):
        super().__init__(channels)
        self.gains, self.biases, self.strength = nn.Embedding(classes, channels), nn.Embedding(classes, channels), 1.0

    def forward(self, x, y):
        mean, var = self.running_mean, self.running_var
        if self.training:
            n = x.numel() / x.shape[1]
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        x = (x - mean[:, None, None]) / torch.sqrt(var + self.eps)[:, None, None]
        gain = self.weight + self.strength * self.gains(y)
        bias = self.bias + self.strength * self.biases(y)
        return gain[:, :, None, None] * x + bias[:, :, None, None]


class SelfAttention(nn.Module):
    """Place i looks at the pooled places j: written as sums over places."""

    def __init__(self, channels):
        super().__init__()
        conv = lambda a, b: spectral_norm(nn.Conv2d(a, b, 1, bias=False))
        self.theta, self.phi = conv(channels, channels // 8), conv(channels, channels // 8)
        self.g, self.o = conv(channels, channels // 2), conv(channels // 2, channels)
        self.gamma = nn.Parameter(torch.tensor(0.))

    def forward(self, x):
        q = self.theta(x).flatten(2)
        k = F.max_pool2d(self.phi(x), 2).flatten(2)
        v = F.max_pool2d(self.g(x), 2).flatten(2)
        share = torch.einsum('nci,ncj->nij', q, k).softmax(2)
        seen = torch.einsum('ncj,nij->nci', v, share).view(x.shape[0], -1, *x.shape[2:])
        return x + self.gamma * self.o(seen)


class UpBlock(nn.Module):
    def __init__(self, a, b, classes, wrap):
        super().__init__()
        norm = (lambda c: ConditionalBatchNorm2d(c, classes)) if classes else nn.BatchNorm2d
        self.c1, self.c2, self.c_sc = wrap(nn.Conv2d(a, b, 3, 1, 1)), wrap(nn.Conv2d(b, b, 3, 1, 1)), wrap(nn.Conv2d(a, b, 1))
        self.b1, self.b2 = norm(a), norm(b)

    def forward(self, x, *y):
        up = lambda t: F.interpolate(t, scale_factor=2, mode='nearest')
        h = self.c1(up(F.relu(self.b1(x, *y))))
        return self.c2(F.relu(self.b2(h, *y))) + self.c_sc(up(x))


class DownBlock(nn.Module):
    def __init__(self, a, b, down=True, first=False):
        super().__init__()
        hidden = b if first else a
        self.down, self.first = down, first
        self.c1, self.c2 = spectral_norm(nn.Conv2d(a, hidden, 3, 1, 1)), spectral_norm(nn.Conv2d(hidden, b, 3, 1, 1))
        if down or a != b:
            self.c_sc = spectral_norm(nn.Conv2d(a, b, 1))

    def forward(self, x):
        pool = (lambda t: F.avg_pool2d(t, 2)) if self.down else (lambda t: t)
        h = pool(self.c2(F.relu(self.c1(x if self.first else F.relu(x)))))
        if self.first:
            return h + self.c_sc(pool(x))
        return h + (pool(self.c_sc(x)) if hasattr(self, 'c_sc') else x)


class ResnetGenerator(nn.Module):
    WIDTHS = {64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1)}

    def __init__(self, size, latent, ch, classes=0, attention=0, spectral=False):
        super().__init__()
        wrap = spectral_norm if spectral else (lambda m: m)
        w = [ch * m for m in self.WIDTHS[size]]
        self.l1 = wrap(nn.Linear(latent, w[0] * 16))
        self.classes, self.attention, self.n = classes, attention, len(w)
        for i in range(1, len(w)):
            setattr(self, f'block{i + 1}', UpBlock(w[i - 1], w[i], classes, wrap))
            if 4 * 2 ** i == attention:
                self.attn_block = SelfAttention(w[i])
        setattr(self, f'b{len(w) + 1}', nn.BatchNorm2d(ch))
        setattr(self, f'c{len(w) + 1}', wrap(nn.Conv2d(ch, 3, 3, 1, 1)))

    def forward(self, z, y=None):
        h = self.l1(z).view(z.shape[0], -1, 4, 4)
        for i in range(2, self.n + 1):
            h = getattr(self, f'block{i}')(h, *([y] if self.classes else []))
            if h.shape[2] == self.attention:
                h = self.attn_block(h)
        h = F.relu(getattr(self, f'b{self.n + 1}')(h))
        return torch.tanh(getattr(self, f'c{self.n + 1}')(h))


class ResnetDiscriminator(nn.Module):
    #        width and whether the block pools, in the order of the authors' tables
    TABLE = {64: ((1, 1), (2, 1), (4, 1), (8, 1), (16, 1)),
             128: ((1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (16, 0)),
             256: ((1, 1), (2, 1), (4, 1), (8, 1), (8, 1), (16, 1), (16, 0))}

    def __init__(self, size, ch, classes=0, attention=0):
        super().__init__()
        self.n, self.attention, self.strength = len(self.TABLE[size]), attention, 1.0
        before, side = 3, size
        for i, (width, down) in enumerate(self.TABLE[size]):
            setattr(self, f'block{i + 1}', DownBlock(before, width * ch, bool(down), i == 0))
            before, side = width * ch, side // 2
            if side == attention:
                self.attn_block = SelfAttention(before)
        setattr(self, f'l{self.n + 1}', spectral_norm(nn.Linear(before, 1)))
        if classes:
            self.l_y = spectral_norm(nn.Embedding(classes, before))

    def forward(self, x, y=None):
        for i in range(1, self.n + 1):
            x = getattr(self, f'block{i}')(x)
            if x.shape[2] == self.attention:
                x = self.attn_block(x)
        phi = F.relu(x).sum((2, 3))
        out = getattr(self, f'l{self.n + 1}')(phi)[:, 0]
        return out + self.strength * (self.l_y(y) * phi).sum(1) if hasattr(self, 'l_y') else out
