"""Golden values for fine-tuning (src/classify losses, mixing, weights; src/optim clipping, rates, averages).

    /usr/bin/python3 test/goldens/classify/fine_tuning.py      writes test/goldens/classify/fine_tuning.json

Losses, clipping and parameter groups are PyTorch's own wherever it has them; focal loss, mixup, CutMix, the effective number
of samples and the moving average are written out from their papers, image by image. Inputs come from the hash of
../torch/common.py, which TypeScript computes too.
"""
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "torch"))
from common import fill  # noqa: E402

D = torch.float64
out = {}


def flat(x):
    return [float(v) for v in x.detach().reshape(-1)]


# --- losses: value and gradient ---------------------------------------------------------------------------------------
def graded(logits, loss):
    logits = logits.clone().requires_grad_()
    value = loss(logits)
    value.backward()
    return {"value": float(value), "gradient": flat(logits.grad)}


Z1, Z4 = fill("loss.z1", [7, 1], 8.0, 0.0, D), fill("loss.z4", [7, 4], 8.0, 0.0, D)
Y1, Y4 = [1, 0, 0, 1, 1, 0, 1], [2, 0, 1, 3, 3, 1, 2]
SOFT1 = fill("loss.t1", [7, 1], 0.5, 0.5, D)
SOFT4 = torch.softmax(fill("loss.t4", [7, 4], 2.0, 0.0, D), 1)
W4 = [0.5, 2.0, 1.25, 0.25]
y1 = torch.tensor(Y1, dtype=D)[:, None]
y4 = torch.tensor(Y4)


def focal1(z, gamma):
    """Lin et al. 2017, equation 4, image by image."""
    p = torch.sigmoid(z[:, 0])
    terms = []
    for i, y in enumerate(Y1):
        pt = p[i] if y == 1 else 1 - p[i]
        terms.append(-((1 - pt) ** gamma) * torch.log(pt))
    return sum(terms) / len(terms)


def focal4(z, gamma):
    p = torch.softmax(z, 1)
    terms = [-((1 - p[i, y]) ** gamma) * torch.log(p[i, y]) for i, y in enumerate(Y4)]
    return sum(terms) / len(terms)


out["losses"] = {
    "labels1": Y1,
    "labels4": Y4,
    "soft4": flat(SOFT4),
    "weights4": W4,
    "binary": graded(Z1, lambda z: F.binary_cross_entropy_with_logits(z, SOFT1)),
    "posWeight": graded(Z1, lambda z: F.binary_cross_entropy_with_logits(z, SOFT1, pos_weight=torch.tensor([3.5], dtype=D))),
    "focal1.2": graded(Z1, lambda z: focal1(z, 2)),
    "focal1.half": graded(Z1, lambda z: focal1(z, 0.5)),
    "weighted4": graded(Z4, lambda z: F.cross_entropy(z, SOFT4, weight=torch.tensor(W4, dtype=D))),
    "smoothed4": graded(Z4, lambda z: F.cross_entropy(z, y4, label_smoothing=0.1)),
    # Two classes of one logit: those of the softmax over (0, z).
    "smoothed1": graded(Z1, lambda z: F.cross_entropy(torch.cat([0 * z, z], 1), torch.tensor(Y1), label_smoothing=0.1)),
    "focal4.2": graded(Z4, lambda z: focal4(z, 2)),
}

# --- class weights ----------------------------------------------------------------------------------------------------
COUNTS = [327, 514, 1099, 115, 1113, 6705, 142]  # HAM10000
labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
effective = 1.0 - np.power(0.999, COUNTS)
weights = (1.0 - 0.999) / effective
out["classWeights"] = {
    "counts": COUNTS,
    "inverse": compute_class_weight("balanced", classes=np.arange(len(COUNTS)), y=labels).tolist(),
    "effective": (weights / weights.sum() * len(COUNTS)).tolist(),
}

# --- beta -------------------------------------------------------------------------------------------------------------
SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]
out["beta"] = {
    "shares": SHARES,
    "quantiles": {str(a): stats.beta.ppf(SHARES, a, a).tolist() for a in (0.1, 0.2, 1, 4)},
}

# --- mixed images: x' is the next image, the last takes the first ---------------------------------------------------------
N, C, H, W = 5, 3, 6, 8
X, T = fill("mix.x", [N, C, H, W], 1.0, 0.0, D), fill("mix.t", [N, 2], 0.5, 0.5, D)
LAMBDAS = [0.3, 1.0, 0.0, 0.85, 0.5]
BOXES = [[0, 3, 2, 8], [1, 1, 0, 8], [0, 6, 0, 8], [5, 6, 0, 1], [2, 4, 3, 7]]  # rows from, to, columns from, to
mixed, mixed_t, cut, cut_t = X.clone(), T.clone(), X.clone(), T.clone()
for i in range(N):
    j, lam = (i + 1) % N, LAMBDAS[i]
    mixed[i], mixed_t[i] = lam * X[i] + (1 - lam) * X[j], lam * T[i] + (1 - lam) * T[j]
    y1_, y2_, x1_, x2_ = BOXES[i]
    cut[i, :, y1_:y2_, x1_:x2_] = X[j, :, y1_:y2_, x1_:x2_]
    lam = 1 - (y2_ - y1_) * (x2_ - x1_) / (H * W)
    cut_t[i] = lam * T[i] + (1 - lam) * T[j]
out["mixing"] = {
    "shape": [N, C, H, W],
    "lambdas": LAMBDAS,
    "boxes": BOXES,
    "mixup": {"images": flat(mixed), "targets": flat(mixed_t)},
    "cutmix": {"images": flat(cut), "targets": flat(cut_t)},
}

# --- clipping ---------------------------------------------------------------------------------------------------------
SHAPES = [[3, 4], [5], [2, 2, 3]]


def clipped(limit):
    params = [torch.nn.Parameter(fill(f"clip.p{i}", s, 1.0, 0.0, D)) for i, s in enumerate(SHAPES)]
    for i, p in enumerate(params[:2]):  # the last has no gradient
        p.grad = fill(f"clip.g{i}", SHAPES[i], 2.0, 0.0, D)
    norm = torch.nn.utils.clip_grad_norm_(params, limit)
    return {"norm": float(norm), "gradients": [flat(p.grad) for p in params[:2]]}


out["clipping"] = {"shapes": SHAPES, "short": clipped(1.5), "long": clipped(1e3)}

# --- parameter groups -------------------------------------------------------------------------------------------------
FACTORS = [0.25, 1.0, 0.25]


def grouped(make):
    params = [torch.nn.Parameter(fill(f"rates.p{i}", s, 1.0, 0.0, D)) for i, s in enumerate(SHAPES)]
    optimizer = make([{"params": [p], "lr": 0.1 * f} for p, f in zip(params, FACTORS)])
    for step in range(4):
        for i, p in enumerate(params):
            p.grad = fill(f"rates.g{i}.{step}", SHAPES[i], 1.0, 0.0, D)
        optimizer.step()
    return [flat(p) for p in params]


out["rates"] = {
    "factors": FACTORS,
    "adamw": grouped(lambda g: torch.optim.AdamW(g, weight_decay=0.2)),
    "adam": grouped(lambda g: torch.optim.Adam(g, weight_decay=0.2)),
    "sgd": grouped(lambda g: torch.optim.SGD(g, lr=1.0, momentum=0.9)),
    "rmsprop": grouped(lambda g: torch.optim.RMSprop(g)),
}


# --- moving average, the running statistics of a batch norm included ----------------------------------------------------
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3, padding=1).to(D)
        self.norm = torch.nn.BatchNorm2d(3).to(D)
        with torch.no_grad():
            for key, value in self.conv.state_dict().items():
                value.copy_(fill("ema." + key, list(value.shape), 0.5, 0.0, D))

    def forward(self, x):
        return self.norm(self.conv(x))


net = Net()
shadow = {key: value.clone() for key, value in net.state_dict().items()}
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
DECAY, STEPS = 0.3, 6
for step in range(STEPS):
    optimizer.zero_grad()
    (net(fill(f"ema.x{step}", [4, 2, 5, 5], 1.0, 0.0, D)) * fill(f"ema.t{step}", [4, 3, 5, 5], 1.0, 0.0, D)).mean().backward()
    optimizer.step()
    decay = min(DECAY, (1 + step) / (10 + step))
    for key, value in net.state_dict().items():
        shadow[key] = decay * shadow[key] + (1 - decay) * value if value.is_floating_point() else value.clone()
out["ema"] = {"decay": DECAY, "steps": STEPS, "state": {key: flat(value) for key, value in shadow.items()}}

# --- several classes ----------------------------------------------------------------------------------------------------
M, K = 40, 4
logits = fill("classes.z", [M, K], 4.0, 0.0, D)
truth = (torch.arange(M) * 7 % 10 % K).numpy()
logits[torch.arange(M), truth] += 1.5
p = torch.softmax(logits, 1).numpy()
calls = p.argmax(1)
one_hot = np.eye(K)[truth]
out["classes"] = {
    "logits": flat(logits),
    "labels": truth.tolist(),
    "logOdds": flat(torch.logit(torch.softmax(logits, 1))),
    "macroAuc": metrics.roc_auc_score(truth, p, multi_class="ovr", average="macro"),
    "aucs": metrics.roc_auc_score(one_hot, p, average=None).tolist(),
    "accuracy": metrics.accuracy_score(truth, calls),
    "balancedAccuracy": metrics.balanced_accuracy_score(truth, calls),
    "logLoss": metrics.log_loss(truth, p),
    "recalls": metrics.recall_score(truth, calls, average=None).tolist(),
    "precisions": metrics.precision_score(truth, calls, average=None).tolist(),
}

with open(os.path.join(HERE, "fine_tuning.json"), "w") as f:
    json.dump(out, f)
    f.write("\n")
