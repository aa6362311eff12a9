"""Goldens of the transforms, from the programs whose meanings they have: albumentations 0.5.2 (its own functions, with
parameters given), OpenCV and Pillow.

    /usr/bin/python3 test/goldens/augment/transforms.py ALBUMENTATIONS

ALBUMENTATIONS is the folder `albumentations` of its sources at 0.5.2. Only its `functional.py` is run, without the rest of
the package. Maps of coordinates are taken from what it hands to OpenCV.
"""
import base64
import json
import os
import sys
import types

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import gaussian_filter, map_coordinates

folder = os.path.abspath(sys.argv[1])
for name, path in [('albumentations', folder), ('albumentations.augmentations', os.path.join(folder, 'augmentations'))]:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from albumentations.augmentations import functional as F  # noqa: E402

rng = np.random.default_rng(11)
SIDE = 24


def packed(a):
    """Bytes as they are; numbers as float32; images with their channels first."""
    a = np.asarray(a)
    if a.ndim == 3 and a.shape[2] == 3:
        a = a.transpose(2, 0, 1)
    a = a if a.dtype == np.uint8 else a.astype('<f4')
    return base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()


def smooth_image(side, sigma=3.0):
    noise = np.stack([gaussian_filter(rng.random((side, side)), sigma, mode='wrap') for _ in range(3)], 2)
    low, high = noise.min((0, 1)), noise.max((0, 1))
    return np.round((noise - low) / (high - low) * 200 + rng.uniform(10, 45, 3)).astype(np.uint8)


def captured(name, call):
    """What the last call of a function of OpenCV was given."""
    plain, seen = getattr(cv2, name), {}

    def spy(*args, **named):
        seen.update(named)
        seen.update(zip(['image', 'x', 'y'], args))
        return plain(*args, **named)

    setattr(cv2, name, spy)
    try:
        return call(), seen
    finally:
        setattr(cv2, name, plain)


def seen_through(picture, x, y):
    """Exact bilinear interpolation at a map's points, mirrored beyond the border: cv2.remap rounds them to 1/32 px."""
    channels = [map_coordinates(picture[..., c], [y, x], order=1, mode='mirror') for c in range(3)]
    return packed(np.stack(channels, 2).astype(np.float32))


image = smooth_image(SIDE)
rough = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
unit = image.astype(np.float32) / 255
rough_unit = rough.astype(np.float32) / 255

# Every line between two points of a 3 × 3 and a 5 × 5 square, as bits.
lines = []
for side in (3, 5):
    points = [(x, y) for y in range(side) for x in range(side)]
    for a in points:
        for b in points:
            if a != b:
                kernel = np.zeros((side, side), np.uint8)
                cv2.line(kernel, a, b, 1, thickness=1)
                lines.append([side, *a, *b, ''.join(map(str, kernel.ravel()))])

motion = [(5, (0, 1), (4, 3)), (3, (2, 0), (0, 1)), (5, (3, 4), (2, 0))]
kernels = []
for side, a, b in motion:
    kernel = np.zeros((side, side), np.uint8)
    cv2.line(kernel, a, b, 1, thickness=1)
    kernels.append(kernel.astype(np.float32) / kernel.sum())

optical = []
for k in (0.9, -0.7):
    _, seen = captured('remap', lambda: F.optical_distortion(image, k))
    # Its map looks half a pixel to the lower right (OpenCV's two ideas of the middle): taken back here.
    optical.append({'k': k, 'image': seen_through(unit, seen['x'] - 0.5, seen['y'] - 0.5)})

grid = []
for cells in (5, 4):
    xs, ys = (list(1 + rng.uniform(-1, 1, cells + 1)) for _ in range(2))
    warped, seen = captured('remap', lambda: F.grid_distortion(image, cells, xs, ys))
    grid.append({
        'columns': xs, 'rows': ys,
        'image': seen_through(unit, seen['map1'], seen['map2']), 'opencv': packed(warped),
    })

elastic = []
for alpha, sigma, corner in ((3, 5, 4), (30, 3, 2)):
    draws = np.random.RandomState(5)
    shifts = draws.uniform(-corner, corner, size=(3, 2)).astype(np.float32)
    noise = [draws.rand(SIDE, SIDE) * 2 - 1 for _ in range(2)]
    (_, affine), field = captured('remap', lambda: captured('warpAffine', lambda: F.elastic_transform(
        image, alpha, sigma, corner, random_state=np.random.RandomState(5))))
    # The field and then the affine map, in one.
    inverse = np.linalg.inv(np.vstack([affine['M'], [0, 0, 1]]))[:2]
    x, y = (row[0] * field['map1'] + row[1] * field['map2'] + row[2] for row in inverse)
    elastic.append({
        'alpha': alpha, 'sigma': sigma, 'shifts': shifts.ravel().tolist(), 'noise': packed(np.stack(noise)),
        'affine': inverse.ravel().tolist(), 'image': seen_through(unit, x, y),
    })

clahe = []
for height, width, limit in ((64, 64, 4.0), (64, 64, 1.3), (45, 64, 2.5), (50, 52, 3.7), (128, 96, 4.0), (96, 128, 1.9), (48, 45, 3.0)):
    plane = smooth_image(max(height, width), 2)[:height, :width, 0]
    plane = np.clip(plane.astype(int) + rng.integers(-9, 10, plane.shape), 0, 255).astype(np.uint8)
    clahe.append({
        'height': height, 'width': width, 'limit': limit, 'levels': packed(plane),
        'equal': packed(cv2.createCLAHE(clipLimit=limit, tileGridSize=(8, 8)).apply(plane)),
    })

TO_XYZ = np.array([[.412453, .357580, .180423], [.212671, .715160, .072169], [.019334, .119193, .950227]])


def to_lab(rgb):
    """CIE 1976 L*a*b* of sRGB (D65), by its definition."""
    linear = np.where(rgb > .04045, ((rgb + .055) / 1.055) ** 2.4, rgb / 12.92)
    ratio = linear @ TO_XYZ.T / TO_XYZ.sum(1)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def from_lab(lab):
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    ratio = np.where(f > 6 / 29, f ** 3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    linear = np.clip((ratio * TO_XYZ.sum(1)) @ np.linalg.inv(TO_XYZ).T, 0, 1)
    return np.where(linear > .0031308, 1.055 * linear ** (1 / 2.4) - .055, 12.92 * linear)


def clahe_in_float(picture, limit):
    """CLAHE of lightness in 256 levels, colours in float. OpenCV's own L*a*b* comes from tables: it is one level off here
    and there, which steep curves enlarge."""
    lab = to_lab(picture / 255)
    levels = np.round(lab[..., 0] * 2.55).astype(np.uint8)
    equal = cv2.createCLAHE(clipLimit=limit, tileGridSize=(8, 8)).apply(levels)
    lab[..., 0] += (equal.astype(float) - levels) / 2.55
    return from_lab(lab)


colourful = smooth_image(48, 4)

rotations = []
for angle, scale, dx, dy in ((13.0, 1.1, 0.05, -0.08), (-15.0, 0.9, -0.1, 0.1), (40.0, 1.0, 0.0, 0.0)):
    # About the middle of the image.
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), angle, scale)
    matrix[:, 2] += [dx * SIDE, dy * SIDE]
    for border, mode in (('zeros', cv2.BORDER_CONSTANT), ('reflection', cv2.BORDER_REFLECT_101)):
        rotations.append({
            'angle': angle, 'scale': scale, 'shiftX': dx, 'shiftY': dy, 'padding': border,
            'image': packed(cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=mode)),
        })

shifts = [
    {'hue': h, 'saturation': s, 'value': v,
     'bytes': packed(F.shift_hsv(image, h, s, v)),
     'float': packed(F.shift_hsv(unit, h * 2, s / 255, v / 255))}
    for h, s, v in ((7.0, -15.0, 9.0), (-10.0, 20.0, -10.0))
]

pil, rough_pil = Image.fromarray(image), Image.fromarray(rough)
low_contrast = Image.fromarray((image // 3 + 40).astype(np.uint8))
mode = Image.Resampling.BILINEAR
pillow = {
    'lowContrast': packed(low_contrast),
    'autoContrast': packed(ImageOps.autocontrast(low_contrast)),
    'equalize': packed(ImageOps.equalize(pil)),
    'posterize': [{'bits': bits, 'image': packed(ImageOps.posterize(pil, bits))} for bits in (7, 4, 1)],
    'solarize': [{'threshold': t, 'image': packed(ImageOps.solarize(pil, t))} for t in (90, 179)],
    'enhance': [
        {'name': name, 'factor': factor, 'image': packed(getattr(ImageEnhance, name)(rough_pil).enhance(factor))}
        for name in ('Brightness', 'Color', 'Contrast', 'Sharpness') for factor in (0.37, 1.63)
    ],
    'shear': [
        {'axis': 'x', 'factor': 0.2, 'image': packed(pil.transform(pil.size, Image.Transform.AFFINE, (1, .2, 0, 0, 1, 0), mode))},
        {'axis': 'y', 'factor': -0.3, 'image': packed(pil.transform(pil.size, Image.Transform.AFFINE, (1, 0, 0, -.3, 1, 0), mode))},
    ],
}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'transforms.json'), 'w') as f:
    json.dump({
        'versions': {'opencv': cv2.__version__, 'albumentations': '0.5.2', 'pillow': Image.__version__},
        'side': SIDE, 'image': packed(image), 'rough': packed(rough),
        'lines': lines,
        'gaussian': [packed(F.gaussian_blur(rough_unit, side)) for side in (3, 5)],
        'median': [packed(F.median_blur(rough_unit, side)) for side in (3, 5)],
        'motion': [
            {'side': side, 'from': a, 'to': b, 'image': packed(F.motion_blur(rough_unit, kernel))}
            for (side, a, b), kernel in zip(motion, kernels)
        ],
        'brightnessContrast': [
            {'gain': a, 'bias': b, 'image': packed(F.brightness_contrast_adjust(image, a, b, True))}
            for a, b in ((1.0, 0.17), (1.0, -0.2), (1.2, 0.0), (0.81, 0.0))
        ],
        'optical': optical, 'grid': grid, 'elastic': elastic, 'clahe': clahe,
        'colourful': packed(colourful),
        'claheColour': [
            {'limit': limit, 'float': packed(clahe_in_float(colourful, limit)), 'bytes': packed(F.clahe(colourful, limit))}
            for limit in (4.0,)
        ],
        'rotations': rotations, 'hsv': shifts, 'pillow': pillow,
    }, f)
    f.write('\n')
