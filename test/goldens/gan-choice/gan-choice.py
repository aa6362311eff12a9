"""Golden values for src/gan/choice/: scikit-learn"s logistic regression, and distances by numpy loops.

python3 test/goldens/gan-choice/gan-choice.py  writes gan-choice.json beside this file.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(7)


def whole(values):
    """Whole numbers over 256: float32 and JSON hold them exactly."""
    return np.round(values * 256).astype(int)


def probe(name, n, length, positives, shift):
    targets = np.zeros(n, int)
    targets[rng.permutation(n)[:positives]] = 1
    x = whole(rng.normal(size=(n, length)) * np.linspace(0.5, 3, length) + shift * targets[:, None])
    queries = whole(rng.normal(size=(12, length)) * 2)
    scaler = StandardScaler().fit(x / 256)
    model = LogisticRegression(C=1, class_weight="balanced", solver="newton-cg", tol=1e-7)
    model.fit(scaler.transform(x / 256), targets)
    return {
        "name": name,
        "length": length,
        "features": x.flatten().tolist(),
        "targets": targets.tolist(),
        "queries": queries.flatten().tolist(),
        "weights": model.coef_[0].tolist(),
        "intercept": float(model.intercept_[0]),
        "probabilities": model.predict_proba(scaler.transform(queries / 256))[:, 1].tolist(),
    }


def nearness():
    n, length = 40, 4
    train = whole(rng.normal(size=(n, length)))
    groups = [f"g{i // 2}" for i in range(n)]
    train[1] = train[0] + 1  # two images of one group, which are no scale
    queries = whole(rng.normal(size=(9, length)))
    queries[0] = train[11]
    x, q = train / 256, queries / 256
    other = sorted(
        min(np.sqrt(((x[i] - x[j]) ** 2).sum()) for j in range(n) if groups[j] != groups[i]) for i in range(n)
    )
    table = np.array([[np.sqrt(((a - b) ** 2).sum()) for b in x] for a in q])
    return {
        "length": length,
        "train": train.flatten().tolist(),
        "groups": groups,
        "queries": queries.flatten().tolist(),
        "thresholds": {str(k): float(other[max(1, int(np.floor(k * (n + 1) + 0.5))) - 1]) for k in (0.01, 0.1, 0.5)},
        "distances": table.min(1).tolist(),
        "images": table.argmin(1).tolist(),
    }


golden = {
    "probes": [probe("rare", 60, 5, 9, 0.6), probe("separable", 30, 3, 15, 12.0), probe("wide", 20, 40, 8, 0.3)],
    "nearness": nearness(),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
