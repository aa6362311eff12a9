"""Goldens of the augmentations, from code that shares nothing with them: colorsys for HSV, OpenCV's formula of the
rotation matrix in pixel coordinates with scipy's spline-free interpolation for the geometry.

    /usr/bin/python3 test/goldens/augment/generate.py
"""
import colorsys
import json
import math
import os

import numpy as np
from scipy.ndimage import map_coordinates

rng = np.random.default_rng(7)


def numbers(a):
    return [round(float(v), 7) for v in np.asarray(a).ravel()]


# Hue, saturation, value: random colours, greys, primaries, black and white.
colours = np.concatenate([
    rng.random((22, 3)),
    [[0, 0, 0], [1, 1, 1], [.4, .4, .4], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [.7, .2, .7]],
]).astype(np.float32)
hsv = [colorsys.rgb_to_hsv(*map(float, c)) for c in colours]
shifts = [(0.11, 0.1, -0.07), (-0.3, -0.2, 0.2), (0.95, 0, 0)]
shifted = []
for dh, ds, dv in shifts:
    shifted.append([
        colorsys.hsv_to_rgb((h + dh) % 1, min(1, max(0, s + ds)), min(1, max(0, v + dv))) for h, s, v in hsv
    ])


def warp(image, p):
    """Transpose, flips, then OpenCV's affine warp (border reflect-101) of one channel, forward as a user thinks."""
    if p['transpose']:
        image = image.T
    if p['verticalFlip']:
        image = image[::-1]
    if p['horizontalFlip']:
        image = image[:, ::-1]
    side = image.shape[0]
    centre = (side - 1) / 2
    # cv2.getRotationMatrix2D: positive angles counter-clockwise, the origin in the top-left corner.
    alpha = p['scale'] * math.cos(math.radians(p['angle']))
    beta = p['scale'] * math.sin(math.radians(p['angle']))
    m = np.array([
        [alpha, beta, (1 - alpha) * centre - beta * centre + p['shiftX'] * side],
        [-beta, alpha, beta * centre + (1 - alpha) * centre + p['shiftY'] * side],
        [0, 0, 1],
    ])
    inverse = np.linalg.inv(m)
    y, x = np.mgrid[:side, :side]
    source = inverse @ np.stack([x.ravel(), y.ravel(), np.ones(side * side)])
    return map_coordinates(image.astype(np.float64), [source[1], source[0]], order=1, mode='mirror').reshape(side, side)


side = 9
images = rng.random((6, 2, side, side)).astype(np.float32)
still = dict(transpose=False, horizontalFlip=False, verticalFlip=False, shiftX=0.0, shiftY=0.0, scale=1.0, angle=0.0)
geometry = [
    dict(still, angle=30.0),
    dict(still, scale=1.1, shiftX=0.0625, shiftY=-0.03),
    dict(still, transpose=True, verticalFlip=True),
    dict(still, transpose=True, horizontalFlip=True, angle=-41.0, scale=0.9, shiftX=-0.05, shiftY=0.06),
    dict(still, verticalFlip=True, horizontalFlip=True, angle=12.0, shiftY=0.04),
    dict(still),
]
warped = [[warp(channel, p) for channel in image] for image, p in zip(images, geometry)]

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'augment.json'), 'w') as f:
    json.dump({
        'colours': numbers(colours),
        'hsv': numbers(hsv),
        'shifts': shifts,
        'shifted': [numbers(s) for s in shifted],
        'side': side,
        'images': numbers(images),
        'geometry': geometry,
        'warped': numbers(warped),
    }, f)
    f.write('\n')
