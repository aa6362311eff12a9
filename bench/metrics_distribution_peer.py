"""The peer of `bench/metrics-distribution.ts`: numpy and scipy, as FID and PRDC scripts have it.

`metrics_distribution_peer.py FIRST SECOND ROWS COLUMNS`, two files of float32. Reads requests from stdin, one a line, and
answers each with one line of JSON: values, seconds, processor time, and the process's peak memory above that of the loaded
features.

frechet       covariances by np.cov, the root of their product by scipy.linalg.sqrtm
neighbours N  precision and recall (k = 3), density and coverage (k = 5) of the first N rows, over N x N matrices
"""
import json
import resource
import sys
import time

import numpy as np
import scipy
from scipy import linalg


def frechet(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    sx, sy = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(sx @ sy)
    shift = x.mean(0) - y.mean(0)
    return {"frechet": float(shift @ shift + np.trace(sx) + np.trace(sy) - 2 * np.trace(root).real)}


def distances(x, y):
    """As sklearn's euclidean_distances: one matrix product, in place."""
    d = x @ y.T
    d *= -2
    d += (x**2).sum(1)[:, None]
    d += (y**2).sum(1)[None, :]
    return np.sqrt(np.maximum(d, 0, out=d), out=d)


def radii(x, ks):
    d = distances(x, x)
    np.fill_diagonal(d, 0)
    return [np.partition(d, k, axis=1)[:, k] for k in ks]


def neighbours(x, y):
    real3, real5 = radii(x, (3, 5))
    (fake3,) = radii(y, (3,))
    d = distances(x, y)
    inside = d < real5[:, None]
    return {
        "precision": float((d < real3[:, None]).any(0).mean()),
        "recall": float((d < fake3[None, :]).any(1).mean()),
        "density": float(inside.sum(0).mean() / 5),
        "coverage": float(inside.any(1).mean()),
    }


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    rows, columns = int(sys.argv[3]), int(sys.argv[4])
    first, second = [np.fromfile(path, np.float32).reshape(rows, columns) for path in sys.argv[1:3]]
    base = peak()
    print(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__}), flush=True)
    for line in sys.stdin:
        task, *sizes = line.split()
        n = int(sizes[0]) if sizes else rows
        start, before = time.perf_counter(), time.process_time()
        values = {"frechet": frechet, "neighbours": neighbours}[task](first[:n], second[:n])
        times = {"seconds": time.perf_counter() - start, "processorSeconds": time.process_time() - before}
        print(json.dumps({"values": values, **times, "peakBytes": peak() - base}), flush=True)


main()
