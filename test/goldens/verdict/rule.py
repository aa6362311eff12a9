"""Golden values for the verdict's rule (docs/trial.md), from numpy and scipy alone.

    python3 test/goldens/verdict/rule.py      writes test/goldens/verdict/rule.json; needs numpy and scipy

Written from the text of the rule, not from the TypeScript: placements by comparing all pairs, the covariance of clustered
AUCs written out as sums over clusters in Obuchowski's (1997) terms, quantiles by scipy, p-values by root finding.
"""
import json
import os

import numpy as np
import scipy
from scipy import optimize, stats

rng = np.random.default_rng(1997)
LEAST_DF = 4  # below, no verdict


# --- AUC and its covariance -------------------------------------------------------------------------------------------

def placements(labels, scores):
    """V10 of positives, V01 of negatives: shares of the other class that are ordered rightly, ties a half."""
    x, y = scores[labels == 1], scores[labels == 0]
    k = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    return k.mean(1), k.mean(0), k.mean()


def clustered(labels, groups, score_list):
    """AUCs and covariance matrix of Obuchowski 1997 (S10, S01, S11 over clusters)."""
    names = sorted(set(groups))
    groups = np.asarray(groups)
    M, N, I = (labels == 1).sum(), (labels == 0).sum(), len(names)
    I10 = sum(1 for g in names if ((groups == g) & (labels == 1)).any())
    I01 = sum(1 for g in names if ((groups == g) & (labels == 0)).any())
    aucs, d10, d01 = [], [], []
    for s in score_list:
        v10, v01, auc = placements(labels, s)
        full = np.empty(len(labels))
        full[labels == 1], full[labels == 0] = v10, v01
        aucs.append(auc)
        d10.append([((full - auc) * (groups == g) * (labels == 1)).sum() for g in names])
        d01.append([((full - auc) * (groups == g) * (labels == 0)).sum() for g in names])
    d10, d01 = np.array(d10), np.array(d01)
    s10 = I10 / ((I10 - 1) * M) * d10 @ d10.T
    s01 = I01 / ((I01 - 1) * N) * d01 @ d01.T
    s11 = I / (I - 1) * d10 @ d01.T
    return np.array(aucs), s10 / M + s01 / N + (s11 + s11.T) / (M * N), np.hstack([d10 / M, d01 / N])


def paired(labels, groups, pairs):
    """Differences arm − baseline of each pair, their covariance, and what each group adds to their mean."""
    aucs, cov, influences = clustered(labels, groups, [a for a, _ in pairs] + [b for _, b in pairs])
    n = len(pairs)
    contrast = np.hstack([np.eye(n), -np.eye(n)])
    return contrast @ aucs, contrast @ cov @ contrast.T, (contrast @ influences).mean(0)


def off_diagonal(cov):
    """Mean covariance between different rows; the variance itself where there is but one."""
    n = len(cov)
    return max(0.0, cov[0, 0] if n == 1 else (cov.sum() - np.trace(cov)) / (n * (n - 1)))


def nu_of(images):
    """min over classes of (Σn)²/Σn² − 1 over all groups of all folds."""
    out = []
    for label in (0, 1):
        n = []
        for labels, groups in images:
            for g in sorted(set(groups)):
                n.append(((np.asarray(groups) == g) & (labels == label)).sum())
        n = np.array(n, float)
        out.append(n.sum() ** 2 / (n ** 2).sum() - 1)
    return min(out)


def least(alpha, nu, influences):
    """No interval is narrower: one further group ranked otherwise, over the root of how many groups the mean hangs on."""
    e = np.where(np.abs(influences) < 1e-9, 0, influences)
    hangs_on = (e ** 2).sum() ** 2 / (e ** 4).sum() if e.any() else 0
    return t(alpha, max(1, nu)) / (nu + 1 + 2) / np.sqrt(max(1, hangs_on))


# --- half widths ------------------------------------------------------------------------------------------------------

def t(alpha, df):
    return stats.t.ppf(1 - alpha / 2, df)


class Rule:
    """half(alpha) and what it is made of, of the test images of the folds."""

    def __init__(self, folds):
        self.k = len(folds)
        self.m, self.r, self.e, ss, dfs, C = [], [], [], 0.0, 0, 0.0
        for labels, groups, pairs in folds:
            d, cov, influences = paired(labels, groups, pairs)
            self.m.append(d.mean())
            self.r.append(len(d))
            self.e.append(influences / self.k)
            if len(d) > 1:
                ss += ((d - d.mean()) ** 2).sum()
                dfs += len(d) - 1
            C += off_diagonal(cov) / self.k ** 2
        self.e = np.concatenate(self.e)
        self.df = dfs
        self.s2 = ss / dfs if dfs else None
        self.runs = self.k ** 2 / sum(1 / r for r in self.r)
        self.S2 = np.var(self.m, ddof=1) if self.k > 1 else None
        self.nu = nu_of([(l, g) for l, g, _ in folds])
        self.C = C
        self.estimate = float(np.mean(self.m))

    def half(self, alpha):
        # Without a spread over seeds the spread over folds is all there is.
        images = t(alpha, max(1, self.nu)) * np.sqrt(self.C)
        seeds = 0.0 if self.s2 is None else np.hypot(t(alpha, self.df) * np.sqrt(self.s2 / self.runs), images)
        folds = 0.0 if self.S2 is None else t(alpha, self.k - 1) * np.sqrt(self.S2 / self.k)
        return max(seeds, folds, least(alpha, self.nu, self.e))


class External:
    """The same of an external set: generators are readers of the same images."""

    def __init__(self, labels, groups, runs):
        # runs: (fold, generator, arm scores, baseline scores)
        d, cov, self.e = paired(labels, groups, [(a, b) for _, _, a, b in runs])
        keys = [(r[0], r[1]) for r in runs]
        by_generator = {key: d[[i for i, k in enumerate(keys) if k == key]].mean() for key in keys}
        folds = sorted({fold for fold, _ in by_generator})
        m = [np.mean([v for (f, _), v in by_generator.items() if f == fold]) for fold in folds]
        self.k, self.G = len(folds), len(by_generator)
        self.sG2 = np.var(list(by_generator.values()), ddof=1)
        self.S2 = np.var(m, ddof=1) if self.k > 1 else None
        # Between runs that share neither fold nor generator.
        apart = [cov[i, j] for i in range(len(d)) for j in range(len(d))
                 if (runs[i][0] != runs[j][0] if self.k > 1 else runs[i][1] != runs[j][1])]
        self.C = max(0.0, float(np.mean(apart)))
        self.nu = nu_of([(labels, groups)])
        self.estimate = float(np.mean(m))

    def half(self, alpha):
        readers = t(alpha, self.G - 1) * np.sqrt(self.sG2 / self.G)
        folds = 0.0 if self.S2 is None else t(alpha, self.k - 1) * np.sqrt(self.S2 / self.k)
        images = t(alpha, max(1, self.nu)) * np.sqrt(self.C)
        return max(np.hypot(max(readers, folds), images), least(alpha, self.nu, self.e))


def rate_at(rule, distance):
    """Error rate at which the half width is `distance`."""
    if distance <= 0:
        return 1.0
    f = lambda x: rule.half(np.exp(x)) - distance
    if f(-34.0) <= 0:
        return float(np.exp(-34.0))
    return float(np.exp(optimize.brentq(f, -34.0, 0.0, xtol=1e-15, rtol=1e-14)))


class Spared:
    """For equivalence: few groups may all have been spared what befalls others."""

    def __init__(self, rule):
        self.rule, self.nu = rule, rule.nu

    def half(self, alpha):
        return np.hypot(self.rule.half(alpha), t(alpha, max(1, self.nu)) / (self.nu + 1 + 2))


def equivalence(rule, margin):
    spared = Spared(rule)
    one = lambda d: rate_at(spared, abs(d)) / 2 if d >= 0 else 1 - rate_at(spared, abs(d)) / 2
    return max(one(margin - rule.estimate), one(margin + rule.estimate))


def shares(looks, alpha=0.05):
    z = stats.norm.ppf(1 - alpha / 2)
    spent = [2 * stats.norm.sf(z / np.sqrt(n / looks[-1])) / alpha for n in looks]
    return np.diff([0] + spent)


def nadeau_bengio(fold_means, test_to_train, alpha):
    k = len(fold_means)
    se = np.sqrt((1 / k + test_to_train) * np.var(fold_means, ddof=1))
    h = t(alpha, k - 1) * se
    m = np.mean(fold_means)
    return {"low": m - h, "high": m + h, "p": 2 * stats.t.sf(abs(m) / se, k - 1)}


# --- trials -----------------------------------------------------------------------------------------------------------

def images(positives, negatives, sizes, mixed=False):
    labels = np.array([1] * positives + [0] * negatives)
    if mixed:
        labels = rng.permutation(labels)
    groups, g, i = [], 0, 0
    while i < len(labels):
        n = min(int(sizes()), len(labels) - i)
        if not mixed:  # groups of one class
            n = min(n, positives - i if i < positives else len(labels) - i)
        groups += [f"g{g}"] * n
        g += 1
        i += n
    return labels, groups


def trial(name, seeds, cohorts, each="fold", shift=1.2, effect=0.3, digits=4, external=None, looks=None, margin=0.02, saturated=False):
    folds, runs = [], []
    sets = []
    for f, cohort in enumerate(cohorts):
        labels, groups = images(*cohort)
        groups = [f"{f + 1}-{g}" for g in groups]
        sets.append((labels, groups, rng.normal(size=len(labels))))
        folds.append({"labels": labels.tolist(), "groups": groups, "trainingImages": 100 + 10 * f})
    outside = None
    if external:
        labels, groups = images(*external)
        outside = (labels, groups, rng.normal(size=len(labels)))
    for f, n in enumerate(seeds):
        for s in range(n):
            for a in (0, 1):
                def score(images):
                    labels, _, common = images
                    x = 0.7 * common + 0.5 * rng.normal(size=len(labels)) + labels * (shift + a * effect + 0.2 * rng.normal())
                    if saturated:
                        x = labels * 10 + rng.normal(size=len(labels))
                    return np.round(1 / (1 + np.exp(-x)), digits)
                gen = None if a == 0 else {"fold": f"g{f}", "seed": f"g{f}.{s}", "trial": "g"}[each]
                runs.append({"arm": a, "fold": f + 1, "seed": s, "generator": gen, "scores": score(sets[f]).tolist(),
                             "external": score(outside).tolist() if outside else None})

    def pairs_of(f, key):
        arm = {r["seed"]: r for r in runs if r["fold"] == f and r["arm"] == 1}
        base = {r["seed"]: r for r in runs if r["fold"] == f and r["arm"] == 0}
        return [(arm[s], base[s]) for s in sorted(arm)]

    rule = Rule([(sets[f][0], sets[f][1], [(np.array(a["scores"]), np.array(b["scores"])) for a, b in pairs_of(f + 1, "scores")])
                 for f in range(len(folds))])
    share = 1.0 if looks is None else float(shares(looks)[-1])
    alpha = 0.05 * share
    half = rule.half(alpha)
    expected = {
        "estimate": rule.estimate, "foldMeans": rule.m, "low": max(-1.0, rule.estimate - half), "high": min(1.0, rule.estimate + half),
        "p": min(1.0, rate_at(rule, abs(rule.estimate)) / share), "equivalenceP": min(1.0, equivalence(rule, margin) / share),
        "nu": rule.nu, "C": rule.C, "s2": rule.s2, "S2": rule.S2, "df": rule.df, "runs": rule.runs, "share": share,
        "decidable": bool(rule.nu >= LEAST_DF),
    }
    if len(folds) > 1:
        ratio = float(np.mean([len(x["labels"]) / x["trainingImages"] for x in folds]))
        expected["resampled"] = None if rule.S2 == 0 else nadeau_bengio(rule.m, ratio, alpha)
    if outside:
        ext = External(outside[0], outside[1], [(f + 1, a["generator"], np.array(a["external"]), np.array(b["external"]))
                                                for f in range(len(folds)) for a, b in pairs_of(f + 1, "external")])
        h = ext.half(alpha)
        expected["external"] = {"estimate": ext.estimate, "low": max(-1.0, ext.estimate - h), "high": min(1.0, ext.estimate + h),
                                "p": min(1.0, rate_at(ext, abs(ext.estimate)) / share), "nu": ext.nu, "C": ext.C}
    return {"name": name, "margin": margin, "looks": looks, "folds": folds, "runs": runs,
            "external": {"labels": outside[0].tolist(), "groups": outside[1]} if outside else None, "expected": expected}


one = lambda: 1
some = lambda: rng.integers(1, 9)
trials = [
    trial("one fold, three seeds", [3], [(12, 30, one)], each="trial"),
    trial("one fold, a generator a seed", [4], [(10, 20, some)], each="seed"),
    trial("five folds, three seeds", [3] * 5, [(8, 16, one)] * 5),
    trial("patients of both classes", [2] * 4, [(12, 24, some, True)] * 4),
    trial("unequal folds and seeds", [2, 3, 1, 4], [(6 + f, 14 + 3 * f, some) for f in range(4)]),
    trial("a giant", [2] * 3, [(30, 20, iter([24, 6] + [1] * 20).__next__)] + [(10, 20, one)] * 2),
    trial("ties, one digit", [3] * 3, [(10, 20, one)] * 3, digits=1),
    trial("one seed a fold", [1] * 6, [(8, 16, one)] * 6),
    trial("saturated", [2] * 3, [(6, 6, one)] * 3, each="seed", saturated=True),
    trial("nearly saturated", [3] * 3, [(8, 8, one)] * 3, shift=3.2, effect=0.0, margin=0.2),
    trial("few groups", [3], [(20, 20, lambda: 4)], each="trial"),
    trial("external, a generator a fold", [2] * 4, [(8, 12, one)] * 4, external=(14, 20, some)),
    trial("external, a generator a seed", [2] * 3, [(8, 12, one)] * 3, each="seed", external=(12, 20, one)),
    trial("looks", [4] * 3, [(8, 16, one)] * 3, looks=[2, 4]),
]


def rounded(value):
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [rounded(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rule.json")
with open(path, "w") as file:
    json.dump({"versions": {"numpy": np.__version__, "scipy": scipy.__version__}, "trials": rounded(trials)}, file, separators=(",", ":"))
    file.write("\n")
for x in trials:
    e = x["expected"]
    print(f'{x["name"]:32} {e["estimate"]:+.4f} [{e["low"]:+.4f}, {e["high"]:+.4f}] p {e["p"]:.3g} eq {e["equivalenceP"]:.3g} nu {e["nu"]:.2f}')
