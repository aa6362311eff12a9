#!/usr/bin/python3
"""Golden values for PSNR and SSIM, from an implementation that shares nothing with Graft's.

float64, numpy and scipy only: SSIM by a full two-dimensional window and `scipy.signal.convolve2d(..., 'valid')`,
after Wang et al. 2004, with the settings of PIQA 1.1.3: Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03, value
range 1, no padding, population covariances, mean over positions and channels. PSNR with PIQA's epsilon 1e-8.

Run in this folder: /usr/bin/python3 metrics.py > metrics.json
"""
import base64
import json
import sys

import numpy as np
from scipy import ndimage, signal

CHANNELS, HEIGHT, WIDTH = 3, 26, 31


def window():
    at = np.arange(11) - 5.0
    w = np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * 1.5**2))
    return w / w.sum()


def ssim(x, y):
    w = window()
    c1, c2 = 0.01**2, 0.03**2
    values = []
    for a, b in zip(x, y):
        local = lambda image: signal.convolve2d(image, w, mode="valid")
        mean_a, mean_b = local(a), local(b)
        var_a = local(a * a) - mean_a**2
        var_b = local(b * b) - mean_b**2
        cov = local(a * b) - mean_a * mean_b
        luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        structure = (2 * cov + c2) / (var_a + var_b + c2)
        values.append((luminance * structure).mean())
    return float(np.mean(values))


def psnr(x, y):
    return float(10 * np.log10(1.0 / (np.mean((x - y) ** 2) + 1e-8)))


def cases():
    rng = np.random.default_rng(20210415)
    shape = (CHANNELS, HEIGHT, WIDTH)
    noise = lambda: rng.integers(0, 256, shape)
    smooth = lambda s: np.stack([ndimage.gaussian_filter(rng.normal(size=shape[1:]), s) for _ in range(3)])
    to_bytes = lambda z: np.clip(np.round(z), 0, 255)
    rising = np.linspace(20, 235, WIDTH)[None, None, :] * np.ones(shape)
    lesion = to_bytes(170 + 900 * smooth(4))
    yield "noise against noise", noise(), noise()
    yield "image against itself", lesion, lesion
    yield "image against itself with noise", lesion, to_bytes(lesion + rng.normal(0, 12, shape))
    yield "image against itself, blurred", lesion, to_bytes(ndimage.gaussian_filter(lesion, (0, 1.5, 1.5)))
    yield "image against its negative", lesion, 255 - lesion
    yield "gradient against gradient, darker", to_bytes(rising), to_bytes(0.6 * rising)
    yield "flat white against flat grey", np.full(shape, 255), np.full(shape, 128)
    # Nearly flat and bright: E[x^2] - E[x]^2 loses its digits here in float32.
    yield "nearly flat and bright", 245 + rng.integers(0, 3, shape), 245 + rng.integers(0, 3, shape)
    yield "black against white", np.zeros(shape), np.full(shape, 255)


out = []
for name, x, y in cases():
    x8, y8 = np.asarray(x).astype(np.uint8), np.asarray(y).astype(np.uint8)
    a, b = x8 / 255.0, y8 / 255.0
    out.append(
        {
            "name": name,
            "x": base64.b64encode(x8.tobytes()).decode(),
            "y": base64.b64encode(y8.tobytes()).decode(),
            "psnr": psnr(a, b),
            "ssim": ssim(a, b),
        }
    )
json.dump({"shape": [CHANNELS, HEIGHT, WIDTH], "cases": out}, sys.stdout, indent=1)
print()
