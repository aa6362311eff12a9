"""Learning rates of PyTorch's schedules over 40 steps (base rate 0.1), and ReduceLROnPlateau on a given score."""
import json
import pathlib
import sys
import warnings

import torch

HERE = pathlib.Path(__file__).resolve().parent
SCORES = [0.5, 0.6, 0.55, 0.58, 0.59, 0.6, 0.61, 0.61005, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]


def rates(make, steps=40):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = make(opt)
    out = []
    for _ in range(steps):
        out.append(opt.param_groups[0]['lr'])
        opt.step()
        schedule.step()
    return out


def plateau():
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, mode='max', factor=0.5, patience=3)
    out = []
    for score in SCORES:
        schedule.step(score)
        out.append(opt.param_groups[0]['lr'])
    return out


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    S = torch.optim.lr_scheduler
    golden = {
        'step': rates(lambda o: S.StepLR(o, 7, 0.5)),
        'linear': rates(lambda o: S.LinearLR(o, 1.0, 0.0, 30)),
        'cosine': rates(lambda o: S.CosineAnnealingLR(o, 39, 0.001)),
        'warmupCosine': rates(lambda o: S.SequentialLR(
            o, [S.LinearLR(o, 0.2, 1.0, 4), S.CosineAnnealingLR(o, 34)], [5])),
        'scores': SCORES,
        'plateau': plateau(),
    }
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    (folder / 'schedules.json').write_text(json.dumps(golden) + '\n')
