"""Golden values for src/classify/explain, from plain PyTorch on a small network with weights of a formula.

    /usr/bin/python3 test/goldens/classify/explain.py      writes test/goldens/classify/explain.json

Grad-CAM, Grad-CAM++ and integrated gradients are written out from their papers with a forward hook, and loops over images
and channels; deletion and insertion as in RISE, a pixel list an image. Inputs and weights come from the hash of
../torch/common.py, which TypeScript computes too.
"""
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "torch"))
from common import fill  # noqa: E402

D = torch.float64


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 5, 3, padding=1).to(D)
        self.second = torch.nn.Conv2d(5, 6, 3, padding=1, stride=2).to(D)
        self.fc = torch.nn.Linear(6, 1).to(D)
        with torch.no_grad():
            for key, value in self.state_dict().items():
                value.copy_(fill("explain." + key, list(value.shape), 0.5, 0.0, D))

    def forward(self, x):
        x = torch.tanh(self.first(x))
        return self.head(F.silu(self.second(x)))

    def head(self, x):
        """Not linear, so that the gradient differs from place to place."""
        return self.fc(torch.tanh(2 * x).mean((2, 3))).reshape(-1)


net = Net()
x = fill("explain.x", [3, 3, 8, 10], 0.5, 0.5, D)
signs = [1, -1, 1]

maps = {"cam": [], "plus": []}
for n in range(3):
    kept = {}
    handle = net.second.register_forward_hook(lambda m, i, o: kept.update(a=F.silu(o)))
    # The map is behind the activation: the rest of the network is run from it.
    net(x[n:n + 1])
    handle.remove()
    a = kept["a"].detach().requires_grad_()
    y = signs[n] * net.head(a).reshape(())
    (g,) = torch.autograd.grad(y, a)
    a, g = a.detach()[0], g[0]
    cam = torch.zeros(a.shape[1:], dtype=D)
    plus = torch.zeros(a.shape[1:], dtype=D)
    for k in range(a.shape[0]):
        cam += g[k].mean() * a[k]
        weight = 0.0
        for i in range(a.shape[1]):
            for j in range(a.shape[2]):
                gij = float(g[k, i, j])
                below = 2 * gij ** 2 + float(a[k].sum()) * gij ** 3
                weight += (gij ** 2 / below if below != 0 else 0) * max(gij, 0)
        plus += weight * a[k]
    maps["cam"].append(cam.clamp(min=0).tolist())
    maps["plus"].append(plus.clamp(min=0).tolist())

baseline = x.mean((2, 3), keepdim=True).expand_as(x)
steps = 10
total = torch.zeros_like(x)
for s in range(steps):
    point = (baseline + (s + 0.5) / steps * (x - baseline)).requires_grad_()
    total += torch.autograd.grad(net(point).sum(), point)[0]
attributions = (x - baseline) * total / steps

# Deletion and insertion: pixels by heat, a few a step.
heat = fill("explain.heat", [3, 8, 10], 0.5, 0.5, D)
blank = x.mean((2, 3), keepdim=True).expand_as(x)
count = 8
curves = {"deletion": [], "insertion": []}
with torch.no_grad():
    for n in range(3):
        order = np.argsort(-heat[n].reshape(-1).numpy(), kind="stable")
        for name, (start, end) in {"deletion": (x, blank), "insertion": (blank, x)}.items():
            image = start[n:n + 1].clone()
            curve = [float(torch.sigmoid(net(image)))]
            for s in range(count):
                for p in order[s * 80 // count:(s + 1) * 80 // count]:
                    image[0, :, p // 10, p % 10] = end[n, :, p // 10, p % 10]
                curve.append(float(torch.sigmoid(net(image))))
            curves[name].append(dict(curve=curve, area=float(np.trapz(curve) / count)))

sigma = 0.8
radius = 3
taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
taps /= taps.sum()
blurred = np.pad(x.numpy(), ((0, 0), (0, 0), (radius,) * 2, (radius,) * 2), mode="edge")
blurred = np.apply_along_axis(lambda v: np.convolve(v, taps, "valid"), 2, blurred)
blurred = np.apply_along_axis(lambda v: np.convolve(v, taps, "valid"), 3, blurred)

golden = dict(
    made_with=dict(torch=torch.__version__),
    signs=signs,
    logits=net(x).tolist(),
    cam=maps["cam"],
    plus=maps["plus"],
    integrated=dict(steps=steps, attributions=attributions.reshape(-1).tolist(), difference=(net(x) - net(baseline)).tolist()),
    perturbation=dict(steps=count, **curves),
    blur=dict(sigma=sigma, values=blurred[0, 0].reshape(-1).tolist()),
)
with open(os.path.join(HERE, "explain.json"), "w") as f:
    json.dump(golden, f, allow_nan=False, separators=(",", ":"))
    f.write("\n")
