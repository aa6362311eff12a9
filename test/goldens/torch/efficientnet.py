"""EfficientNet (Tan & Le 2019), plain PyTorch, with lukemelas' state-dict names; written for these goldens.

B0 at 64 px, 10 classes: evaluation logits and features; three AdamW steps in training mode with dropout
and drop-connect off. B1 in evaluation mode at 61 x 45 px: odd sizes, TensorFlow's `same` padding.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from common import fill, fill_module, integers, main, network_rule

#         repeats kernel stride expand in out
STAGES = [(1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80),
          (3, 5, 1, 6, 80, 112), (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320)]


def filters(n, width):
    if width == 1:
        return n
    n *= width
    new = max(8, int(n + 4) // 8 * 8)
    return int(new + 8 if new < 0.9 * n else new)


class SameConv(nn.Conv2d):
    """Even padding is left to the convolution: a padded copy sums in another order, which float32 shows."""

    def forward(self, x):
        pads = []
        for size, k, s in zip(x.shape[-2:], self.kernel_size, self.stride):
            total = max((math.ceil(size / s) - 1) * s + k - size, 0)
            pads.append((total // 2, total - total // 2))
        (top, bottom), (left, right) = pads
        if top == bottom and left == right:
            return F.conv2d(x, self.weight, self.bias, self.stride, (top, left), 1, self.groups)
        return super().forward(F.pad(x, (left, right, top, bottom)))


def norm(c):
    return nn.BatchNorm2d(c, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    def __init__(self, kernel, stride, expand, cin, cout):
        super().__init__()
        mid = cin * expand
        self.expand, self.skip = expand != 1, stride == 1 and cin == cout
        if self.expand:
            self._expand_conv = SameConv(cin, mid, 1, bias=False)
            self._bn0 = norm(mid)
        self._depthwise_conv = SameConv(mid, mid, kernel, stride, groups=mid, bias=False)
        self._bn1 = norm(mid)
        squeezed = max(1, int(cin * 0.25))
        self._se_reduce = SameConv(mid, squeezed, 1)
        self._se_expand = SameConv(squeezed, mid, 1)
        self._project_conv = SameConv(mid, cout, 1, bias=False)
        self._bn2 = norm(cout)

    def forward(self, x):
        y = F.silu(self._bn0(self._expand_conv(x))) if self.expand else x
        y = F.silu(self._bn1(self._depthwise_conv(y)))
        s = self._se_expand(F.silu(self._se_reduce(F.adaptive_avg_pool2d(y, 1))))
        y = self._bn2(self._project_conv(torch.sigmoid(s) * y))
        return y + x if self.skip else y


class EfficientNet(nn.Module):
    def __init__(self, width, depth, classes):
        super().__init__()
        stem = filters(32, width)
        self._conv_stem = SameConv(3, stem, 3, 2, bias=False)
        self._bn0 = norm(stem)
        blocks = []
        for repeats, kernel, stride, expand, cin, cout in STAGES:
            cin, cout = filters(cin, width), filters(cout, width)
            for i in range(math.ceil(repeats * depth)):
                blocks.append(Block(kernel, stride if i == 0 else 1, expand, cin if i == 0 else cout, cout))
        self._blocks = nn.ModuleList(blocks)
        head = filters(1280, width)
        self._conv_head = SameConv(filters(320, width), head, 1, bias=False)
        self._bn1 = norm(head)
        self._fc = nn.Linear(head, classes)

    def features(self, x):
        x = F.silu(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return F.silu(self._bn1(self._conv_head(x)))

    def forward(self, x):
        return self._fc(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


def run(recorder, dtype):
    net = EfficientNet(1.0, 1.0, 10)
    fill_module(net, 'net.', network_rule)
    x = fill('x', (4, 3, 64, 64), dtype=dtype)
    net.eval()
    with torch.no_grad():
        recorder.add('eval.features', net.features(x))
        recorder.add('eval.logits', net(x))
    net.train()
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
    target = integers('target', (4,), 10)
    for step in range(3):
        loss = F.cross_entropy(net(x), target)
        opt.zero_grad()
        loss.backward()
        recorder.add(f'step{step}.loss', loss)
        if step == 0:
            recorder.add_gradients('step0.grad.', net, 3)
        opt.step()
    recorder.add_state('end.', net, 3)

    other = EfficientNet(1.0, 1.1, 7)
    fill_module(other, 'b1.', network_rule)
    other.eval()
    with torch.no_grad():
        recorder.add('b1.eval.logits', other(fill('odd', (2, 3, 61, 45), dtype=dtype)))


if __name__ == '__main__':
    main('efficientnet', run)
