"""Golden values for tables of scores, from numpy, scipy, scikit-learn and pandas.

    python3 test/goldens/verdict-table/make.py      writes scores.csv, aucs.csv and expected.json beside itself

The scores are made up (binormal, with what all classifiers see in an image). What is expected of them comes from the
written table alone, by other people's code.
"""
import json
import os

import numpy as np
import pandas as pd
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(41)
shift = {"real": 1.2, "real+oversampling": 1.3, "real+synthetic": 1.5}


def rows():
    for fold in (1, 2):
        for split, images in (("val", 24), ("test", 40)):
            labels = (np.arange(images) % 3 == 0).astype(int)
            seen = rng.normal(size=images)
            for arm, effect in shift.items():
                for seed in (7, 11):
                    own = effect + 0.1 * rng.normal()
                    logit = own * labels + seen + 0.5 * rng.normal(size=images) - 0.7
                    # Two digits: some scores are tied.
                    for i, score in enumerate(np.round(1 / (1 + np.exp(-logit)), 2)):
                        yield arm, fold, seed, split, f"{split}{fold}-{i:02d}", f"p{split}{fold}-{i // 2:02d}", labels[i], score


table = pd.DataFrame(list(rows()), columns=["arm", "fold", "seed", "split", "image", "group", "label", "score"])
table.sample(frac=1, random_state=1).to_csv(os.path.join(here, "scores.csv"), index=False)
table = pd.read_csv(os.path.join(here, "scores.csv"))


def youden(labels, scores):
    """The highest threshold among the scores with the largest sensitivity + specificity."""
    labels, scores = np.asarray(labels), np.asarray(scores)
    best, chosen = -np.inf, None
    for threshold in sorted(set(scores), reverse=True):
        called = scores >= threshold
        value = called[labels == 1].mean() + (~called)[labels == 0].mean()
        if value > best + 1e-12:
            best, chosen = value, threshold
    return chosen


runs = []
for (arm, fold, seed), own in table.groupby(["arm", "fold", "seed"]):
    val, test = own[own.split == "val"], own[own.split == "test"]
    threshold = youden(val.label, val.score)
    called = (test.score >= threshold).to_numpy()
    labels = test.label.to_numpy()
    runs.append(
        {
            "arm": arm,
            "fold": int(fold),
            "seed": int(seed),
            "auc": metrics.roc_auc_score(labels, test.score),
            "validationAuc": metrics.roc_auc_score(val.label, val.score),
            "threshold": float(threshold),
            "averagePrecision": metrics.average_precision_score(labels, test.score),
            "brier": metrics.brier_score_loss(labels, test.score),
            "logLoss": metrics.log_loss(labels, np.clip(test.score, 1e-15, 1 - 1e-15)),
            "sensitivity": float(called[labels == 1].mean()),
            "specificity": float((~called)[labels == 0].mean()),
        }
    )
frame = pd.DataFrame(runs)
paired = frame.pivot(index=["fold", "seed"], columns="arm", values="auc")

# A published table: an AUC a fold and seed, two arms beside the baseline.
folds, seeds = 5, 2
aucs = pd.DataFrame(
    [
        (arm, fold, seed, round(0.78 + 0.01 * fold + gain + 0.012 * rng.normal(), 3), 30, 170, 800)
        for arm, gain in (("real", 0), ("real+gan", 0.02), ("real+flow", 0.01))
        for fold in range(1, folds + 1)
        for seed in range(seeds)
    ],
    columns=["arm", "fold", "seed", "auc", "positives", "negatives", "train"],
)
aucs.to_csv(os.path.join(here, "aucs.csv"), index=False)
wide = aucs.pivot(index=["fold", "seed"], columns="arm", values="auc")


def resampled(arm):
    """Nadeau & Bengio 2003: variance of the mean (1/k + test/train) S^2."""
    difference = (wide[arm] - wide["real"]).groupby("fold").mean().to_numpy()
    k, ratio = len(difference), 200 / 800
    error = difference.std(ddof=1) * np.sqrt(1 / k + ratio)
    low, high = stats.t.interval(0.95, k - 1, loc=difference.mean(), scale=error)
    plain = stats.ttest_1samp(difference, 0)
    ordinary = plain.confidence_interval(0.95)
    return {
        "mean": difference.mean(),
        "low": low,
        "high": high,
        "p": 2 * stats.t.sf(abs(difference.mean() / error), k - 1),
        "plain": {"low": ordinary.low, "high": ordinary.high, "p": plain.pvalue},
    }


expected = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "pandas": pd.__version__},
    "runs": runs,
    "differences": {
        other: (paired["real+synthetic"] - paired[other]).groupby("fold").mean().tolist() for other in ("real", "real+oversampling")
    },
    "aucs": {arm: resampled(arm) for arm in ("real+gan", "real+flow")},
}
with open(os.path.join(here, "expected.json"), "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
