"""Loss scaling by torch.cuda.amp.GradScaler, step by step, with gradients that overflow now and then.

The class asks for CUDA in asserts (hence python -O) and two of its operators have no CPU kernel in 1.13: they are
written out here as their CUDA kernels compute. Everything that decides (stages, skipping, growth) is PyTorch's own.
"""
import json
import math
import pathlib
import sys

import torch
from torch.cuda.amp import grad_scaler

from common import fill

HERE = pathlib.Path(__file__).resolve().parent


def unscale(grads, found_inf, inv_scale):
    for g in grads:
        if not bool(torch.isfinite(g).all()):
            found_inf.fill_(1.0)
        g.mul_(inv_scale)


def update_scale(scale, tracker, found_inf, growth, backoff, interval):
    if found_inf.item():
        scale.fill_(scale.item() * backoff)  # the kernel multiplies in double precision
        tracker.zero_()
    else:
        tracker.add_(1)
        if tracker.item() == interval:
            grown = torch.tensor(scale.item() * growth, dtype=torch.float32).item()
            if math.isfinite(grown):
                scale.fill_(grown)
            tracker.zero_()


def train(steps, spoil, **options):
    """Two optimisers and one scaler, as in a GAN. `spoil[step] = (optimiser, value)` replaces one gradient element."""
    scaler = grad_scaler.GradScaler(**options)
    groups = [[torch.nn.Parameter(fill(f'p{i}.{j}', s)) for j, s in enumerate([(3, 4), (5,)])] for i in range(2)]
    optimisers = [torch.optim.SGD(groups[0], lr=0.1), torch.optim.Adam(groups[1], lr=0.01)]
    made = [0, 0]
    for i, opt in enumerate(optimisers):
        def counting(i=i, step=opt.step):
            made[i] += 1
            return step()
        opt.step = counting
    trace = []
    for step in range(steps):
        for i, opt in enumerate(optimisers):
            opt.zero_grad()
            loss = sum(((p - fill(f't{i}.{step}.{j}', list(p.shape))) ** 2).sum() for j, p in enumerate(groups[i]))
            scaler.scale(loss).backward()
            if step in spoil and spoil[step][0] == i:
                groups[i][1].grad[2] = float(spoil[step][1])
            if i == 1 and step % 2:
                scaler.unscale_(opt)
            scaler.step(opt)
        scaler.update()
        state = scaler.state_dict()
        sums = [float(sum(p.detach().double().abs().sum() for p in group)) for group in groups]
        trace.append({'scale': state['scale'], 'growthTracker': state['_growth_tracker'], 'made': list(made), 'sums': sums})
    return trace


if __name__ == '__main__':
    if __debug__:
        sys.exit('run it as python3 -O: the asserts of GradScaler ask for CUDA')
    grad_scaler.amp_definitely_not_available = lambda: False
    torch._amp_foreach_non_finite_check_and_unscale_ = unscale
    torch._amp_update_scale_ = update_scale
    spoil = {2: (0, 'inf'), 5: (1, 'nan'), 6: (1, '-inf'), 11: (0, 'nan')}
    golden = {
        'spoil': spoil,
        'usual': train(16, spoil, growth_interval=3),
        # A factor that is no power of two rounds; a scale at the end of float32 does not grow to infinity.
        'odd': train(16, spoil, init_scale=1000.0, growth_factor=1.7, backoff_factor=0.3, growth_interval=2),
        'huge': train(4, {}, init_scale=2.0 ** 126, growth_factor=4.0, growth_interval=1),
    }
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    (folder / 'grad_scaler.json').write_text(json.dumps(golden) + '\n')
