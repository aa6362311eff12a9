#!/usr/bin/python3
"""Golden values for precision, recall, density, coverage, the Inception Score, KID, the Frechet distance of many
features and the line of FD-infinity, from numpy and scipy in float64, written from the papers' formulas:

Kynkaanniemi et al. 2019, Naeem et al. 2020 (k-NN metrics, strict inequality), Salimans et al. 2016, Binkowski et al. 2018,
Heusel et al. 2017, Chong & Forsyth 2020.

Features are multiples of 1/256 and logits of 1/64, which float32 holds exactly. Large sets are not stored but come from
`formula`, which the test computes, too.

Run in this folder: /usr/bin/python3 distribution.py > distribution.json
Given the sources of two published implementations it checks itself against them:
/usr/bin/python3 distribution.py --prdc DIR --torch-fidelity DIR > distribution.json
(github.com/clovaai/generative-evaluation-prdc e320c1d, github.com/toshas/torch-fidelity 5e211a9, version 0.4.0)
"""
import argparse
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
from scipy import linalg, stats

parser = argparse.ArgumentParser()
parser.add_argument("--prdc", type=Path)
parser.add_argument("--torch-fidelity", type=Path)
args = parser.parse_args()


def between(a, b):
    """Distances of all pairs, by differences."""
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(2))


def radii(x, k):
    """Distance to the k-th nearest other row: with itself in the list, the one at place k."""
    return np.sort(between(x, x), axis=1)[:, k]


def neighbourhood(real, fake, k):
    d = between(real, fake)
    in_real, in_fake = d < radii(real, k)[:, None], d < radii(fake, k)[None, :]
    return {
        "precision": float(np.mean(in_real.any(0))),
        "recall": float(np.mean(in_fake.any(1))),
        "density": float(in_real.sum() / (k * len(fake))),
        "coverage": float(np.mean(in_real.any(1))),
    }


def kernel(x, y):
    k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
    m, n = len(x), len(y)
    off = lambda g: (g.sum() - np.trace(g)) / (len(g) * (len(g) - 1))
    return float(off(k(x, x)) + off(k(y, y)) - 2 * k(x, y).mean())


def frechet(x, y):
    sx, sy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(sx @ sy).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(sx + sy - 2 * root))


def inception_score(logits, splits):
    n = len(logits)
    scores = []
    for i in range(splits):
        part = logits[i * n // splits : (i + 1) * n // splits]
        p = np.exp(part) / np.exp(part).sum(1, keepdims=True)
        marginal = p.mean(0)
        scores.append(np.exp(np.mean([stats.entropy(row, marginal) for row in p])))
    return {"mean": float(np.mean(scores)), "sd": float(np.std(scores))}


def formula(rows, columns, seed):
    """Integers that a test can compute anew: 0...16380, over 256."""
    i = np.arange(rows * columns, dtype=np.int64)
    return ((i * i * 31 + i * 8191 + seed * 7919) % 16381).reshape(rows, columns) / 256


def module(path, package=None, stubs=()):
    """One file of a package, without the rest of it, which it would load in vain."""
    for name, attributes in stubs:
        stub = types.ModuleType(name)
        for attribute in attributes:
            setattr(stub, attribute, lambda *a, **b: None)
        sys.modules[name] = stub
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def near(a, b, tolerance=1e-12):
    assert abs(a - b) <= tolerance * max(1, abs(b)), (a, b)


def check_prdc(real, fake, k, values):
    if not args.prdc:
        return
    peer = module(args.prdc / "prdc" / "prdc.py")
    print_ = __builtins__.print
    __builtins__.print = lambda *a, **b: None
    theirs = peer.compute_prdc(real, fake, k)
    __builtins__.print = print_
    for name, value in values.items():
        near(value, theirs[name])


def fidelity(name):
    folder = args.torch_fidelity / "torch_fidelity"
    helpers = ["get_kwarg", "vprint", "vassert"]
    utils = [
        "create_feature_extractor",
        "extract_featuresdict_from_input_id_cached",
        "resolve_feature_extractor",
        "resolve_feature_layer_for_metric",
        "get_cacheable_input_name",
        "cache_lookup_one_recompute_on_miss",
    ]
    stubs = [("torch_fidelity", []), ("torch_fidelity.helpers", helpers), ("torch_fidelity.utils", utils)]
    if "tqdm" not in sys.modules:
        stubs.append(("tqdm", ["tqdm"]))
    return module(folder / f"metric_{name}.py", stubs=stubs)


def check_fidelity_sets(real, fake, k, values, ties):
    if not args.torch_fidelity:
        return
    import torch

    tensors = [torch.from_numpy(s) for s in (fake, real)]
    if not ties:  # its inequality is not strict
        precision, recall = fidelity("prc").calculate_precision_recall_full(*tensors, neighborhood=k)
        near(values["precision"], precision, 1e-6)  # its mean is of float32
        near(values["recall"], recall, 1e-6)
    if len(real) == len(fake):
        kid = fidelity("kid")
        gram = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
        near(kernel(real, fake), kid.mmd2(gram(real, real), gram(real, fake), gram(fake, fake)), 1e-11)


def grid(z):
    return np.round(z * 256) / 256


def cases():
    rng = np.random.default_rng(8)
    yield "one distribution", rng.normal(size=(60, 4)), rng.normal(size=(60, 4)), False
    yield "shifted, sets of different size", rng.normal(size=(50, 6)), 0.6 + 0.8 * rng.normal(size=(35, 6)), False
    modes = rng.normal(size=(60, 3)) + np.repeat([[0, 0, 0], [9, 0, 0], [0, 9, 0]], 20, axis=0)
    yield "a mode dropped", modes, rng.normal(size=(40, 3)) + np.repeat([[0, 0, 0], [9, 0, 0]], 20, axis=0), False
    outlier = np.concatenate([rng.normal(size=(40, 2)), [[30, 30]]])
    yield "an outlier among the real", outlier, rng.normal(size=(45, 2)) * 12, False
    real = rng.normal(size=(40, 5))
    yield "copies of real images", real, np.concatenate([real[:20], rng.normal(size=(20, 5))]), True
    # Whole numbers: distances that are equal to radii, and images that are equal to one another.
    yield "a lattice", rng.integers(0, 5, (60, 3)) * 1.0, rng.integers(0, 4, (50, 3)) * 1.0, True
    yield "far from zero", 500 + rng.normal(size=(40, 3)), 500.5 + rng.normal(size=(40, 3)), False


sets = []
for name, real, fake, ties in cases():
    real, fake = grid(real), grid(fake)
    by_k = {}
    for k in (1, 3, 5):
        by_k[k] = neighbourhood(real, fake, k)
        check_prdc(real, fake, k, by_k[k])
        check_fidelity_sets(real, fake, k, by_k[k], ties)
    as_integers = lambda z: (z * 256).astype(int).ravel().tolist()
    sets.append(
        {
            "name": name,
            "length": real.shape[1],
            "real": as_integers(real),
            "synthetic": as_integers(fake),
            "kernel": kernel(real, fake),
            "byK": by_k,
        }
    )

rng = np.random.default_rng(9)
scores = []
for n, classes, scale in [(50, 7, 1), (23, 2, 3), (40, 10, 12)]:
    logits = np.round(rng.normal(size=(n, classes)) * scale * 64) / 64
    by_splits = {splits: inception_score(logits, splits) for splits in (1, 3, 10)}
    if args.torch_fidelity:
        import torch

        peer = fidelity("isc")
        for splits, value in by_splits.items():
            theirs = peer.isc_features_to_metric(torch.from_numpy(logits), splits, shuffle=False)
            near(value["mean"], theirs["inception_score_mean"])
            near(value["sd"], theirs["inception_score_std"])
    integers = (logits * 64).astype(int).ravel().tolist()
    scores.append({"classes": classes, "logits": integers, "bySplits": by_splits})

wide = []
for rows, columns, more in [(400, 90, 300), (120, 100, 400), (130, 150, 90)]:
    x, y = formula(rows, columns, 1), formula(more, columns, 2) * 0.75 + 8
    value = frechet(x, y)
    if args.torch_fidelity:
        moments = lambda z: {"mu": z.mean(0), "sigma": np.cov(z, rowvar=False)}
        theirs = fidelity("fid").fid_statistics_to_metric(moments(x), moments(y), verbose=False)
        near(value, theirs["frechet_inception_distance"], 1e-6)
    wide.append({"rows": rows, "more": more, "columns": columns, "frechet": value})

x = 1 / np.array([50, 75, 100, 125, 150, 200])
y = np.array([3.1, 2.7, 2.45, 2.4, 2.2, 2.15])
fit = stats.linregress(x, y)
half = stats.t.ppf(0.975, len(x) - 2) * fit.intercept_stderr
line = {"x": x.tolist(), "y": y.tolist(), "value": fit.intercept, "half": half, "slope": fit.slope}

json.dump({"sets": sets, "scores": scores, "wide": wide, "line": line}, sys.stdout, separators=(",", ":"))
print()
