"""Six steps of every optimiser on gradients that depend on the weights."""
import torch

from common import fill, main

OPTIMISERS = {
    'adam': (torch.optim.Adam, dict(lr=0.01, betas=(0.5, 0.999))),
    'adam.decay': (torch.optim.Adam, dict(lr=0.01, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.1)),
    'adamw': (torch.optim.AdamW, dict(lr=0.01, weight_decay=0.1)),
    'rmsprop': (torch.optim.RMSprop, dict(lr=0.01)),
    'rmsprop.alpha': (torch.optim.RMSprop, dict(lr=0.01, alpha=0.9, eps=1e-6)),
    'sgd': (torch.optim.SGD, dict(lr=0.1)),
    'sgd.momentum': (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    'sgd.nesterov': (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)),
}


def run(recorder, dtype):
    for name, (kind, options) in OPTIMISERS.items():
        params = [torch.nn.Parameter(fill(f'p{i}', shape, dtype=dtype))
                  for i, shape in enumerate([(16, 3, 3, 3), (33,), (1,)])]
        opt = kind(params, **options)
        for step in range(6):
            for i, p in enumerate(params):
                p.grad = fill(f'g{i}.{step}', list(p.shape), 0.5, dtype=dtype) + 0.25 * p.detach()
            opt.step()
        for i, p in enumerate(params):
            recorder.add(f'{name}.p{i}', p)


if __name__ == '__main__':
    main('optimisers', run)
