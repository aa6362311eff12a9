#!/usr/bin/python3
"""Golden values for spectra, checkerboards, colours and shares of synthetic images, from code that shares nothing with
Graft's: numpy's FFT over the whole plane and loops over its frequencies; scipy's Wasserstein distance of the pixels
themselves, not of histograms; scipy's Jensen-Shannon distance of numpy's histogramdd; the formulas of CIELAB pixel by
pixel; Newcombe's published examples.

The images are bytes: smooth random colours under noise, the synthetic ones with a checkerboard of period 2, waves of
period 4 and another tint. One image of each set is flat.

Run in this folder: /usr/bin/python3 artefacts.py > artefacts.json
"""
import base64
import json
import sys

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import jensenshannon
from scipy.stats import norm, wasserstein_distance

H, W = 32, 40


def make(rng, count, synthetic):
    y, x = np.mgrid[0:H, 0:W]
    images = []
    for _ in range(count):
        image = np.zeros((3, H, W))
        base = rng.uniform(90, 190, 3) + (np.array([12, -6, 4]) if synthetic else 0)
        for c in range(3):
            image[c] = base[c] + rng.normal(0, 4, (H, W))
            for _ in range(4):
                fy, fx = rng.uniform(-3, 3, 2)
                image[c] += 14 * np.cos(2 * np.pi * (fy * y / H + fx * x / W) + rng.uniform(0, 6))
            if synthetic:
                image[c] += 1.5 * (-1.0) ** (x + y) + 2 * np.cos(np.pi / 2 * x)
        images.append(np.clip(np.round(image), 0, 255).astype(np.uint8))
    flat = np.zeros((3, H, W), np.uint8) + np.array([200, 150, 120], np.uint8)[:, None, None]
    return np.stack(images + [flat])


def luma(image):
    return 0.299 * image[0].astype(float) + 0.587 * image[1] + 0.114 * image[2]


def plane(grey, window):
    """|FFT|^2 over the whole plane, in squared grey levels."""
    h, w = grey.shape
    weights = np.ones((h, w))
    if window == "hann":
        weights = np.outer(np.sin(np.pi * np.arange(h) / h) ** 2, np.sin(np.pi * np.arange(w) / w) ** 2)
    centred = grey - (grey * weights).sum() / weights.sum()
    return np.abs(np.fft.fft2(centred * weights)) ** 2 / (weights**2).sum()


def rings(power):
    h, w = power.shape
    n = min(h, w)
    sums, counts = np.zeros(n // 2), np.zeros(n // 2)
    for ky in range(-(h // 2), h - h // 2):
        for kx in range(-(w // 2), w - w // 2):
            ring = int(np.floor(np.sqrt((ky / h) ** 2 + (kx / w) ** 2) * n + 0.5))
            if 1 <= ring <= n // 2:
                sums[ring - 1] += power[ky, kx]  # numpy's negative indices are the negative frequencies
                counts[ring - 1] += 1
    return sums / counts


def decibels(power):
    return 10 * np.log10(power + 1e-6)


COMPONENTS = [(p, d) for p in (2, 4, 8) for d in ("x", "y", "both")]


def excess(images, period, direction):
    """Of the averaged, normalised spectrum: the peak against the 16 frequencies at a distance of two."""
    patches = []
    for image in images:
        power = plane(luma(image), "hann") + 1e-6
        ky, kx = (0 if direction == "x" else H // period), (0 if direction == "y" else W // period)
        signs = (1, -1) if direction == "both" else (1,)
        own = np.zeros((5, 5))
        for sign in signs:
            around = [[power[sign * (ky + dy) % H, (kx + dx) % W] for dx in range(-2, 3)] for dy in range(-2, 3)]
            patch = np.array(around)
            rim = [patch[i, j] for i in range(5) for j in range(5) if max(abs(i - 2), abs(j - 2)) == 2]
            assert len(rim) == 16
            own += patch / np.mean(rim) / len(signs)
        patches.append(own)
    mean = decibels(np.mean(patches, axis=0))
    rim = [mean[i, j] for i in range(5) for j in range(5) if max(abs(i - 2), abs(j - 2)) == 2]
    return mean[2, 2] - np.mean(rim)


def lab(rgb):
    """CIELAB of one sRGB colour of bytes: CIE 15, white D65."""
    def linear(v):
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(v / 255) for v in map(float, rgb))
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / (0.4124 + 0.3576 + 0.1805)
    y = (0.2126 * r + 0.7152 * g + 0.0722 * b) / (0.2126 + 0.7152 + 0.0722)
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / (0.0193 + 0.1192 + 0.9505)

    def f(t):
        return t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29

    return [116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))]


def pixels(images):
    return images.transpose(0, 2, 3, 1).reshape(-1, 3)


def joint(images):
    values = np.array([lab(p) for p in pixels(images)])
    inside = np.clip(values, [0, -40, -40], np.array([100, 60, 60]) - 1e-9)
    return np.histogramdd(inside, bins=(16, 16, 16), range=((0, 100), (-40, 60), (-40, 60)))[0].ravel()


def saturation(images):
    p = pixels(images).astype(float)
    return (p.max(1) - p.min(1)) / np.maximum(p.max(1), 1)


def score_limits(hits, n):
    """Where |hits / n - p| is 1.96 standard errors under p itself: Wilson's interval by root finding."""
    z = norm.ppf(0.975)
    share = hits / n
    gap = lambda p: (share - p) ** 2 - z * z * p * (1 - p) / n
    low = 0.0 if hits == 0 else brentq(gap, 1e-12, share - 1e-9, xtol=1e-14)
    high = 1.0 if hits == n else brentq(gap, share + 1e-9, 1 - 1e-12, xtol=1e-14)
    return low, high


def newcombe(a, m, b, n):
    (l1, u1), (l2, u2) = score_limits(a, m), score_limits(b, n)
    p, q = a / m, b / n
    low = p - q - np.hypot(p - l1, u2 - q)
    high = p - q + np.hypot(u1 - p, q - l2)
    return {"first": [a, m], "second": [b, n], "low": low, "high": high}


# Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10.
NEWCOMBE = [
    ((56, 70, 48, 80), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1705, 0.8090)),
    ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ((0, 10, 0, 10), (-0.2775, 0.2775)),
    ((10, 10, 0, 20), (0.6791, 1.0)),
]
for counts, published in NEWCOMBE:
    own = newcombe(*counts)
    assert np.allclose((own["low"], own["high"]), published, atol=6e-5), (own, published)

rng = np.random.default_rng(11)
real, synthetic = make(rng, 4, False), make(rng, 3, True)
text = lambda images: base64.b64encode(images.tobytes()).decode()
colours = [[0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 0], [0, 0, 255], [3, 2, 1], [201, 152, 119]]
json.dump(
    {
        "height": H,
        "width": W,
        "real": text(real),
        "synthetic": text(synthetic),
        "power": plane(luma(real[0]), "hann")[5, :4].tolist(),
        "rings": {
            window: [rings(plane(luma(image), window)).tolist() for image in real] for window in ("hann", "none")
        },
        "components": [
            {
                "period": period,
                "direction": direction,
                "real": excess(real, period, direction),
                "synthetic": excess(synthetic, period, direction),
            }
            for period, direction in COMPONENTS
        ],
        "lab": [{"rgb": rgb, "lab": lab(rgb)} for rgb in colours],
        "wasserstein": [wasserstein_distance(pixels(real)[:, c], pixels(synthetic)[:, c]) for c in range(3)],
        "saturation": 100 * wasserstein_distance(saturation(real), saturation(synthetic)),
        "jensenShannon": jensenshannon(joint(real), joint(synthetic), base=2),
        "newcombe": [newcombe(*counts) for counts, _ in NEWCOMBE],
    },
    sys.stdout,
    separators=(",", ":"),
)
print()
