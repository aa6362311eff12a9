#!/usr/bin/python3
"""Golden values for the checks of memorisation, from numpy, scipy and scikit-learn alone.

Nearest neighbours: scipy's cdist over all pairs. Copy test: scipy's Mann-Whitney U within the cells of scikit-learn's
k-means, started at given centres. Authenticity: the definition of Alaa et al. 2022, loops over images. Matched share:
the cuts themselves, drawn 20,000 times, against the closed form in exact fractions. Exceedances: scipy's beta-binomial.
Membership: scikit-learn's AUC and ROC curve, DeLong's variance by its definition over all pairs.

Given the authors' sources it checks itself against them:
  --copying data_copying_tests.py of github.com/casey-meehan/data-copying (C_T must agree)
  --authenticity evaluation.py of github.com/vanderschaarlab/evaluating-generative-models (says how far its AuthPct is
    from the paper's definition: it takes the gap of another image)

Features are multiples of 1/256, which float32 holds exactly.

Run in this folder: /usr/bin/python3 privacy.py > privacy.json
"""
import argparse
import importlib.util
import json
import sys
from fractions import Fraction
from math import comb

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import betabinom, mannwhitneyu
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score

arguments = argparse.ArgumentParser()
arguments.add_argument("--copying")
arguments.add_argument("--authenticity")
arguments = arguments.parse_args()


def source(path):
    spec = importlib.util.spec_from_file_location("peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grid(z):
    return np.round(z * 256) / 256


def copy_test(train, held_out, synthetic, cells, minimum):
    scores, weights = [], []
    for cell in range(max(cells["train"]) + 1):
        t, p, q = (x[np.equal(c, cell)] for x, c in zip((train, held_out, synthetic), cells.values()))
        if len(t) == 0 or len(p) == 0 or len(q) <= minimum:
            scores.append(None)
            continue
        n, m = len(p), len(q)
        u = mannwhitneyu(cdist(q, t).min(1), cdist(p, t).min(1), alternative="less").statistic
        scores.append((u - n * m / 2 + 0.5) / np.sqrt(n * m * (n + m + 1) / 12))
        weights.append(n)
    used = [z for z in scores if z is not None]
    value = float(np.dot(weights, used) / sum(weights))
    return {"scores": scores, "value": value, "z": float(np.dot(weights, used) / np.sqrt(np.dot(weights, weights)))}


def authentic(train, images):
    flags = []
    for y in images:
        to_train = [np.sqrt(((y - x) ** 2).sum()) for x in train]
        i = int(np.argmin(to_train))
        gap = min(np.sqrt(((train[i] - train[k]) ** 2).sum()) for k in range(len(train)) if k != i)
        flags.append(int(to_train[i] > gap))
    return flags


def matched_share(train, held_out, synthetic, rng):
    """The mean over cuts in exact fractions, checked against cuts that are drawn."""
    to_train, to_held = cdist(synthetic, train), cdist(synthetic, held_out)
    t, h = len(train), len(held_out)
    total = Fraction(0)
    for a, b in zip(to_train, to_held):
        if t >= h:
            r = int((a < b.min()).sum())
            total += 1 - Fraction(comb(t - r, h), comb(t, h))
        else:
            r = int((b < a.min()).sum())
            total += Fraction(comb(h - r, t), comb(h, t))
    share = float(total / len(synthetic))
    drawn = []
    for _ in range(20000):
        i = rng.choice(t, min(t, h), replace=False)
        j = rng.choice(h, min(t, h), replace=False)
        drawn.append((to_train[:, i].min(1) < to_held[:, j].min(1)).mean())
    assert abs(np.mean(drawn) - share) < 5 * np.std(drawn) / np.sqrt(len(drawn)) + 1e-12, (np.mean(drawn), share)
    return share


def delong_variance(members, others):
    wins = (members[:, None] > others[None]) + 0.5 * (members[:, None] == others[None])
    return float(wins.mean(1).var(ddof=1) / len(members) + wins.mean(0).var(ddof=1) / len(others))


def true_positive_rate(members, others, rate):
    """The best of all thresholds that keep to the rate."""
    best = 0.0
    for threshold in np.concatenate([members, others]):
        if (others >= threshold).mean() <= rate:
            best = max(best, float((members >= threshold).mean()))
    return best


def cases():
    rng = np.random.default_rng(7)
    draw = lambda n, d: rng.normal(size=(n, d))
    train = draw(60, 4)
    yield "new draws", train, draw(45, 4), draw(90, 4)
    train = draw(50, 5)
    copies = train[rng.integers(0, 50, 40)] + 0.05 * draw(40, 5)
    yield "copies with noise", train, draw(40, 5), np.concatenate([copies, draw(50, 5)])
    yield "further away", draw(50, 3), draw(70, 3), 1.5 * draw(90, 3) + 0.5
    clusters = lambda n, shares: np.array([[6, 0], [-6, 0], [0, 9]])[rng.choice(3, n, p=shares)] + draw(n, 2)
    yield "cells of unequal size", clusters(80, [0.4, 0.3, 0.3]), clusters(60, [0.5, 0.2, 0.3]), clusters(
        100, [0.6, 0.32, 0.08]
    )
    train = draw(40, 6)
    yield "exact copies: ties", train, draw(40, 6), np.concatenate([train[:30], train[:20], draw(30, 6)])


sets = []
for name, train, held_out, synthetic in cases():
    train, held_out, synthetic = grid(train), grid(held_out), grid(synthetic)
    initial = train[:3]
    partition = KMeans(n_clusters=3, init=initial, n_init=1, max_iter=300, tol=0, algorithm="lloyd").fit(train)
    cells = {
        "train": partition.labels_.tolist(),
        "heldOut": partition.predict(held_out).tolist(),
        "synthetic": partition.predict(synthetic).tolist(),
    }
    assert np.array_equal(partition.predict(train), partition.labels_)
    test = copy_test(train, held_out, synthetic, cells, 20)
    flags = authentic(train, synthetic)
    if arguments.copying:
        labels = [np.array(cells[s]) for s in ("train", "heldOut", "synthetic")]
        peer = source(arguments.copying).C_T(
            held_out, labels[1], synthetic, labels[2], train, labels[0], tau=20 / len(synthetic)
        )
        assert abs(peer - test["value"]) < 1e-9, (peer, test["value"])
    if arguments.authenticity:
        both = np.concatenate([train, held_out])
        few = synthetic[: len(train)]
        peer = source(arguments.authenticity).compute_alpha_precision(both, few, train.mean(0))[-1]
        print(f"{name}: repository {peer:.3f}, definition {np.mean(authentic(both, few)):.3f}", file=sys.stderr)
    members, others = -cdist(train, synthetic).min(1), -cdist(held_out, synthetic).min(1)
    labels = np.r_[np.ones(len(members)), np.zeros(len(others))]
    as_integers = lambda z: (z * 256).astype(int).ravel().tolist()
    sets.append(
        {
            "name": name,
            "length": train.shape[1],
            "train": as_integers(train),
            "heldOut": as_integers(held_out),
            "synthetic": as_integers(synthetic),
            "syntheticToTrain": cdist(synthetic, train).min(1).tolist(),
            "syntheticToHeldOut": cdist(synthetic, held_out).min(1).tolist(),
            "heldOutToTrain": cdist(held_out, train).min(1).tolist(),
            "medians": [float(np.median(cdist(synthetic, s).min(1))) for s in (train, held_out)],
            "low": float(np.quantile(cdist(synthetic, train).min(1), 0.05)),
            "cells": cells,
            "inertia": round(float(partition.inertia_), 9),  # its last digits are the threads'
            "copyTest": test,
            "authentic": flags,
            "heldOutAuthentic": float(np.mean(authentic(train, held_out))),
            "matchedShare": matched_share(train, held_out, synthetic, np.random.default_rng(1)),
            "matchedShareSwapped": matched_share(held_out, train, synthetic, np.random.default_rng(2)),
            "auc": float(roc_auc_score(labels, np.r_[members, others])),
            "aucVariance": delong_variance(members, others),
            "truePositiveRates": [true_positive_rate(members, others, rate) for rate in (0.05, 0.1)],
        }
    )

# Of m new values, how many fall below the r-th smallest of n: beta-binomial with a = r, b = n + 1 - r.
exceedances = []
for draws, reference, rank, count in [(1000, 61, 3, 120), (50, 10, 1, 0), (50, 10, 1, 9), (283, 61, 4, 40), (5, 4, 4, 5)]:
    law = betabinom(draws, rank, reference + 1 - rank)
    exceedances.append(
        {
            "draws": draws,
            "reference": reference,
            "rank": rank,
            "count": count,
            "mean": float(law.mean()),
            "tail": float(law.sf(count - 1)),
            "limits": [[alpha, int(law.ppf(1 - alpha))] for alpha in (0.005, 0.05)],
        }
    )

json.dump({"sets": sets, "exceedances": exceedances}, sys.stdout, separators=(",", ":"))
print()
