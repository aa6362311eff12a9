"""Golden values for pictures of a generator and its latents, by NumPy, SciPy, OpenCV, scikit-learn and PyTorch.

python3 test/goldens/gan-pictures/gan-pictures.py  writes gan-pictures.json beside this file.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.stats import truncnorm
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(7)


def slerp(a, b, t):
    """White 2016, its published form: the angle by arccos."""
    omega = np.arccos(np.clip(np.dot(a / np.linalg.norm(a), b / np.linalg.norm(b)), -1, 1))
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)


def images(n, offset):
    """Bytes that TypeScript makes in the same way: see `formulaImages` in nearest.test.ts. [n, 3, 64, 64]"""
    k, c, y, x = np.meshgrid(np.arange(n) + offset, np.arange(3), np.arange(64), np.arange(64), indexing="ij")
    return ((k * 37 + 2 * x * (k % 3 + 1) + y * (k % 5) + 11 * c * k) % 256).astype(np.uint8)


def small(batch):
    """Averaged to 32 px, in channels last order of OpenCV. [n, 3072]"""
    rows = [cv2.resize(i.transpose(1, 2, 0).astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA) for i in batch]
    return np.stack(rows).reshape(len(batch), -1).astype(np.float64)


def nearest(metric):
    queries, real = small(images(4, 100)), small(images(40, 0))
    distances, indices = NearestNeighbors(n_neighbors=3, metric=metric, algorithm="brute").fit(real).kneighbors(queries)
    if metric == "euclidean":
        distances = distances / np.sqrt(real.shape[1])
    return {"indices": indices.tolist(), "distances": distances.tolist()}


def standing():
    """Running statistics of two batch norms after five batches with momentum=None (cumulative average)."""
    torch.manual_seed(3)
    net = torch.nn.Sequential(
        torch.nn.BatchNorm2d(2, momentum=None),
        torch.nn.Conv2d(2, 3, 3, padding=1, bias=False),
        torch.nn.ReLU(),
        torch.nn.BatchNorm2d(3, momentum=None),
    )
    weight = net[1].weight.detach().flatten().tolist()
    batches = [torch.randn(4, 2, 5, 5) * (i + 1) + i for i in range(5)]
    with torch.no_grad():
        for batch in batches:
            net(batch)
    state = {k: v.flatten().tolist() for k, v in net.state_dict().items() if "running" in k}
    return {"weight": weight, "batches": [b.flatten().tolist() for b in batches], "state": state}


pairs = [(rng.normal(size=6), rng.normal(size=6)) for _ in range(3)]
golden = {
    "slerp": [
        {"a": a.tolist(), "b": b.tolist(), "t": t, "value": slerp(a, b, t).tolist()}
        for a, b in pairs
        for t in (0.0, 0.3, 0.5, 1.0)
    ],
    "nearest": {metric: nearest(metric) for metric in ("euclidean", "cosine")},
    "truncated": [{"truncation": p, "variance": float(truncnorm(-p, p).var())} for p in (0.25, 0.5, 1.0, 2.0)],
    "standing": standing(),
}
Path(__file__).with_name("gan-pictures.json").write_text(json.dumps(golden) + "\n")
