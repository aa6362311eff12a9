"""Golden values for src/classify/probe/: scikit-learn's LogisticRegression and KNeighborsClassifier.

    python3 test/goldens/probe/probe.py  [scikit-learn 1.9]   writes probe.json beside this file

Fits run until the gradient of the objective, written out here, is below 1e-10 · C · sum of weights: L-BFGS first, as users
have it, then Newton's method from there (L-BFGS stops where its objective no longer changes in the last digits).
"""
import json
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(2026)
ROWS, WIDTH, QUERIES = 200, 20, 12


def whole(values):
    """Whole numbers over 64: JSON and float32 hold them exactly."""
    return np.round(values * 64).astype(int)


def features(rows):
    mix = np.random.default_rng(5).normal(size=(WIDTH, WIDTH))
    x = rng.normal(size=(rows, WIDTH)) @ mix / 4 * np.geomspace(0.2, 5, WIDTH) + 1
    x[:, 3] = 2.5  # constant
    x[:, 7] = x[:, 6]  # twice the same
    return whole(x)


def gradient(model, x, y, weights, C):
    w = model.coef_
    z = x @ w.T + model.intercept_
    if len(w) == 1:
        residual = (expit(z[:, 0]) - y)[:, None]
    else:
        residual = softmax(z, axis=1) - np.eye(len(w))[y]
    residual = residual * weights[:, None]
    return max(np.abs(C * residual.T @ x + w).max(), np.abs(C * residual.sum(0)).max())


def fit(name, x, y, queries, C=1.0, class_weight=None, sample_weight=None, standardise=False):
    given = np.ones(len(y)) if sample_weight is None else np.array(sample_weight, float)
    x, queries = x / 64, queries / 64
    scaler = StandardScaler(with_mean=standardise, with_std=standardise).fit(x, sample_weight=given)
    raw_x, x, q = x, scaler.transform(x), scaler.transform(queries)
    mapping = class_weight
    if isinstance(class_weight, list):
        mapping = dict(enumerate(class_weight))
    model = LogisticRegression(C=C, class_weight=mapping, solver="lbfgs", tol=1e-12, max_iter=100_000)
    model.fit(x, y, sample_weight=given)
    loose = model.coef_.copy()
    model.set_params(solver="newton-cholesky", warm_start=True, max_iter=1000)
    model.fit(x, y, sample_weight=given)
    weights = given.copy()
    if class_weight == "balanced":
        sums = np.bincount(y, weights=given)
        weights *= (given.sum() / (len(sums) * sums))[y]
    elif class_weight is not None:
        weights *= np.array(class_weight)[y]
    left = gradient(model, x, y, weights, C) / (C * weights.sum())
    print(f"{name}: gradient {left:.1e}, Newton's method moved {np.abs(model.coef_ - loose).max():.1e}")
    assert left < 1e-10, name
    coefficients, intercept = model.coef_, model.intercept_
    if standardise:
        coefficients = coefficients / scaler.scale_
        intercept = intercept - coefficients @ scaler.mean_
    assert np.allclose(raw_x @ coefficients.T + intercept, x @ model.coef_.T + model.intercept_)
    probabilities = model.predict_proba(q)
    return {
        "name": name,
        "strength": C,
        "classWeights": class_weight or "none",
        "sampleWeights": sample_weight,
        "standardise": standardise,
        "weights": coefficients.ravel().tolist(),
        "bias": (intercept - (intercept.mean() if len(intercept) > 1 else 0)).tolist(),
        "probabilities": probabilities.ravel().tolist(),
    }


def problem(classes):
    x, queries = features(ROWS), features(QUERIES)
    w = rng.normal(size=(WIDTH, classes)) / 3
    y = np.argmax(x / 64 @ w + rng.gumbel(size=(ROWS, classes)) * 2, axis=1)
    if classes == 2:
        y = np.where(rng.random(ROWS) < 0.4, 0, y)
    weights = rng.integers(0, 4, ROWS).tolist()
    uneven = np.round(np.geomspace(0.5, 3, classes), 3).tolist()
    cases = [fit(f"C = {C:g}", x, y, queries, C=C) for C in (1e-3, 1e-1, 1.0, 100.0)]
    cases += [
        fit("balanced", x, y, queries, C=0.5, class_weight="balanced"),
        fit("uneven class weights", x, y, queries, C=0.5, class_weight=uneven),
        fit("sample weights", x, y, queries, C=0.5, sample_weight=weights),
        fit("sample weights, balanced", x, y, queries, C=0.5, sample_weight=weights, class_weight="balanced"),
        fit("standardised", x, y, queries, C=0.2, standardise=True, class_weight="balanced"),
        fit("standardised, sample weights", x, y, queries, C=0.2, standardise=True, sample_weight=weights),
    ]
    apart = np.argsort(np.argsort(x[:, -1])) * classes // ROWS  # a column alone tells the classes
    cases.append({**fit("separable", x, apart, queries, C=10.0), "targets": apart.tolist()})
    return {
        "classes": classes,
        "width": WIDTH,
        "features": x.ravel().tolist(),
        "targets": y.tolist(),
        "queries": queries.ravel().tolist(),
        "cases": cases,
    }


def neighbours():
    x, queries = features(60), features(QUERIES)
    y = rng.integers(0, 3, 60)
    shares = {}
    for k in (1, 5, 20):
        model = KNeighborsClassifier(k, metric="cosine", algorithm="brute").fit(x / 64, y)
        shares[k] = model.predict_proba(queries / 64).ravel().tolist()
    # DINO's vote (Caron et al. 2021, eval_knn.py): exp(similarity / 0.07) of each of the nearest.
    unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)  # noqa: E731
    similarity = unit(queries / 64) @ unit(x / 64).T
    voted = []
    for row in similarity:
        nearest = np.argsort(-row)[:20]
        votes = np.bincount(y[nearest], weights=np.exp(row[nearest] / 0.07), minlength=3)
        voted += (votes / votes.sum()).tolist()
    return {
        "width": WIDTH,
        "features": x.ravel().tolist(),
        "targets": y.tolist(),
        "queries": queries.ravel().tolist(),
        "uniform": shares,
        "similarity": voted,
    }


golden = {"binary": problem(2), "several": problem(4), "neighbours": neighbours()}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
