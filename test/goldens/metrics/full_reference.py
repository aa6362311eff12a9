#!/usr/bin/python3
"""Golden values for the full-reference metrics: PIQA 1.1.3 itself, in float64, one pair at a time.

PIQA is not part of this project: give the folder of its sources, checked out at tag v1.1.3. It was written for a torch
whose conv1d took images; here conv2d does that. Its SSIM window is float32 whatever the images are; here it is made
in float64 by the same formula. Of fewer scales than five MS-SSIM gets the first weights, scaled to sum to 1. Where PIQA
gives no number (HaarPSI of two black images) the value is null.

MS-GMSD with colour, which PIQA lacks, is made from PIQA's MS-GMSD and a numpy term after Zhang et al. 2017. With the folder
of PIQ's sources as a second argument that term is checked against it (sides divisible by 8, where their pooling agrees).

LPIPS: PIQA's class over torchvision's networks, with weights by a rule that the test repeats.

Images are made of integers by rules that the test repeats, so that they need no file: `lesion` is a dark blob on a
textured background.

Run in this folder: /usr/bin/python3 full_reference.py PIQA [PIQ] > full_reference.json
"""
import json
import sys
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

torch.set_default_dtype(torch.float64)  # what PIQA makes at import follows
plain_conv1d = F.conv1d
F.conv1d = lambda x, *rest, **named: (F.conv2d if x.dim() == 4 else plain_conv1d)(x, *rest, **named)
sys.path.insert(0, sys.argv[1])
import piqa  # noqa: E402
import piqa.lpips  # noqa: E402

assert piqa.__version__ == "1.1.3", piqa.__version__


def gaussian(size, sigma=1.0):
    at = torch.arange(size) - (size - 1) / 2
    weights = torch.exp(-(at**2) / (2 * sigma**2))
    return weights / weights.sum()


piqa.ssim.gaussian_kernel = gaussian

def hashed(index, seed):
    """32 bits from an index: integers that wrap around."""
    word = np.uint64
    h = (np.atleast_1d(index).astype(word) * word(0x9E3779B1) + word(seed)) & word(0xFFFFFFFF)
    h ^= h >> word(16)
    h = (h * word(0x85EBCA6B)) & word(0xFFFFFFFF)
    h ^= h >> word(13)
    return h.astype(np.int64)


def cloud(c, y, x, side, seed):
    """Noise 0..255 between the corners of cells of `side`."""
    gy, gx, fy, fx = y // side, x // side, y % side, x % side
    corner = lambda dy, dx: hashed((c * 512 + gy + dy) * 512 + gx + dx, seed + side) & 255
    top = (side - fx) * corner(0, 0) + fx * corner(0, 1)
    bottom = (side - fx) * corner(1, 0) + fx * corner(1, 1)
    return ((side - fy) * top + fy * bottom) // (side * side)


def lesion(seed, height, width):
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    dx = 2 * x - width + hashed(1, seed) % (width // 3 + 1)
    dy = 2 * y - height + hashed(2, seed) % (height // 3 + 1)
    radius = dx * dx * 256 // (width * width) + dy * dy * 256 // (height * height) + cloud(0 * c, y, x, 11, seed) // 4
    dark = np.minimum(2 * np.maximum(130 - radius, 0), 140)
    base = np.array([205, 150, 130])[c] + hashed(c + 7, seed) % 30
    depth = np.array([55, 75, 80])[c] * dark // 100
    grain = hashed((c * height + y) * width + x, seed) % 7
    return np.clip(base - depth + cloud(c, y, x, 17, seed) // 8 + cloud(c, y, x, 5, seed) // 16 + grain - 20, 0, 255)


def image(rule, height, width):
    """[3, height, width] of integers 0..255."""
    kind, seed = rule["kind"], rule.get("seed", 0)
    index = np.arange(3 * height * width).reshape(3, height, width)
    if kind == "flat":
        z = np.broadcast_to(np.array(rule["rgb"])[:, None, None], index.shape).copy()
    elif kind == "noise":
        z = hashed(index, seed) & 255
    elif kind == "binary":  # saturated colours: opposite ones take MDSI's similarity below 0
        z = 255 * ((hashed(index, seed) >> 5) & 1)
    else:
        z = lesion(seed, height, width)
    change = rule.get("change")
    if change == "negative":
        z = 255 - z
    elif change == "shift":  # one pixel to the right and around
        z = np.roll(z, 1, axis=2)
    elif change == "noisy":
        z = np.clip(z + hashed(index, seed + 99) % 25 - 12, 0, 255)
    elif change == "one":  # one channel of one pixel by one level
        z[1, height // 2, width // 3] ^= 1
    return z


LESION, OTHER = {"kind": "lesion", "seed": 3}, {"kind": "lesion", "seed": 40}
PAIRS = {
    "lesion against lesion": (LESION, OTHER),
    "lesion against itself": (LESION, LESION),
    "lesion with noise": (LESION, {**LESION, "change": "noisy"}),
    "lesion against its negative": (LESION, {**LESION, "change": "negative"}),
    "lesion moved by a pixel": (OTHER, {**OTHER, "change": "shift"}),
    "lesion, one value off by one": (LESION, {**LESION, "change": "one"}),
    "noise against noise": ({"kind": "noise", "seed": 1}, {"kind": "noise", "seed": 2}),
    "saturated noise against saturated noise": ({"kind": "binary", "seed": 1}, {"kind": "binary", "seed": 2}),
    "flat against flat": ({"kind": "flat", "rgb": [200, 170, 150]}, {"kind": "flat", "rgb": [120, 80, 60]}),
    "flat against itself": ({"kind": "flat", "rgb": [201, 170, 151]},) * 2,
    "black against white": ({"kind": "flat", "rgb": [0, 0, 0]}, {"kind": "flat", "rgb": [255, 255, 255]}),
    "black against black": ({"kind": "flat", "rgb": [0, 0, 0]},) * 2,
    "lesion against flat": (OTHER, {"kind": "flat", "rgb": [180, 140, 120]}),
    "yellow against blue": ({"kind": "flat", "rgb": [255, 255, 0]}, {"kind": "flat", "rgb": [0, 0, 255]}),
}
SIZES = [(64, 64), (97, 65), (128, 128), (161, 161)]
FEW = ["lesion against lesion", "lesion moved by a pixel", "noise against noise"]
MORE_SIZES = [((9, 9), FEW), ((21, 30), FEW), ((384, 390), FEW[1:]), ((640, 648), FEW[2:])]
LPIPS_PAIRS = ["lesion against lesion", "lesion against itself", "noise against noise"]


def scales_for(height, width):
    side, scales = min(height, width), 0
    while scales < 5 and side >= 11:
        side, scales = -(-side // 2), scales + 1
    return scales


def colour_term(x, y):
    """Root of the squared errors of I and Q, at an eighth of the side, in 0..255."""
    weights = np.array([[0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
    d = np.tensordot(weights, 255 * (x - y), axes=1)
    for _ in range(3):
        _, h, w = d.shape
        d = np.array(
            [[[plane[i : i + 2, j : j + 2].mean() for j in range(0, w, 2)] for i in range(0, h, 2)] for plane in d]
        )
    return float(np.sqrt((d**2).mean(axis=(1, 2)).sum()))


def with_colour(luma, term):
    gamma = 2 / (1 + 0.32 * np.exp(-15 * luma)) - 1
    return float(gamma * luma + (1 - gamma) * 0.01 * term)


def check_colour_term(x, y, folder):
    sys.path.insert(0, folder)
    import piq

    a, b = torch.from_numpy(x)[None], torch.from_numpy(y)[None]
    luma = piq.multi_scale_gmsd(a, b, chromatic=False).item()
    theirs = piq.multi_scale_gmsd(a, b, chromatic=True).item()
    ours = with_colour(luma, colour_term(x, y))
    assert abs(ours - theirs) < 1e-9, (ours, theirs)


def scores(x, y):
    height, width = x.shape[1:]
    a, b = torch.from_numpy(x)[None].contiguous(), torch.from_numpy(y)[None].contiguous()
    found = {}
    take = lambda name, metric: found.__setitem__(name, metric(a, b).item())
    take("psnr", piqa.PSNR(reduction="none"))
    scales = scales_for(height, width)
    if scales > 0:
        take("ssim", piqa.SSIM(reduction="none"))
        weights = piqa.MS_SSIM.OFFICIAL_WEIGHTS[:scales]
        weights = weights if scales == 5 else weights / weights.sum()
        take("ms-ssim", piqa.MS_SSIM(weights=weights, reduction="none"))
    take("gmsd", piqa.GMSD(reduction="none"))
    take("ms-gmsd", piqa.MS_GMSD(reduction="none"))
    found["ms-gmsd-c"] = with_colour(found["ms-gmsd"], colour_term(x, y))
    take("mdsi", piqa.MDSI(reduction="none"))
    take("haarpsi", piqa.HaarPSI(reduction="none"))
    return {name: None if np.isnan(value) else value for name, value in found.items()}


def rule_weights(shape, key):
    """Float32 values that depend on the key and the index alone; about what keeps activations at their size."""
    numel, seed = int(np.prod(shape)), sum((i + 1) * ord(letter) for i, letter in enumerate(key))
    steps = hashed(np.arange(numel), seed) & 0xFFFF
    if len(shape) == 1:
        values = (steps - 32768) / 32768 * 0.1
    elif shape[0] == 1:
        values = steps / 65536
    else:
        values = (steps - 32768) / 32768 * np.sqrt(6 / np.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32).astype(np.float64)).reshape(shape)


def lpips(network):
    def build(make):
        def features(pretrained):
            model = make(weights=None)
            state = {f"features.{key}": value for key, value in model.features.state_dict().items()}
            for key, value in state.items():
                value.copy_(rule_weights(value.shape, key))
            return model

        return features

    names = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
    piqa.lpips.models = SimpleNamespace(**{name: build(getattr(torchvision.models, name)) for name in names.values()})
    metric = piqa.LPIPS(network=network, pretrained=False, reduction="none")
    with torch.no_grad():
        for index, head in enumerate(metric.lins):
            head[1].weight.copy_(rule_weights(head[1].weight.shape, f"lin{index}.model.1.weight"))
    return metric


def main():
    cases = []
    for (height, width), names in [(size, PAIRS) for size in SIZES] + MORE_SIZES:
        for name in names:
            rules = PAIRS[name]
            x, y = (image(rule, height, width) / 255 for rule in rules)
            if len(sys.argv) > 2 and height % 8 == 0 and width % 8 == 0:
                check_colour_term(x, y, sys.argv[2])
            case = {"name": name, "height": height, "width": width, "x": rules[0], "y": rules[1]}
            cases.append({**case, "scores": scores(x, y)})
    learned = []
    for network in ["alex", "vgg", "squeeze"]:
        metric = lpips(network)
        for name in LPIPS_PAIRS:
            rules = PAIRS[name]
            for height, width in [(64, 64), (97, 65)]:
                x, y = (torch.from_numpy(image(rule, height, width) / 255)[None] for rule in rules)
                case = {"network": network, "name": name, "height": height, "width": width}
                with torch.no_grad():
                    learned.append({**case, "x": rules[0], "y": rules[1], "value": metric(x, y).item()})
    json.dump({"cases": cases, "lpips": learned}, sys.stdout, indent=1)
    print()


main()
