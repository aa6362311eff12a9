"""Golden values for src/stats/recalibration.ts and src/stats/decision-curve.ts.

    python3 test/goldens/recalibration.py      writes test/goldens/recalibration.json

Slope and intercept: statsmodels' GLM (binomial) on the logits, with cluster-robust standard errors whose only small-sample
factor is G / (G - 1). Net benefit: from scikit-learn's confusion matrix at each threshold.
"""
import json
import os

import numpy as np
import sklearn
import statsmodels
import statsmodels.api as sm
from sklearn.metrics import confusion_matrix

rng = np.random.default_rng(20266)


def clustered(model, groups):
    fit = model.fit(cov_type="cluster", cov_kwds=dict(groups=groups, use_correction=False), tol=1e-12, maxiter=200)
    count = len(np.unique(groups))
    return fit.params, np.sqrt(np.diag(fit.cov_params()) * count / (count - 1))


def case(name, n, slope, shift, prevalence, per_group):
    labels = (rng.random(n) < prevalence).astype(int)
    logit = np.round(slope * (1.6 * labels + rng.normal(size=n) - 0.8) + shift, 4)
    probabilities = np.round(1 / (1 + np.exp(-logit)), 6)
    groups = np.arange(n) // per_group
    x = np.log(probabilities / (1 - probabilities))
    line, line_se = clustered(sm.GLM(labels, sm.add_constant(x), family=sm.families.Binomial()), groups)
    large, large_se = clustered(
        sm.GLM(labels, np.ones((n, 1)), family=sm.families.Binomial(), offset=x), groups)
    benefit = []
    for threshold in (0.02, 0.1, 0.25, 0.5, 0.8):
        tn, fp, fn, tp = confusion_matrix(labels, (probabilities >= threshold).astype(int), labels=[0, 1]).ravel()
        everyone = labels.mean() - (1 - labels.mean()) * threshold / (1 - threshold)
        benefit.append(dict(threshold=threshold, net=float(tp / n - fp / n * threshold / (1 - threshold)),
                            all=float(everyone)))
    return dict(name=name, labels=labels.tolist(), probabilities=probabilities.tolist(),
                groups=[f"g{g}" for g in groups], slope=float(line[1]), slopeError=float(line_se[1]),
                intercept=float(large[0]), interceptError=float(large_se[0]), benefit=benefit)


cases = [
    case("as they should be", 240, 1.6, 0.0, 0.5, 1),
    case("too extreme and too high", 300, 4.0, 1.0, 0.2, 2),
    case("too timid and too low", 180, 0.5, -1.0, 0.3, 3),
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recalibration.json"), "w") as file:
    json.dump(dict(statsmodels=statsmodels.__version__, sklearn=sklearn.__version__, cases=cases), file)
    file.write("\n")
