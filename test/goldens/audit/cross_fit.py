"""Golden values for src/stats/cross-fit.ts, from scikit-learn and from all pairs in numpy.

    /usr/bin/python3 test/goldens/audit/cross_fit.py      writes test/goldens/audit/cross_fit.json

Nothing here shares an algorithm with the TypeScript: the ridge is scikit-learn's on one-hot columns, fitted fold by
fold on single images; AUCs are scikit-learn's, averaged with the folds' pairs as weights; the influence of a group is
found by weighting it up a little and looking how far the AUC moves (a numerical derivative).
"""
import json
import os

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder

rng = np.random.default_rng(20261)
SHRINKAGE = 10.0


def scores_of(features, labels, folds):
    columns = OneHotEncoder(categories=[range(f.max() + 1) for f in features]).fit_transform(
        np.stack(features, 1)).toarray()
    scores = np.zeros(len(labels))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        model = Ridge(alpha=SHRINKAGE, fit_intercept=False, solver="cholesky")
        model.fit(columns[train], labels[train] - labels[train].mean())
        scores[test] = model.predict(columns[test])
    return scores


def fold_auc(labels, scores, folds, weights=None):
    """Share of ordered pairs within folds; with weights a pair counts the product of its images' weights."""
    weights = np.ones(len(labels)) if weights is None else weights
    total = pairs = 0.0
    for fold in np.unique(folds):
        p, n = (folds == fold) & (labels == 1), (folds == fold) & (labels == 0)
        if not p.any() or not n.any():
            continue
        w = weights[p].sum() * weights[n].sum()
        both = p | n
        total += w * roc_auc_score(labels[both], scores[both], sample_weight=weights[both])
        pairs += w
    return total / pairs


def case(name, n, sizes, rate, groups=None, fold_count=5, tilt=0.0):
    features = [rng.integers(0, size, n) for size in sizes]
    logit = np.log(rate / (1 - rate)) + tilt * sum((f - f.mean()) / f.std() for f in features)
    labels = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    groups = np.arange(n) if groups is None else np.sort(rng.integers(0, groups, n))
    folds = (groups * 7919) % fold_count
    scores = scores_of(features, labels, folds)
    # Equal up to rounding is equal: linear algebra on single images leaves noise in the last digits.
    scores = np.round(scores, 10)
    auc = fold_auc(labels, scores, folds)
    step, influence = 1e-4, []
    for group in np.unique(groups):
        moved = [fold_auc(labels, scores, folds, np.where(groups == group, 1 + s, 1.0)) for s in (step, -step)]
        influence.append((moved[0] - moved[1]) / (2 * step))
    return {"name": name, "features": [f.tolist() for f in features], "labels": labels.tolist(),
            "groups": groups.tolist(), "folds": folds.tolist(), "auc": auc,
            "groupInfluence": [float(f"{v:.6e}") for v in influence]}


cases = [
    case("one feature, no relation", 120, [6], 0.3),
    case("one feature, a relation", 150, [8], 0.25, tilt=0.8),
    case("three features", 160, [3, 7, 2], 0.4, tilt=0.5),
    case("groups, many levels, folds without a positive", 120, [25, 4], 0.06, groups=40, fold_count=10, tilt=0.3),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cross_fit.json")
with open(path, "w") as file:
    json.dump({"shrinkage": SHRINKAGE, "cases": cases}, file, separators=(",", ":"))
print({c["name"]: c["auc"] for c in cases}, os.path.getsize(path))
