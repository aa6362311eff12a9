"""Golden values for the scores of a classifier with several classes, from scikit-learn, scipy and numpy.

    /usr/bin/python3 test/goldens/classify/classes.py      writes test/goldens/classify/classes.json

Four classes of very different sizes, patients with one to four images, probabilities rounded so that some are equal.
Bootstrap replicates are scored through scikit-learn's `sample_weight`; the intervals are those of a bootstrap over patients
written out here with numpy's generator, each patient drawn among those that share its rarest class.
"""
import json
import os
import warnings

import numpy as np
import scipy
import sklearn
from scipy import optimize, special
from sklearn import metrics

warnings.filterwarnings("ignore")
rng = np.random.default_rng(2018)
CLASSES, K = ["melanoma", "nevus", "keratosis", "dermatofibroma"], 4
PREVALENCE = [0.15, 0.6, 0.2, 0.05]


def draw(patients, sharpness):
    truths, groups, logits = [], [], []
    for patient in range(patients):
        own = rng.choice(K, p=PREVALENCE)
        for _ in range(rng.integers(1, 5)):
            truth = own if rng.random() < 0.8 else rng.choice(K, p=PREVALENCE)
            truths.append(int(truth))
            groups.append(f"p{patient}")
            logits.append(sharpness * (rng.normal(size=K) + np.log(PREVALENCE) + 1.4 * np.eye(K)[truth]))
    p = special.softmax(np.array(logits), axis=1).round(3) + 1e-4
    return np.array(truths), np.array(groups), p / p.sum(1, keepdims=True)


def scores(truths, p, weights=None):
    called = p.argmax(1)
    w = dict(sample_weight=weights)
    labels = list(range(K))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truths, called, labels=labels, zero_division=0, **w)
    m = metrics.confusion_matrix(truths, called, labels=labels, **w)
    total, images, calls = m.sum(), m.sum(1), m.sum(0)
    left = total - images - calls + np.diag(m)
    auc = [metrics.roc_auc_score(truths == k, p[:, k], **w) for k in labels]
    ap = [metrics.average_precision_score(truths == k, p[:, k], **w) for k in labels]
    average = dict(labels=labels, zero_division=0, **w)
    return dict(
        overall=dict(
            macroAuc=np.mean(auc),
            weightedAuc=np.average(auc, weights=images),
            macroAveragePrecision=np.mean(ap),
            balancedAccuracy=metrics.balanced_accuracy_score(truths, called, **w),
            accuracy=metrics.accuracy_score(truths, called, **w),
            macroPrecision=metrics.precision_score(truths, called, average="macro", **average),
            macroF1=metrics.f1_score(truths, called, average="macro", **average),
            weightedF1=metrics.f1_score(truths, called, average="weighted", **average),
            logLoss=metrics.log_loss(truths, p, labels=labels, **w),
            brier=np.average(((p - np.eye(K)[truths]) ** 2).sum(1), weights=weights),
        ),
        byClass=[
            dict(auc=auc[k], averagePrecision=ap[k], sensitivity=recall[k], specificity=left[k] / (total - images[k]),
                 precision=precision[k], negativePredictiveValue=left[k] / (total - calls[k]), f1=f1[k])
            for k in labels
        ],
        confusion=m.tolist(),
    )


truths, groups, p = draw(260, 1.6)
weights = rng.integers(0, 4, len(truths)).astype(float)
plain = scores(truths, p)
# scikit-learn's own macro averages, of the whole set.
assert abs(plain["overall"]["macroAuc"] - metrics.roc_auc_score(truths, p, multi_class="ovr", average="macro")) < 1e-12
assert abs(plain["overall"]["weightedAuc"] - metrics.roc_auc_score(truths, p, multi_class="ovr", average="weighted")) < 1e-12

# Calibration of the class that is called: ten bins of equal width, which hold their upper bounds.
called, confidence = p.argmax(1), p.max(1)
bins = np.clip(np.ceil(confidence * 10 - 1e-12).astype(int) - 1, 0, 9)
ece = sum(abs(confidence[bins == b].mean() - (called == truths)[bins == b].mean()) * (bins == b).sum() for b in set(bins)) / len(p)

# Temperature on validation images.
v_truths, v_groups, v_p = draw(200, 1.6)


def loss(log_t):
    return metrics.log_loss(v_truths, special.softmax(np.log(v_p) / np.exp(log_t), axis=1), labels=list(range(K)))


t = np.exp(optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options=dict(xatol=1e-10)).x)

# Bootstrap over patients, each among those that share its rarest class.
counts = np.bincount(truths, minlength=K)
names = sorted(set(groups))
rarest = np.array([min(truths[groups == n], key=lambda k: counts[k]) for n in names])
member = np.array([groups == n for n in names]).astype(float)
drawn = []
for _ in range(4000):
    w = np.zeros(len(truths))
    for stratum in set(rarest):
        of = np.flatnonzero(rarest == stratum)
        w += member[rng.choice(of, len(of))].sum(0)
    m = metrics.confusion_matrix(truths, called, labels=list(range(K)), sample_weight=w)
    f1 = 2 * np.diag(m) / (m.sum(0) + m.sum(1))
    drawn.append([np.mean(np.diag(m) / m.sum(1)), f1.mean(), np.average(-np.log(p[np.arange(len(p)), truths]), weights=w)])
intervals = np.percentile(drawn, [2.5, 97.5], axis=0).T

# A subgroup: balanced accuracy over the classes with at least 10 patients inside and outside.
inside = np.array([int(g[1:]) % 3 == 0 for g in groups])
enough = [k for k in range(K) if min(len(set(groups[(truths == k) & side])) for side in (inside, ~inside)) >= 10]


def mean_recall(use):
    return metrics.recall_score(truths[use], called[use], labels=enough, average="macro")


golden = dict(
    made_with=dict(sklearn=sklearn.__version__, scipy=scipy.__version__, numpy=np.__version__),
    classes=CLASSES,
    truths=truths.tolist(),
    groups=groups.tolist(),
    probabilities=p.tolist(),
    weights=weights.tolist(),
    plain=plain,
    weighted=scores(truths, p, weights),
    calibration=dict(error=ece, bins=[[int((bins == b).sum()), confidence[bins == b].mean(), (called == truths)[bins == b].mean()] for b in sorted(set(bins))]),
    validation=dict(truths=v_truths.tolist(), groups=v_groups.tolist(), probabilities=v_p.tolist(),
                    temperature=t, lossBefore=loss(0), lossAfter=loss(np.log(t))),
    tempered=special.softmax(np.log(p) / t, axis=1)[:5].tolist(),
    bootstrap={name: dict(low=low, high=high) for name, (low, high) in zip(["balancedAccuracy", "macroF1", "logLoss"], intervals)},
    subgroup=dict(inside=inside.tolist(), judged=enough, own=mean_recall(inside), rest=mean_recall(~inside)),
)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "classes.json"), "w") as f:
    json.dump(golden, f, allow_nan=False, separators=(",", ":"))
    f.write("\n")
print(len(truths), counts, enough, t, intervals, plain["overall"])
