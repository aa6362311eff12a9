#!/usr/bin/python3
"""Golden values for the Frechet and the kernel distance, from implementations that share nothing with Graft's.

Frechet: covariances by numpy, the root of their product by scipy.linalg.sqrtm (a Schur decomposition).
Kernel: the sums of Binkowski et al. 2018, written as loops over pairs.
Resizing: Pillow's bicubic and bilinear on 32-bit floats, a channel at a time, as clean-fid does it.

Features are multiples of 1/256, which float32 holds exactly.

Run in this folder: /usr/bin/python3 distances.py > distances.json
"""
import json
import sys

import numpy as np
from PIL import Image
from scipy import linalg


def frechet(x, y):
    sx, sy = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    root = linalg.sqrtm(sx @ sy)
    # Of a singular product the root is less exact: the sum of the roots of its eigenvalues must agree.
    assert abs(np.trace(root) - np.sqrt(linalg.eigvals(sx @ sy) + 0j).sum()) < 1e-6 * np.trace(sx + sy)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(sx) + np.trace(sy) - 2 * np.trace(root).real)


def kernel(x, y):
    k = lambda a, b: (float(a @ b) / len(a) + 1) ** 3
    m, n = len(x), len(y)
    within = lambda s: sum(k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j)
    between = sum(k(a, b) for a in x for b in y)
    return within(x) / (m * (m - 1)) + within(y) / (n * (n - 1)) - 2 * between / (m * n)


def grid(z):
    return np.round(z * 256) / 256


def cases():
    rng = np.random.default_rng(5)
    mix = rng.normal(size=(6, 6))
    yield "more images than features", rng.normal(size=(40, 6)) @ mix, 0.5 + rng.normal(size=(25, 6)) @ mix * 1.3
    yield "fewer images than features", rng.normal(size=(7, 12)), 0.3 + 0.5 * rng.normal(size=(9, 12))
    yield "one set larger, one smaller than the features", rng.normal(size=(5, 8)), rng.normal(size=(30, 8)) * 2
    yield "one feature", rng.normal(size=(12, 1)), 2 + 3 * rng.normal(size=(15, 1))
    flat = rng.normal(size=(20, 5))
    flat[:, 3:] = 0.25  # features that never change
    yield "singular covariances", flat, flat[::2] + 0.5
    yield "large and far from zero", 200 + rng.normal(size=(30, 4)), 203 + rng.normal(size=(30, 4))


def resized():
    rng = np.random.default_rng(6)
    for height, width, side in [(24, 20, 9), (9, 13, 20), (17, 17, 16)]:
        image = rng.integers(0, 256, (3, height, width)).astype(np.uint8)
        planes = [Image.fromarray(c.astype(np.float32), mode="F") for c in image]
        scale = lambda kind: np.stack([np.asarray(plane.resize((side, side), kind)) for plane in planes])
        rounded = lambda values: [round(float(v), 4) for v in values.ravel()]
        yield {
            "height": height,
            "width": width,
            "side": side,
            "image": image.ravel().tolist(),
            "bicubic": rounded(scale(Image.BICUBIC)),
            "bilinear": rounded(scale(Image.BILINEAR)),
        }


sets = []
for name, x, y in cases():
    x, y = grid(x), grid(y)
    as_integers = lambda z: (z * 256).astype(int).ravel().tolist()
    sets.append(
        {
            "name": name,
            "length": x.shape[1],
            "x": as_integers(x),
            "y": as_integers(y),
            "frechet": frechet(x, y),
            "kernel": kernel(x, y),
        }
    )
json.dump({"sets": sets, "resized": list(resized())}, sys.stdout, separators=(",", ":"))
print()
