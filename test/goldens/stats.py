"""Golden values for src/stats, from scipy, scikit-learn and direct (quadratic) formulas in numpy.

    /usr/bin/python3 test/goldens/stats.py      writes test/goldens/stats.json

Nothing here shares an algorithm with the TypeScript: AUC components by all pairs, the signed-rank test by
listing all signs, the variance over seeds in Obuchowski and Rockette's own terms (mean squares, Cov2, Cov3).
"""
import itertools
import json
import os

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

rng = np.random.default_rng(20260)


def kernel(positive, negative):
    """[m, n]: 1 where the positive wins, 1/2 at a tie."""
    d = positive[:, None] - negative[None, :]
    return (d > 0) + 0.5 * (d == 0)


def delong(labels, score_list):
    """AUCs and covariance by DeLong 1988, equations 4 and 5, over all pairs."""
    labels = np.asarray(labels)
    v10, v01, aucs = [], [], []
    for s in score_list:
        s = np.asarray(s)
        k = kernel(s[labels == 1], s[labels == 0])
        v10.append(k.mean(1)); v01.append(k.mean(0)); aucs.append(k.mean())
    s10, s01 = np.atleast_2d(np.cov(v10)), np.atleast_2d(np.cov(v01))
    return np.array(aucs), s10 / (labels == 1).sum() + s01 / (labels == 0).sum()


def obuchowski(labels, score_list, groups):
    """Obuchowski 1997: clustered data. Sums over clusters written out as in the paper."""
    labels, groups = np.asarray(labels), np.asarray(groups)
    names = sorted(set(groups))
    M, N = (labels == 1).sum(), (labels == 0).sum()
    comp, aucs = [], []
    for s in score_list:
        s = np.asarray(s)
        k = kernel(s[labels == 1], s[labels == 0])
        v = np.empty(len(labels)); v[labels == 1] = k.mean(1); v[labels == 0] = k.mean(0)
        comp.append(v); aucs.append(k.mean())
    K = len(score_list)
    cov = np.zeros((K, K))
    I = len(names)
    I10 = sum(((labels == 1) & (groups == g)).any() for g in names)
    I01 = sum(((labels == 0) & (groups == g)).any() for g in names)
    for a in range(K):
        for b in range(K):
            s10 = s01 = s11 = s11b = 0.0
            for g in names:
                p, n = (labels == 1) & (groups == g), (labels == 0) & (groups == g)
                m, k = p.sum(), n.sum()
                xa, xb = comp[a][p].sum() - m * aucs[a], comp[b][p].sum() - m * aucs[b]
                ya, yb = comp[a][n].sum() - k * aucs[a], comp[b][n].sum() - k * aucs[b]
                s10 += xa * xb; s01 += ya * yb; s11 += xa * yb; s11b += xb * ya
            s10 *= I10 / ((I10 - 1) * M); s01 *= I01 / ((I01 - 1) * N)
            s11 *= I / (I - 1); s11b *= I / (I - 1)
            cov[a, b] = s10 / M + s01 / N + s11 / (M * N) + s11b / (M * N)
    return np.array(aucs), cov


def influences(labels, arm, base):
    """What each image adds to the mean difference over readers: its placement's deviation over the size of its class."""
    labels = np.asarray(labels)
    m, n = (labels == 1).sum(), (labels == 0).sum()
    total = np.zeros(len(labels))
    for sign, group in ((1, arm), (-1, base)):
        for s in group:
            s = np.asarray(s)
            k = kernel(s[labels == 1], s[labels == 0])
            total[labels == 1] += sign * (k.mean(1) - k.mean()) / m / len(arm)
            total[labels == 0] += sign * (k.mean(0) - k.mean()) / n / len(arm)
    return total


def least_half(alpha, nu, e):
    """The half width that no interval goes below: one further group over the root of how many the difference hangs on."""
    e = e[np.abs(e) > 1e-9]
    hangs_on = max(1.0, (e**2).sum() ** 2 / (e**4).sum()) if len(e) else 1.0
    return stats.t.isf(alpha / 2, nu) / (nu + 3) / np.sqrt(hangs_on)


def seeds_by_images(labels, arm, base):
    """Two treatments x r readers: variance by Obuchowski and Rockette's mean squares and covariances, interval
    by Howe's combination of two t intervals, p by inverting it."""
    from scipy.optimize import brentq

    r = len(arm)
    aucs, cov = delong(labels, arm + base)
    theta = aucs.reshape(2, r)
    t_mean, r_mean, grand = theta.mean(1), theta.mean(0), theta.mean()
    ms_tr = ((theta - t_mean[:, None] - r_mean[None, :] + grand) ** 2).sum() / (r - 1)
    cov2 = np.mean([cov[t * r + i, t * r + j] for t in (0, 1) for i in range(r) for j in range(r) if i != j])
    cov3 = np.mean([cov[i, r + j] for i in range(r) for j in range(r) if i != j])
    seeds, images = 2 / r * ms_tr, 2 * max(cov2 - cov3, 0)
    nu = min((np.asarray(labels) == 1).sum(), (np.asarray(labels) == 0).sum()) - 1
    e = influences(labels, arm, base)
    half = lambda alpha: max(np.sqrt(stats.t.isf(alpha / 2, r - 1) ** 2 * seeds + stats.t.isf(alpha / 2, nu) ** 2 * images),
                             least_half(alpha, nu, e))
    d = t_mean[0] - t_mean[1]
    p = brentq(lambda a: half(a) - abs(d), 1e-12, 1 - 1e-12, xtol=1e-14)
    return dict(mean=d, variance=seeds + images, p=p, low=d - half(0.05), high=d + half(0.05))


def binormal(n, prevalence, seeds, shift, decimals=None):
    labels = (rng.random(n) < prevalence).astype(int)
    labels[0], labels[1] = 0, 1
    case = rng.normal(size=n)
    out = []
    for _ in range(seeds):
        s = shift * labels + case + 0.7 * rng.normal(size=n)
        out.append((np.round(s, decimals) if decimals is not None else np.round(s, 6)).tolist())
    return labels.tolist(), out


def nct_cdf(t, df, delta):
    """scipy 1.10's nct.cdf loses digits (and warns) in places: its definition by adaptive quadrature instead,
    over the chi distribution, held against nct.cdf."""
    from scipy.integrate import quad

    scale = 1 / np.sqrt(df)
    points = [stats.chi.ppf(q, df) * scale for q in (1e-12, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-12)]
    f = lambda s: stats.norm.cdf(t * s - delta) * stats.chi.pdf(s / scale, df) / scale
    value = sum(quad(f, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for a, b in zip([0] + points, points + [points[-1] * 2 + 1]))
    with np.errstate(all="ignore"):
        other = float(stats.nct.cdf(t, df, delta))
    assert not np.isfinite(other) or abs(value - other) < 1e-6, (t, df, delta, value, other)
    return float(value)


golden = {"made_with": {"scipy": scipy.__version__, "sklearn": sklearn.__version__, "numpy": np.__version__}}

# Distributions
x = [-37.5, -12.3, -6.0, -3.01, -2.99, -1.96, -0.5, 0.0, 1e-8, 0.3, 1.2, 3.5, 8.0]
p = [1e-300, 1e-20, 1e-6, 0.001, 0.025, 0.07, 0.4, 0.5, 0.61, 0.95, 0.975, 0.9999]
golden["normal"] = dict(x=x, cdf=stats.norm.cdf(x).tolist(), p=p, ppf=stats.norm.ppf(p).tolist())
golden["t"] = [
    dict(t=t, df=df, cdf=float(stats.t.cdf(t, df)), p=q, ppf=float(stats.t.ppf(q, df)))
    for df in (1, 2, 2.7, 5, 30.5, 400, 1e5)
    for t, q in ((-40.0, 0.0004), (-2.1, 0.025), (-0.001, 0.3), (0.7, 0.81), (5.0, 0.995))
]
golden["nct"] = [
    dict(t=t, df=df, delta=d, cdf=nct_cdf(t, df, d))
    for df in (1, 2, 3.4, 9, 60)
    for t in (-2.3, 0.0, 1.0, 2.776, 6.0)
    for d in (0.0, 1.0, 2.9, 5.0)
]
golden["beta"] = [
    dict(x=v, a=a, b=b, value=float(scipy.special.betainc(a, b, v)))
    for a, b in ((0.5, 0.5), (2, 3), (50, 0.5), (0.5, 2000)) for v in (1e-6, 0.1, 0.5, 0.97)
]
golden["f"] = [
    dict(x=x, d1=d1, d2=d2, sf=float(stats.f.sf(x, d1, d2)))
    for x in (0.02, 0.7, 1.0, 2.5, 8.0, 40.0)
    for d1, d2 in ((1, 3), (2, 17.4), (4, 20), (3, 250.5))
]

# ROC and AUC, with ties
cases = []
for n, prevalence, decimals in ((60, 0.4, None), (80, 0.2, 1), (50, 0.5, 0)):
    labels, scores = binormal(n, prevalence, 1, 1.0, decimals)
    fpr, tpr, thr = metrics.roc_curve(labels, scores[0])
    cases.append(dict(labels=labels, scores=scores[0], auc=metrics.roc_auc_score(labels, scores[0]),
                      fpr=fpr.tolist(), tpr=tpr.tolist(), thresholds=thr[1:].tolist()))
golden["roc"] = cases

# DeLong and clusters
cases = []
for n, prevalence, decimals, groups_n in ((70, 0.35, None, 25), (90, 0.25, 1, 40)):
    labels, scores = binormal(n, prevalence, 3, 1.2, decimals)
    groups = [f"g{g}" for g in rng.integers(0, groups_n, n)]
    aucs, cov = delong(labels, scores)
    _, clustered = obuchowski(labels, scores, groups)
    se = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    z = (aucs[0] - aucs[1]) / se
    a, v = aucs[0], cov[0, 0]
    h = stats.norm.ppf(0.975) * np.sqrt(v) / (a * (1 - a))
    logit = np.log(a / (1 - a))
    cases.append(dict(labels=labels, scores=scores, groups=groups, aucs=aucs.tolist(), covariance=cov.tolist(),
                      clustered=clustered.tolist(), z=z, p=2 * stats.norm.sf(abs(z)),
                      logit=[float(scipy.special.expit(logit - h)), float(scipy.special.expit(logit + h))]))
golden["delong"] = cases

# Seeds x images
cases = []
for seeds in (2, 4):
    labels, scores = binormal(90, 0.3, 2 * seeds, 1.1)
    cases.append(dict(labels=labels, arm=scores[:seeds], baseline=scores[seeds:],
                      **{k: float(v) for k, v in seeds_by_images(labels, scores[:seeds], scores[seeds:]).items()}))
golden["seeds"] = cases

# Paired tests
d = np.round(rng.normal(0.4, 1, 9), 3)
t = stats.ttest_1samp(d, 0)
w = stats.wilcoxon(d, mode="exact")
tied = [0.2, -0.2, 0.5, 0.0, 0.5, -0.1, 0.9]
kept = np.array([v for v in tied if v != 0])
ranks = stats.rankdata(abs(kept))
observed = min(ranks[kept > 0].sum(), ranks[kept < 0].sum())
all_signs = [sum(r for r, s in zip(ranks, signs) if s) for signs in itertools.product((0, 1), repeat=len(kept))]
golden["paired"] = dict(
    differences=d.tolist(), t=float(t.statistic), p=float(t.pvalue),
    low=float(d.mean() - stats.t.ppf(0.975, 8) * d.std(ddof=1) / 3),
    wilcoxon=dict(statistic=float(w.statistic), p=float(w.pvalue)),
    tied=dict(differences=tied, statistic=float(observed), p=min(1.0, 2 * float(np.mean(np.array(all_signs) <= observed)))),
)

# Power of the paired t test
def t_power(delta, df, alpha):
    c = stats.t.ppf(1 - alpha / 2, df)
    return 1 - nct_cdf(c, df, delta) + nct_cdf(-c, df, delta)

def detectable(sd, n, alpha, power):
    from scipy.optimize import brentq
    return float(brentq(lambda e: t_power(e / (sd / np.sqrt(n)), n - 1, alpha) - power, 1e-6, 60 * sd))

golden["power"] = dict(
    power=[dict(delta=dl, df=df, alpha=a, power=t_power(dl, df, a)) for dl in (0.5, 2.0, 3.5) for df in (2, 4, 20) for a in (0.05, 0.01)],
    detectable=[dict(sd=0.02, n=n, alpha=a, power=pw, effect=detectable(0.02, n, a, pw)) for n in (3, 5, 10) for a, pw in ((0.05, 0.8), (0.025, 0.9))],
)

# Scores
labels, scores = binormal(120, 0.3, 1, 1.4)
prob = scipy.special.expit(np.array(scores[0]) - 1).round(6)
threshold = 0.42
called = (prob >= threshold).astype(int)
tn, fp, fn, tp = metrics.confusion_matrix(labels, called).ravel()
golden["scores"] = dict(
    labels=labels, probabilities=prob.tolist(), threshold=threshold,
    auc=metrics.roc_auc_score(labels, prob), logLoss=metrics.log_loss(labels, prob), brier=metrics.brier_score_loss(labels, prob),
    accuracy=metrics.accuracy_score(labels, called), balancedAccuracy=metrics.balanced_accuracy_score(labels, called),
    sensitivity=tp / (tp + fn), specificity=tn / (tn + fp),
    sensitivityAt90=float(max(t for f, t in zip(*metrics.roc_curve(labels, prob, drop_intermediate=False)[:2]) if 1 - f >= 0.9)),
)

# Folds x seeds x images, the corrected resampled t, two one-sided tests: the formulas of docs/trial.md written out, folds
# with different numbers of seeds among them
def fold_case(seed_counts, shift, margin, test_to_train):
    from scipy.optimize import brentq

    k, folds, means, ss, c = len(seed_counts), [], [], 0.0, 0.0
    sizes, e = np.zeros(2), []
    for n, r in zip((60, 70, 80), seed_counts):
        labels, scores = binormal(n, 0.4, 2 * r, shift)
        aucs, cov = delong(labels, scores)
        d = aucs[:r] - aucs[r:]
        contrast = np.hstack([np.eye(r), -np.eye(r)])
        dcov = contrast @ cov @ contrast.T
        off = dcov[~np.eye(r, dtype=bool)].mean() if r > 1 else dcov[0, 0]
        c += max(off, 0) / k**2
        ss += ((d - d.mean()) ** 2).sum()
        means.append(d.mean())
        sizes += [(np.asarray(labels) == 1).sum(), (np.asarray(labels) == 0).sum()]
        e.append(influences(labels, scores[:r], scores[r:]) / k)
        folds.append(dict(labels=labels, arm=scores[:r], baseline=scores[r:]))
    df = sum(seed_counts) - k
    means = np.array(means)
    if df > 0:
        seed_part = ss / df * sum(1 / r for r in seed_counts) / k**2
    else:
        df, seed_part, c = k - 1, means.var(ddof=1) / k, 0.0
    nu, e = sizes.min() - 1, np.concatenate(e)
    half = lambda alpha: max(np.sqrt(stats.t.isf(alpha / 2, df) ** 2 * seed_part + stats.t.isf(alpha / 2, nu) ** 2 * c),
                             stats.t.isf(alpha / 2, k - 1) * np.sqrt(means.var(ddof=1) / k), least_half(alpha, nu, e))
    mean = means.mean()
    p_at = lambda distance, half=half: brentq(lambda a: half(a) - distance, 1e-12, 1 - 1e-12, xtol=1e-14)
    spared = lambda alpha: np.hypot(half(alpha), stats.t.isf(alpha / 2, nu) / (nu + 3))
    sided = lambda distance: p_at(distance, spared) / 2 if distance >= 0 else 1 - p_at(-distance, spared) / 2
    se = np.sqrt((1 / k + test_to_train) * means.var(ddof=1))
    return dict(folds=folds, mean=mean, variance=seed_part + c, low=mean - half(0.05), high=mean + half(0.05),
                p=p_at(abs(mean)), margin=margin, equivalenceP=max(sided(margin - mean), sided(margin + mean)),
                resampled=dict(testToTrain=test_to_train, p=2 * stats.t.sf(abs(mean) / se, k - 1),
                               low=mean - stats.t.isf(0.025, k - 1) * se))

golden["folds"] = [fold_case((2, 3, 2), 1.0, 0.05, 0.3), fold_case((1, 1, 1), 1.3, 0.02, 0.25), fold_case((3, 3), 0.8, 0.2, 0.5)]

# Shares of an error rate over looks: Lan and DeMets' function like O'Brien and Fleming's, its increments
def shares(looks, alpha):
    t = np.array(looks) / looks[-1]
    return np.diff(np.append(0, 2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(t)) / alpha)).tolist()

golden["spending"] = [dict(looks=l, alpha=a, shares=shares(l, a)) for l, a in (([3, 5, 8], 0.05), ([2, 3, 4, 6], 0.1), ([5], 0.05))]

# Covariance of two AUCs under the binormal model, by the bivariate normal distribution of scipy over the four kinds of pairs
def binormal_covariance(a1, a2, rho, m, n):
    d1, d2 = stats.norm.ppf(a1), stats.norm.ppf(a2)
    both = lambda r: stats.multivariate_normal.cdf([d1, d2], cov=[[1, r], [r, 1]], abseps=1e-12, releps=1e-12, maxpts=10**7) if abs(r) < 1 else min(a1, a2)
    return ((both(rho) - a1 * a2) + (m + n - 2) * (both(rho / 2) - a1 * a2)) / (m * n)

golden["binormal"] = [
    dict(aucs=[a1, a2], correlation=r, positives=m, negatives=n, covariance=float(binormal_covariance(a1, a2, r, m, n)))
    for a1, a2, r, m, n in ((0.8, 0.8, 1, 40, 160), (0.8, 0.75, 0.6, 40, 160), (0.6, 0.6, 0.3, 30, 30), (0.93, 0.95, 0.85, 20, 200), (0.7, 0.7, 0, 50, 50))
]

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stats.json")
with open(path, "w") as f:
    json.dump(golden, f, allow_nan=False, separators=(",", ":"), default=float)
    f.write("\n")
