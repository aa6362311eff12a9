"""Goldens of src/image/jpeg-square.test.ts: small JPEGs, and the squares that Pillow, SciPy and NumPy make of them.

    /usr/bin/python3 test/goldens/jpeg-square/jpeg_square.py

Two references. `scaled`: the same definition in other code. Pillow decodes the file whole; each block of each component
is transformed (scipy.fft.dctn), cut to its m x m lowest frequencies and transformed back with m points; then colour,
and Lanczos in float64. It needs the components at full resolution (4:4:4, grey), because Pillow hands out no others;
what is left between the two is the rounding of Pillow's pixels. `whole`: Pillow's decoding and its own Lanczos of the
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
from scipy.fft import dctn, idctn

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


def scaled_planes(image, eighths):
    """Planes of an image in its own colour space, each block by m x m of its frequencies."""
    planes = np.atleast_3d(np.asarray(image)).astype(float)
    height, width, _ = planes.shape
    rows, columns = math.ceil(height / 8), math.ceil(width / 8)
    # Beyond the edge the file holds what its encoder chose; libjpeg repeats the last row and column.
    planes = np.pad(planes, ((0, rows * 8 - height), (0, columns * 8 - width), (0, 0)), mode='edge')
    out = np.zeros((rows * eighths, columns * eighths, planes.shape[2]))
    for c in range(planes.shape[2]):
        blocks = planes[..., c].reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
        kept = dctn(blocks, axes=(2, 3), norm='ortho')[..., :eighths, :eighths]
        small = idctn(kept, axes=(2, 3), norm='ortho') * eighths / 8
        out[..., c] = small.transpose(0, 2, 1, 3).reshape(rows * eighths, columns * eighths)
    return np.clip(out[:math.ceil(height * eighths / 8), :math.ceil(width * eighths / 8)], 0, 255)


def to_rgb(planes):
    if planes.shape[2] == 1:
        return np.repeat(planes, 3, 2)
    y, b, r = planes[..., 0], planes[..., 1] - 128, planes[..., 2] - 128
    return np.clip(np.stack([y + 1.402 * r, y - 0.344136286 * b - 0.714136286 * r, y + 1.772 * b], 2), 0, 255)


def lanczos_matrix(lines, start, end, side):
    scale = (end - start) / side
    centres = start + (np.arange(side) + 0.5) * scale
    t = (np.arange(lines)[None] + 0.5 - centres[:, None]) / scale
    weights = np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)
    return weights / weights.sum(1, keepdims=True)


def scaled(file, side, fit):
    image = Image.open(io.BytesIO(file))
    if image.mode == 'RGB':
        image.draft('YCbCr', image.size)
    width, height = image.size
    eighths = math.ceil(8 * MARGIN * side / min(width, height))
    rgb = to_rgb(scaled_planes(image, eighths))
    left, top, right, bottom = (edge * eighths / 8 for edge in box(width, height, side, fit))
    down = lanczos_matrix(rgb.shape[0], top, bottom, side)
    across = lanczos_matrix(rgb.shape[1], left, right, side)
    return np.einsum('iy,yxc,jx->cij', down, rgb, across)


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
    ('4:4:4', save(wide, quality=92, subsampling=0), 24),
    ('4:4:4, odd sides', save(odd, quality=92, subsampling=0), 32),
    ('4:4:4, an eighth', save(lesion(160, 128), quality=90, subsampling=0), 9),
    ('4:4:4, seven eighths', save(tall, quality=95, subsampling=0), 36),
    ('grey, odd sides', save(odd.convert('L'), quality=92), 24),
    ('grey, own Huffman tables', save(tall.convert('L'), quality=75, optimize=True), 16),
    ('4:2:0', save(wide, quality=90, subsampling=2), 24),
    ('4:2:0, odd sides', save(odd, quality=90, subsampling=2), 24),
    ('4:2:0, a quarter', save(lesion(160, 128), quality=90, subsampling=2), 18),
    ('4:2:2', save(odd, quality=90, subsampling=1), 24),
    ('4:2:0, restart intervals', with_restarts(tall, 2), 20),
]
cases = []
for name, file, side in files:
    full = name.startswith(('4:4:4', 'grey'))
    case = {'name': name, 'file': encode(np.frombuffer(file, np.uint8)), 'side': side, 'squares': []}
    for fit in ('cover', 'fill'):
        square = {'fit': fit, 'whole': encode(whole(file, side, fit))}
        case['squares'].append({**square, 'scaled': encode(scaled(file, side, fit))} if full else square)
    cases.append(case)
(here / 'jpeg-square.json').write_text(json.dumps({'cases': cases}, indent=1) + '\n')
