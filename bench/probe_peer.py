"""The peer of `bench/probe.ts`: scikit-learn's LogisticRegression over given folds and strengths, as
LogisticRegressionCV has it (each fold from the strongest penalty to the weakest, each fit starting from the one before).

`probe_peer.py JOB`, a JSON file: path of the float32 features, their targets, the fold of each row, the grid. Each request
is a line, the number of processes; the answer is one line of JSON. LogisticRegressionCV itself would standardise over all
rows; here every fold is standardised by the rows that it is fitted to, as on the other side.
"""
import json
import sys
import time
import warnings

import joblib
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore", category=sklearn.exceptions.ConvergenceWarning)


def model_at(C, tol):
    return LogisticRegression(C=C, class_weight="balanced", tol=tol, max_iter=5000, warm_start=True)


def fold_probabilities(x, y, held, grid):
    scaler = StandardScaler().fit(x[~held])
    train, test = scaler.transform(x[~held]), scaler.transform(x[held])
    model = model_at(grid[0], 1e-4)
    found = []
    for C in grid:
        model.set_params(C=C)
        model.fit(train, y[~held])
        found.append(model.predict_log_proba(test))
    return found


def main():
    job = json.load(open(sys.argv[1]))
    x = np.fromfile(job["path"], np.float32).reshape(job["rows"], job["columns"])
    y, fold, grid = np.array(job["targets"]), np.array(job["foldOf"]), job["grid"]
    weights = (len(y) / np.bincount(y))[y]
    print(json.dumps({"sklearn": sklearn.__version__, "numpy": np.__version__}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        wide = x.astype(np.float64)
        work = [joblib.delayed(fold_probabilities)(wide, y, fold == f, grid) for f in np.unique(fold)]
        folds = joblib.Parallel(n_jobs=int(line))(work)
        losses = np.zeros((len(grid), len(y)))
        for f, found in zip(np.unique(fold), folds):
            rows = np.flatnonzero(fold == f)
            for c, logs in enumerate(found):
                losses[c, rows] = -logs[np.arange(len(rows)), y[rows]]
        curve = (losses * weights).sum(1) / weights.sum()
        C = grid[int(np.argmin(curve))]
        model_at(C, 1e-8).fit(StandardScaler().fit_transform(wide), y)
        seconds = time.perf_counter() - start
        print(json.dumps({"strength": C, "curve": curve.tolist(), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
