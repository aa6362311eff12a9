"""Goldens of the GANs' augmentations, from the papers' formulas in float64 with numpy and scipy, one matrix a
transform, composed forward and inverted: nothing here is shared with what it checks.

    /usr/bin/python3 test/goldens/gan-augment/generate.py

ADA (Karras et al. 2020, appendix B): the image goes on mirrored, is stuffed with zeros and filtered with sym6 (one
pixel of it every two samples), sampled linearly at twice the output's resolution, filtered with the time-reversed
filter and decimated. DiffAugment (Zhao et al. 2020): loops over pixels.
"""
import json
import math
import os

import numpy as np
from scipy.ndimage import map_coordinates

rng = np.random.default_rng(11)
SIDE = 12


def numbers(a):
    return [round(float(v), 6) for v in np.asarray(a).ravel()]


# --- ADA -------------------------------------------------------------------------------------------------------

SYM6 = np.array([
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
])
LOWPASS = SYM6 / SYM6.sum()


def translate(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def scale(x, y):
    return np.diag([x, y, 1.0])


def rotate(angle):
    """From x towards y."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def geometry(d):
    """Where an input pixel goes, in pixels from the centre. A transform that comes later acts on what came before."""
    w = SIDE
    steps = [
        scale(-1 if d['xFlip'] else 1, 1),
        rotate(-math.pi / 2 * d['quarterTurns']),
        translate(round(d['wholeShift'][0] * w), round(d['wholeShift'][1] * w)),
        scale(d['scale'], d['scale']),
        rotate(-d['rotations'][0]),
        scale(d['stretch'], 1 / d['stretch']),
        rotate(-d['rotations'][1]),
        translate(d['shift'][0] * w, d['shift'][1] * w),
    ]
    total = np.eye(3)
    for step in steps:
        total = step @ total
    return total


def upsample_row(x):
    """At twice the rate, mirrored by a reflected border; sample 2i is pixel i's, as far as a filter has a place."""
    border = 8
    long = np.pad(x, border, mode='reflect')
    stuffed = np.zeros(2 * len(long))
    stuffed[::2] = long
    fine = np.convolve(stuffed, 2 * LOWPASS)[5:]  # the filter's middle is its sixth value
    return fine[2 * border:2 * (border + len(x)) - 1]


def downsample_row(y, pad):
    """y[pad + 2i] is pixel i's; correlation, so that it is the transpose of what was done above."""
    filtered = np.correlate(y, LOWPASS, mode='valid')
    return filtered[pad - 5::2][:SIDE]


def warp(channel, forward):
    fine = np.apply_along_axis(upsample_row, 0, np.apply_along_axis(upsample_row, 1, channel))
    pad = 10
    grid = (np.arange(2 * SIDE - 1 + 2 * pad) - pad) / 2 - (SIDE - 1) / 2  # pixels from the centre
    x, y = np.meshgrid(grid, grid)
    source = np.linalg.inv(forward) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    at = 2 * (source[:2] + (SIDE - 1) / 2)
    bent = map_coordinates(fine, [at[1], at[0]], order=1, mode='mirror').reshape(x.shape)
    return np.apply_along_axis(downsample_row, 0, np.apply_along_axis(downsample_row, 1, bent, pad), pad)


def colour(d):
    """The product of 4x4 matrices."""
    v = np.array([1, 1, 1, 0]) / math.sqrt(3)
    grey = np.outer(v, v)
    brightness = np.eye(4)
    brightness[:3, 3] = d['brightness']
    contrast = np.diag([d['contrast']] * 3 + [1.0])
    flip = np.eye(4) - 2 * grey * (1 if d['lumaFlip'] else 0)
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    hue = np.eye(4)
    hue[:3, :3] += math.sin(d['hue']) * k + (1 - math.cos(d['hue'])) * k @ k  # Rodrigues
    saturation = grey + (np.eye(4) - grey) * d['saturation']
    return saturation @ hue @ flip @ contrast @ brightness


def ada(image, d):
    moved = np.stack([warp(channel, geometry(d)) for channel in image]) if not d['still'] else image
    m = colour(d)
    return np.einsum('ij,jhw->ihw', m[:3, :3], moved) + m[:3, 3][:, None, None]


UNCHANGED = dict(xFlip=False, quarterTurns=0, wholeShift=[0, 0], scale=1, rotations=[0, 0], stretch=1, shift=[0, 0],
                 brightness=0, contrast=1, lumaFlip=False, hue=0, saturation=1, still=False)
DRAWS = [
    dict(UNCHANGED, rotations=[0.5, 0]),
    dict(UNCHANGED, scale=1.3, shift=[0.1, -0.07]),
    dict(UNCHANGED, scale=0.6, rotations=[1.2, -2.9], stretch=1.25, shift=[-0.3, 0.2], xFlip=True, quarterTurns=3,
         wholeShift=[0.1, -0.06], brightness=-0.2, contrast=1.4, lumaFlip=True, hue=-2.0, saturation=0.4),
    dict(UNCHANGED, still=True, brightness=0.15, contrast=0.8, lumaFlip=True, hue=1.1, saturation=1.7),
]
SMOOTH = np.clip(rng.normal(0, 0.5, (len(DRAWS), 3, SIDE, SIDE)), -1, 1).astype(np.float32).round(4)

# --- DiffAugment -----------------------------------------------------------------------------------------------

HEIGHT, WIDTH = 7, 10


def diff_augment(image, d):
    image = image + d['brightness']
    grey = image.mean(axis=0)
    image = (image - grey) * d['saturation'] + grey
    image = (image - image.mean()) * d['contrast'] + image.mean()
    right, down = d['shift']
    moved = np.zeros_like(image)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            if 0 <= y - down < HEIGHT and 0 <= x - right < WIDTH:
                moved[:, y, x] = image[:, y - down, x - right]
    tall, wide = int(HEIGHT * 0.5 + 0.5), int(WIDTH * 0.5 + 0.5)
    top, left = math.floor(d['hole'][0] * HEIGHT) - tall // 2, math.floor(d['hole'][1] * WIDTH) - wide // 2
    for y in range(max(0, top), min(HEIGHT, top + tall)):
        for x in range(max(0, left), min(WIDTH, left + wide)):
            moved[:, y, x] = 0
    return moved


CHANGES = [
    dict(brightness=0.3, saturation=1.6, contrast=0.7, shift=[1, -1], hole=[0.5 / 7, 0.5 / 10]),
    dict(brightness=-0.45, saturation=0.1, contrast=1.4, shift=[-1, 0], hole=[6.5 / 7, 10.5 / 10]),
]
PLAIN = rng.uniform(-1, 1, (len(CHANGES), 3, HEIGHT, WIDTH)).astype(np.float32).round(4)

if __name__ == '__main__':
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'gan-augment.json'), 'w') as f:
        json.dump({
            'ada': {
                'shape': SMOOTH.shape,
                'images': numbers(SMOOTH),
                'draws': [{k: v for k, v in d.items() if k != 'still'} for d in DRAWS],
                'changed': [numbers(ada(x.astype(np.float64), d)) for x, d in zip(SMOOTH, DRAWS)],
            },
            'diffAugment': {
                'shape': PLAIN.shape,
                'images': numbers(PLAIN),
                'draws': CHANGES,
                'changed': [numbers(diff_augment(x.astype(np.float64), d)) for x, d in zip(PLAIN, CHANGES)],
            },
        }, f)
        f.write('\n')
