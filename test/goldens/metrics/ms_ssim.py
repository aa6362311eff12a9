#!/usr/bin/python3
"""Golden values for MS-SSIM, from an implementation that shares nothing with Graft's.

float64, numpy and scipy only, after Wang, Simoncelli, Bovik 2003 with the settings of PIQA 1.1.3: SSIM's window 11x11
with sigma 1.5, K1 0.01, K2 0.03, each channel for itself, negative terms count as 0, halved by means of 2x2 blocks
(those that stick out over an odd side: of what is inside). With fewer than five scales the first weights are scaled
to sum to 1.

Images are made of integers by a rule that the test repeats, so that they need no file.

Run in this folder: /usr/bin/python3 ms_ssim.py > ms_ssim.json
With the folder of PIQA 1.1.3's sources as an argument, every value is also checked against it.
"""
import json
import sys

import numpy as np
from scipy import signal

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def image(seed, height, width, slope, noise):
    """[3, height, width]: a triangle wave of 0..100 across the picture, and hashed noise below `noise`."""
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    wave = np.abs((x * slope + y * 3 + c * 40 + seed * 17) % 200 - 100)
    h = (((c * height + y) * width + x).astype(np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h ^= h >> np.uint64(16)
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> np.uint64(13)
    return 40 + wave + (h % max(noise, 1)).astype(np.int64)


def window():
    at = np.arange(11) - 5.0
    w = np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * 1.5**2))
    return w / w.sum()


def terms(a, b):
    local = lambda plane: signal.convolve2d(plane, window(), mode="valid")
    mean_a, mean_b = local(a), local(b)
    cov = local(a * b) - mean_a * mean_b
    spread = local(a * a) - mean_a**2 + local(b * b) - mean_b**2
    structure = (2 * cov + 0.03**2) / (spread + 0.03**2)
    luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    return (luminance * structure).mean(), structure.mean()


def halve(plane):
    return np.array(
        [[plane[y : y + 2, x : x + 2].mean() for x in range(0, plane.shape[1], 2)] for y in range(0, plane.shape[0], 2)]
    )


def ms_ssim(x, y, scales):
    weights = np.array(WEIGHTS[:scales])
    if scales < 5:
        weights = weights / weights.sum()
    values = []
    for a, b in zip(x, y):
        product = 1.0
        for scale in range(scales):
            similarity, structure = terms(a, b)
            product *= max(0.0, similarity if scale + 1 == scales else structure) ** weights[scale]
            a, b = halve(a), halve(b)
        values.append(product)
    return float(np.mean(values)), weights


def piqa_value(folder, x, y, weights):
    sys.path.insert(0, folder)
    import torch
    import piqa.utils.functional as functional
    from piqa.ssim import ms_ssim as theirs

    # PIQA 1.1.3 was written for a torch whose conv1d also took images.
    class Convolutions:
        conv1d = staticmethod(torch.nn.functional.conv2d)

    functional.F = Convolutions
    # Its window in float64, too: its own is float32, which moves values by up to 3e-6.
    line = torch.from_numpy(np.sqrt(np.diag(window())))
    kernel = line.repeat(3, 1, 1)
    batch = lambda z: torch.from_numpy(z)[None]
    return float(theirs(batch(x), batch(y), kernel, torch.tensor(weights, dtype=torch.float64)))


CASES = [
    # name, height, width, scales, x: (seed, slope, noise), y or "same" or "negative"
    ("five scales at the least side", 161, 163, 5, (1, 2, 60), (2, 2, 60)),
    ("five scales, alike but for noise", 176, 176, 5, (3, 5, 20), (3, 5, 90)),
    ("four scales", 128, 128, 4, (4, 3, 50), (5, 3, 50)),
    ("three scales", 64, 64, 3, (6, 3, 40), (7, 3, 80)),
    ("three scales, odd sides", 45, 53, 3, (8, 7, 30), (9, 5, 30)),
    ("one scale is SSIM", 32, 40, 1, (10, 3, 30), (11, 3, 70)),
    ("identical", 64, 64, 3, (12, 3, 60), "same"),
    ("negative: nothing left", 64, 64, 3, (13, 3, 60), "negative"),
]

out = []
for name, height, width, scales, first, second in CASES:
    make = lambda rule: image(rule[0], height, width, rule[1], rule[2])
    x8 = make(first)
    y8 = x8 if second == "same" else 255 - x8 if second == "negative" else make(second)
    assert 0 <= min(x8.min(), y8.min()) and max(x8.max(), y8.max()) <= 255, name
    x, y = x8 / 255.0, y8 / 255.0
    value, weights = ms_ssim(x, y, scales)
    if len(sys.argv) > 1:
        theirs = piqa_value(sys.argv[1], x, y, weights)
        print(f"{name}: {value:.12f}, PIQA 1.1.3 {theirs:.12f}", file=sys.stderr)
        assert abs(theirs - value) <= 1e-9, name
    out.append(
        {"name": name, "height": height, "width": width, "scales": scales, "x": first, "y": second, "value": value}
    )
json.dump(out, sys.stdout, indent=1)
print()
