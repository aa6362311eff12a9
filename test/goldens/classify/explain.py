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

# A second head with four logits, on the same map.
classes = torch.nn.Linear(6, 4).to(D)
with torch.no_grad():
    for key, value in classes.state_dict().items():
        value.copy_(fill("explain.classes." + key, list(value.shape), 0.5, 0.0, D))
targets = [2, 0, 3]


def class_logits(a):
    return classes(torch.tanh(2 * a).mean((2, 3)))


def features(x):
    return F.silu(net.second(torch.tanh(net.first(x))))


def cams(score):
    """Grad-CAM and Grad-CAM++; score(n, map) is what is explained of image n."""
    maps = {"cam": [], "plus": []}
    for n in range(3):
        a = features(x[n:n + 1]).detach().requires_grad_()
        (g,) = torch.autograd.grad(score(n, a), a)
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
    return maps


def integrated(score, steps):
    """score(x) is what is explained of each image of a batch."""
    baseline = x.mean((2, 3), keepdim=True).expand_as(x)
    total = torch.zeros_like(x)
    for s in range(steps):
        point = (baseline + (s + 0.5) / steps * (x - baseline)).requires_grad_()
        total += torch.autograd.grad(score(point).sum(), point)[0]
    with torch.no_grad():
        difference = score(x) - score(baseline)
    return dict(steps=steps, attributions=((x - baseline) * total / steps).reshape(-1).tolist(), difference=difference.tolist())


def class_score(x):
    return class_logits(features(x))[torch.arange(len(x)), targets]


maps = cams(lambda n, a: signs[n] * net.head(a).reshape(()))
class_maps = cams(lambda n, a: class_logits(a)[0, targets[n]])
steps = 10

# Deletion and insertion: pixels by heat, a few a step.
heat = fill("explain.heat", [3, 8, 10], 0.5, 0.5, D)
blank = x.mean((2, 3), keepdim=True).expand_as(x)
count = 8


def perturbed(probability):
    """probability(n, image) is that of what is explained of image n."""
    curves = {"deletion": [], "insertion": []}
    for n in range(3):
        order = np.argsort(-heat[n].reshape(-1).numpy(), kind="stable")
        for name, (start, end) in {"deletion": (x, blank), "insertion": (blank, x)}.items():
            image = start[n:n + 1].clone()
            curve = [float(probability(n, image))]
            for s in range(count):
                for p in order[s * 80 // count:(s + 1) * 80 // count]:
                    image[0, :, p // 10, p % 10] = end[n, :, p // 10, p % 10]
                curve.append(float(probability(n, image)))
            curves[name].append(dict(curve=curve, area=float(np.trapz(curve) / count)))
    return curves


with torch.no_grad():
    curves = perturbed(lambda n, image: torch.sigmoid(net(image)))
    class_curves = perturbed(lambda n, image: torch.softmax(class_logits(features(image)), 1)[0, targets[n]])

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
    integrated=integrated(net, steps),
    perturbation=dict(steps=count, **curves),
    classes=dict(
        targets=targets,
        logits=class_logits(features(x)).tolist(),
        cam=class_maps["cam"],
        plus=class_maps["plus"],
        integrated=integrated(class_score, steps),
        perturbation=dict(steps=count, **class_curves),
    ),
    blur=dict(sigma=sigma, values=blurred[0, 0].reshape(-1).tolist()),
)
with open(os.path.join(HERE, "explain.json"), "w") as f:
    json.dump(golden, f, allow_nan=False, separators=(",", ":"))
    f.write("\n")
