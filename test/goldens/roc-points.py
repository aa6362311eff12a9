"""Golden values for the operating points of src/stats/roc.ts, from scikit-learn.

    python3 test/goldens/roc-points.py      writes test/goldens/roc-points.json

roc_curve with drop_intermediate=False: every distinct score is a point, also those on the straight line between their
neighbours, which a drawn curve does without and an operating point does not.
"""
import json
import os

import numpy as np
import sklearn
from sklearn.metrics import roc_curve

rng = np.random.default_rng(20261)


def case(name, labels, scores):
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=float)
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    at = {}
    for rate in (0.5, 0.8, 0.9, 0.95, 0.99):
        # The highest sensitivity with this specificity, and the highest threshold with this sensitivity.
        at[str(rate)] = dict(
            sensitivity=float(tpr[1 - fpr >= rate - 1e-12].max()),
            threshold=float(thresholds[np.argmax(tpr >= rate)]),
        )
    return dict(name=name, labels=labels.tolist(), scores=scores.tolist(), fpr=fpr.tolist(), tpr=tpr.tolist(),
                thresholds=thresholds[1:].tolist(), at=at)


even = [1 - i / 20 for i in range(20)]
cases = [
    case("both classes alike", [0] * 20 + [1] * 20, even * 2),
    case("all scores equal", [0, 0, 1, 1, 1], [0.5] * 5),
    case("told apart", [0] * 6 + [1] * 6, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.7, 0.7, 0.8, 0.8, 0.9, 0.9]),
    case("two straight runs", [1, 1, 1, 0, 1, 0, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.6, 0.5, 0.5, 0.4, 0.3, 0.2]),
    case("ties", rng.integers(0, 2, 80), np.round(rng.random(80) * 8) / 8),
    case("no ties", rng.integers(0, 2, 60), rng.random(60)),
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "roc-points.json"), "w") as file:
    json.dump(dict(sklearn=sklearn.__version__, cases=cases), file)
    file.write("\n")
