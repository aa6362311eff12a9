"""Goldens of src/image/jpeg-square.test.ts: small JPEGs, and the squares that Pillow and NumPy make of them.

    /usr/bin/python3 test/goldens/jpeg-square/jpeg_square.py

Two references. `scaled`: the same definition in other code. Pillow has libjpeg decode at the fraction of the size
(Image.draft), and NumPy does Lanczos in float64. `whole`: Pillow's decoding of the whole file and its own Lanczos of the
same part of the picture, which is what a user compares with.
"""
import base64
import io
import json
import math
import pathlib

import cv2
import numpy as np
from PIL import Image

MARGIN = 1.75
here = pathlib.Path(__file__).parent
random = np.random.RandomState(0)


def lesion(width, height):
    """A dark blob on skin with hairs and grain: edges, texture and colours."""
    y, x = np.mgrid[0:height, 0:width]
    r = np.hypot((x - 0.47 * width) / width, (y - 0.55 * height) / height)
    blob = 1 / (1 + np.exp(40 * (r - 0.27 - 0.03 * np.sin(5 * np.arctan2(y - height / 2, x - width / 2)))))
    skin, dark = np.array([212, 168, 148.0]), np.array([98, 58, 42.0])
    pixels = skin + (dark - skin) * blob[..., None]
    for _ in range(6):
        angle, offset = random.uniform(0, math.pi), random.uniform(0.2, 0.8) * width
        distance = np.abs((x - offset) * math.sin(angle) - (y - height / 2) * math.cos(angle))
        pixels = pixels * (1 - 0.6 * np.clip(1.5 - distance, 0, 1)[..., None])
    pixels += random.normal(0, 4, (height, width, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def box(width, height, side, fit):
    """Left, top, right, bottom of what becomes the square: as sharp cuts out the middle, in whole pixels of the result."""
    if fit == 'fill':
        return 0, 0, width, height
    scale = min(width, height) / side
    edges = []
    for length in (width, height):
        resized = math.floor(length / scale + 0.5)
        left = length / 2 + ((resized - side + 1) // 2 - resized / 2) * scale
        edges.append((left, left + side * scale))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def lanczos_matrix(lines, start, end, side):
    scale = (end - start) / side
    centres = start + (np.arange(side) + 0.5) * scale
    t = (np.arange(lines)[None] + 0.5 - centres[:, None]) / scale
    weights = np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)
    return weights / weights.sum(1, keepdims=True)


def scaled(file, side, fit):
    image = Image.open(io.BytesIO(file))
    width, height = image.size
    eighths = next((e for e in (1, 2, 4) if min(width, height) * e / 8 >= MARGIN * side), 8)
    reduced = math.ceil(width * eighths / 8), math.ceil(height * eighths / 8)
    image.draft(image.mode, (width * eighths // 8, height * eighths // 8))
    assert image.size == reduced
    pixels = np.asarray(image.convert('RGB')).astype(float)
    left, top, right, bottom = (edge * eighths / 8 for edge in box(width, height, side, fit))
    down = lanczos_matrix(reduced[1], top, bottom, side)
    across = lanczos_matrix(reduced[0], left, right, side)
    return np.einsum('iy,yxc,jx->cij', down, pixels, across)


def whole(file, side, fit):
    image = Image.open(io.BytesIO(file)).convert('RGB')
    return np.asarray(image.resize((side, side), Image.LANCZOS, box=box(*image.size, side, fit))).transpose(2, 0, 1)


def save(image, **options):
    out = io.BytesIO()
    image.save(out, 'JPEG', **options)
    return out.getvalue()


def with_restarts(image, interval):
    pixels = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)
    return cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_RST_INTERVAL, interval, cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def encode(values):
    return base64.b64encode(np.clip(np.round(values), 0, 255).astype(np.uint8).tobytes()).decode()


wide, odd, tall = lesion(120, 90), lesion(131, 97), lesion(72, 105)
files = [
    ('4:4:4, a half', save(wide, quality=92, subsampling=0), 24),
    ('4:4:4, odd sides', save(odd, quality=92, subsampling=0), 27),
    ('4:4:4, an eighth', save(lesion(160, 128), quality=90, subsampling=0), 9),
    ('4:4:4, whole', save(tall, quality=95, subsampling=0), 36),
    ('grey, odd sides', save(odd.convert('L'), quality=92), 24),
    ('grey, own Huffman tables', save(tall.convert('L'), quality=75, optimize=True), 16),
    ('4:2:0, a half', save(wide, quality=90, subsampling=2), 24),
    ('4:2:0, odd sides', save(odd, quality=90, subsampling=2), 24),
    ('4:2:0, a quarter', save(lesion(160, 128), quality=90, subsampling=2), 18),
    ('4:2:0, whole', save(odd, quality=90, subsampling=2), 50),
    ('4:2:2', save(odd, quality=90, subsampling=1), 24),
    ('4:2:0, restart intervals', with_restarts(tall, 2), 20),
    ('4:2:0, progressive', save(wide, quality=90, subsampling=2, progressive=True), 24),
]
cases = []
for name, file, side in files:
    squares = [
        {'fit': fit, 'whole': encode(whole(file, side, fit)), 'scaled': encode(scaled(file, side, fit))}
        for fit in ('cover', 'fill')
    ]
    cases.append({'name': name, 'file': encode(np.frombuffer(file, np.uint8)), 'side': side, 'squares': squares})
(here / 'jpeg-square.json').write_text(json.dumps({'cases': cases}, indent=1) + '\n')
