"""Golden values for the EDA report: kernel densities and Wilson intervals, by SciPy.

python3 test/goldens/eda/eda.py  writes eda.json beside this file (SciPy, NumPy).
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import binomtest, gaussian_kde


def silverman(x):
    spread = (np.quantile(x, 0.75) - np.quantile(x, 0.25)) / 1.34
    s = x.std(ddof=1)
    return 0.9 * (min(s, spread) if spread > 0 else s) * len(x) ** -0.2


def density(values, step):
    """Reflected half a step outside the smallest and largest value; evaluated at nine places."""
    x = np.asarray(values, dtype=float)
    low, high = x.min() - step / 2, x.max() + step / 2
    h = max(silverman(x), step / 2)
    kde = gaussian_kde(x, bw_method=h / x.std(ddof=1))
    at = np.linspace(low, high, 9)
    y = kde(at) + kde(2 * low - at) + kde(2 * high - at)
    return {"values": values, "step": step, "bandwidth": h, "x": at.tolist(), "y": y.tolist()}


rng = np.random.default_rng(1)
ages = np.clip(np.round(rng.normal(52, 17, 160) / 5) * 5, 5, 85)
golden = {
    "densities": [
        density(np.round(rng.normal(0, 1, 60), 3).tolist(), 0.0),
        density(ages.tolist(), 5.0),
        density(np.round(rng.exponential(3.0, 80), 3).tolist(), 0.0),
    ],
    "wilson": [
        {"hits": k, "n": n, "low": ci.low, "high": ci.high}
        for k, n in [(0, 10), (3, 10), (404, 2150), (10, 10), (1, 30000)]
        for ci in [binomtest(k, n).proportion_ci(0.95, method="wilson")]
    ],
}
Path(__file__).with_name("eda.json").write_text(json.dumps(golden) + "\n")
