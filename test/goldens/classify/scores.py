"""Golden values for the classifier's scores, from scikit-learn and scipy, and pROC's published example.

    /usr/bin/python3 test/goldens/classify/scores.py [aSAH.RData]      writes test/goldens/classify/scores.json

Nothing here shares code with the TypeScript: scores and curves are scikit-learn's (bootstrap replicates by its
`sample_weight`), temperatures scipy's bounded minimiser on scikit-learn's log loss, Wilson's interval scipy's, the
difference of two AUCs over clustered patients is written out over all pairs.

pROC's example (Robin et al., BMC Bioinformatics 2011) is the data set aSAH (Turck et al., Intensive Care Med. 2010),
which comes with that package as data/aSAH.RData: give its path. Only labels and ranks of its marker are kept, which is all
that an AUC depends on; without the path those of the present file stay.
"""
import gzip
import json
import os
import struct
import sys

import numpy as np
import scipy
import sklearn
from scipy import optimize, special, stats
from sklearn import calibration, metrics

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scores.json")
rng = np.random.default_rng(612)


def read_rdata(path):
    """A data frame from R's serialisation, format RDX2 in XDR (R Internals, section 1.8): {column: values}."""
    data = gzip.open(path).read()
    assert data[:7] == b"RDX2\nX\n", "not an RData file of version 2"
    place = [7 + 12]
    references = []

    def integer():
        place[0] += 4
        return struct.unpack(">i", data[place[0] - 4:place[0]])[0]

    def vector(code, size):
        n = integer()
        place[0] += n * size
        return list(struct.unpack(f">{n}{code}", data[place[0] - n * size:place[0]]))

    def item():
        flags = integer()
        kind, has_attributes, has_tag = flags & 255, flags & 512, flags & 1024
        if kind == 254:
            return None
        if kind == 255:
            return references[(flags >> 8) - 1]
        if kind == 1:
            references.append(item())
            return references[-1]
        if kind == 2:
            attributes = item() if has_attributes else None
            tag = item() if has_tag else None
            value = item()
            return [(tag, value)] + (item() or [])
        if kind == 9:
            n = integer()
            if n < 0:
                return None
            place[0] += n
            return data[place[0] - n:place[0]].decode()
        if kind in (10, 13):
            value = vector("i", 4)
        elif kind == 14:
            value = vector("d", 8)
        elif kind in (16, 19):
            value = [item() for _ in range(integer())]
        else:
            raise ValueError(f"type {kind}")
        if has_attributes:
            attributes = dict(item())
            if "levels" in attributes:
                value = [attributes["levels"][v - 1] for v in value]
            elif "names" in attributes and kind == 19:
                value = dict(zip(attributes["names"], value))
        return value

    return item()[0][1]


def sample(n, prevalence, shift, decimals, sharpness=1.0):
    labels = (rng.random(n) < prevalence).astype(int)
    labels[:2] = 0, 1
    logits = sharpness * (shift * (labels - 0.5) + rng.normal(size=n) + special.logit(prevalence))
    return labels, special.expit(logits).round(decimals)


def at_rate(rates, others, at):
    return float(max(o for r, o in zip(rates, others) if r >= at - 1e-12))


def scores(labels, p, threshold, weights=None):
    called = (p >= threshold).astype(int)
    w = dict(sample_weight=weights)
    fpr, tpr, _ = metrics.roc_curve(labels, p, drop_intermediate=False, **w)
    return dict(
        auc=metrics.roc_auc_score(labels, p, **w),
        averagePrecision=metrics.average_precision_score(labels, p, **w),
        accuracy=metrics.accuracy_score(labels, called, **w),
        balancedAccuracy=metrics.balanced_accuracy_score(labels, called, **w),
        sensitivity=metrics.recall_score(labels, called, **w),
        specificity=metrics.recall_score(labels, called, pos_label=0, **w),
        precision=metrics.precision_score(labels, called, **w),
        negativePredictiveValue=metrics.precision_score(labels, called, pos_label=0, **w),
        f1=metrics.f1_score(labels, called, **w),
        brier=metrics.brier_score_loss(labels, p, **w),
        logLoss=metrics.log_loss(labels, p, **w),
        sensitivityAt90Specificity=at_rate(1 - fpr, tpr, 0.9),
        sensitivityAt95Specificity=at_rate(1 - fpr, tpr, 0.95),
        specificityAt90Sensitivity=at_rate(tpr, 1 - fpr, 0.9),
        specificityAt95Sensitivity=at_rate(tpr, 1 - fpr, 0.95),
    )


def kernel(positive, negative):
    d = positive[:, None] - negative[None, :]
    return (d > 0) + 0.5 * (d == 0)


def subgroup_difference(labels, p, inside, groups):
    """Influence of each cluster on both AUCs, over all pairs; variances after Obuchowski 1997."""
    names = sorted(set(groups[i] for i in range(len(labels)) if inside[i] is not None))
    out = []
    for flag in (True, False):
        use = np.array([v is flag for v in inside])
        y, s, g = labels[use], p[use], groups[use]
        k = kernel(s[y == 1], s[y == 0])
        area = k.mean()
        component = np.empty(len(y))
        component[y == 1] = (k.mean(1) - area) / (y == 1).sum()
        component[y == 0] = (k.mean(0) - area) / (y == 0).sum()
        pos = np.array([component[(g == n) & (y == 1)].sum() for n in names])
        neg = np.array([component[(g == n) & (y == 0)].sum() for n in names])
        i10, i01, i = len(set(g[y == 1])), len(set(g[y == 0])), len(set(g))
        variance = (pos @ pos) * i10 / (i10 - 1) + (neg @ neg) * i01 / (i01 - 1) + 2 * (pos @ neg) * i / (i - 1)
        out.append((area, variance, pos + neg))
    (a1, v1, d1), (a2, v2, d2) = out
    covariance = (d1 @ d2) * len(names) / (len(names) - 1)
    se = np.sqrt(v1 + v2 - 2 * covariance)
    difference = a1 - a2
    return dict(difference=difference, standardError=se, independentError=np.sqrt(v1 + v2),
                low=difference - stats.norm.ppf(0.975) * se, high=difference + stats.norm.ppf(0.975) * se,
                p=2 * stats.norm.sf(abs(difference) / se))


golden = {"made_with": {"sklearn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}}

cases = []
for n, prevalence, decimals, threshold in ((150, 0.3, 6, 0.35), (120, 0.1, 2, 0.12), (90, 0.5, 1, 0.5)):
    labels, p = sample(n, prevalence, 1.5, decimals)
    weights = rng.integers(0, 4, n)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, p)
    bins = []
    for count in (5, 10):
        observed, mean = calibration.calibration_curve(labels, p, n_bins=count)
        index = np.searchsorted(np.linspace(0, 1, count + 1)[1:-1], p, side="left")
        size = np.bincount(index, minlength=count)
        size = size[size > 0]
        bins.append(dict(bins=count, observed=observed.tolist(), mean=mean.tolist(), images=size.tolist(),
                         error=float((size / n * abs(observed - mean)).sum())))
    cases.append(dict(labels=labels.tolist(), probabilities=p.tolist(), threshold=threshold, weights=weights.tolist(),
                      scores=scores(labels, p, threshold), weighted=scores(labels, p, threshold, weights),
                      curve=dict(precision=precision.tolist(), recall=recall.tolist(), thresholds=thresholds.tolist()),
                      calibration=bins))
golden["scores"] = cases

# Temperature
cases = []
for sharpness in (0.4, 1.0, 3.0):
    labels, p = sample(200, 0.3, 1.5, 9, sharpness)
    logits = special.logit(p)
    loss = lambda t: metrics.log_loss(labels, special.expit(logits / np.exp(t)))
    best = optimize.minimize_scalar(loss, bounds=(-6, 6), method="bounded", options=dict(xatol=1e-10))
    cases.append(dict(labels=labels.tolist(), probabilities=p.tolist(), temperature=float(np.exp(best.x)),
                      lossBefore=loss(0), lossAfter=float(best.fun)))
golden["temperature"] = cases

# Wilson's interval
golden["wilson"] = []
for k, n in ((0, 7), (1, 9), (12, 40), (40, 40)):
    ci = stats.binomtest(k, n).proportion_ci(method="wilson")
    golden["wilson"].append(dict(hits=k, images=n, low=ci.low, high=ci.high))

# Subgroups: patients on both sides, some images on neither
labels, p = sample(200, 0.35, 1.2, 3)
groups = np.array([f"p{g}" for g in rng.integers(0, 70, 200)])
inside = [None if u < 0.1 else bool(u < 0.5) for u in rng.random(200)]
golden["subgroup"] = dict(labels=labels.tolist(), probabilities=p.tolist(), groups=groups.tolist(), inside=inside,
                          **{k: float(v) for k, v in subgroup_difference(labels, p, inside, groups).items()})

# Rank correlation, with ties
a, b = rng.normal(size=40).round(1), rng.normal(size=40).round(1)
b = (0.5 * a + b).round(1)
golden["spearman"] = dict(a=a.tolist(), b=b.tolist(), value=float(stats.spearmanr(a, b).correlation))

# pROC's example
if len(sys.argv) > 1:
    table = read_rdata(sys.argv[1])
    labels = [int(v == "Poor") for v in table["outcome"]]
    golden["asah"] = dict(labels=labels, ranks=stats.rankdata(table["s100b"]).tolist(),
                          published=dict(auc=0.7314, low=0.6301, high=0.8326))
    assert abs(metrics.roc_auc_score(labels, table["s100b"]) - 0.7314) < 5e-5
else:
    golden["asah"] = json.load(open(PATH))["asah"]

with open(PATH, "w") as f:
    json.dump(golden, f, allow_nan=False, separators=(",", ":"), default=float)
    f.write("\n")
