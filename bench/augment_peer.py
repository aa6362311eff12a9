"""The peer of `bench/augment.ts`: the same augmentations with Pillow and numpy, image by image, as a data loader's
workers do it; what Pillow can do in C is done there (kernels, medians, affine maps, HSV, L*a*b*, tables).

`augment_peer.py SIDE WORKERS`. Reads one request a line from stdin, `PIPELINE IMAGES`, deals the images out to its worker
processes, and answers with one line of JSON: the seconds until the last one is done, and the seconds of CPU of all. What a
worker makes stays with it: no time is spent on handing images over.
"""
import json
import multiprocessing
import sys
import time

import numpy as np
from PIL import Image, ImageCms, ImageEnhance, ImageFilter, ImageOps, __version__

BILINEAR = Image.Resampling.BILINEAR
MEAN = np.array([.485, .456, .406], np.float32) * 255
DEVIATION = np.array([.229, .224, .225], np.float32) * 255
SRGB, LAB = ImageCms.createProfile('sRGB'), ImageCms.createProfile('LAB')
TO_LAB = ImageCms.buildTransform(SRGB, LAB, 'RGB', 'LAB')
FROM_LAB = ImageCms.buildTransform(LAB, SRGB, 'LAB', 'RGB')
LEVELS = np.arange(256, dtype=np.float32)


def chance(rng, p):
    return rng.random() < p


def table(image, gain, bias):
    return image.point(list(np.clip(LEVELS * gain + bias, 0, 255).astype(np.uint8)) * 3)


def reflected(coordinates, length):
    """Indices beyond the border, mirrored without repeating a pixel."""
    turn = np.abs(coordinates) % (2 * length - 2)
    return np.where(turn >= length, 2 * length - 2 - turn, turn)


def remap(image, x, y):
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    across, down = (x - left).astype(np.float32)[..., None], (y - top).astype(np.float32)[..., None]
    x0, x1 = reflected(left, width), reflected(left + 1, width)
    y0, y1 = reflected(top, height), reflected(top + 1, height)
    upper = pixels[y0, x0] * (1 - across) + pixels[y0, x1] * across
    lower = pixels[y1, x0] * (1 - across) + pixels[y1, x1] * across
    return Image.fromarray((upper + (lower - upper) * down + .5).astype(np.uint8))


def motion_blur(image, rng):
    side = 3 + 2 * rng.integers(2)
    (x0, x1), (y0, y1) = rng.integers(side, size=2), rng.integers(side, size=2)
    if x0 == x1 and y0 == y1:
        y1 = (y0 + 1) % side
    kernel = np.zeros((side, side))
    steps = max(abs(x1 - x0), abs(y1 - y0))
    kernel[np.linspace(y0, y1, steps + 1).round().astype(int), np.linspace(x0, x1, steps + 1).round().astype(int)] = 1
    return image.filter(ImageFilter.Kernel((side, side), kernel.ravel().tolist(), kernel.sum()))


def median_blur(image, rng):
    return image.filter(ImageFilter.MedianFilter(3 + 2 * int(rng.integers(2))))


def gaussian_blur(image, rng):
    row = np.array([1, 2, 1] if rng.integers(3) == 0 else [1, 4, 6, 4, 1])
    kernel = np.outer(row, row)
    return image.filter(ImageFilter.Kernel(kernel.shape, kernel.ravel().tolist(), int(kernel.sum())))


def gauss_noise(image, rng):
    pixels = np.asarray(image)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(np.sqrt(rng.uniform(5, 30)))
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def optical_distortion(image, rng):
    side = image.width
    axis = ((np.arange(side) - (side - 1) / 2) / side).astype(np.float32)
    r2 = axis ** 2 + axis[:, None] ** 2
    factor = side * (1 + rng.uniform(-1, 1) * (r2 + r2 * r2))
    return remap(image, factor * axis + (side - 1) / 2, factor * axis[:, None] + (side - 1) / 2)


def grid_axis(length, factors):
    cell, source, reached = length // (len(factors) - 1), [], 0.0
    for i, factor in enumerate(factors):
        start = i * cell
        takes_rest = start + cell > length
        following = length if takes_rest else reached + cell * factor
        source.append(np.linspace(reached, following, length - start if takes_rest else cell))
        reached = following
    return np.concatenate(source).astype(np.float32)


def grid_distortion(image, rng):
    side = image.width
    x, y = (grid_axis(side, rng.uniform(0, 2, 6)) for _ in range(2))
    return remap(image, np.broadcast_to(x, (side, side)), np.broadcast_to(y[:, None], (side, side)))


def elastic(image, rng):
    side = image.width
    middle, arm = side // 2, side // 3
    corners = np.array([[middle + arm, middle + arm], [middle + arm, middle - arm], [middle - arm, middle - arm]], float)
    moved = corners + rng.uniform(-1, 1, (3, 2)) * 50 * side / 512
    affine = np.linalg.solve(np.column_stack([moved, np.ones(3)]), corners).T
    # The field of alpha 3 and sigma 50 moves pixels by a hundredth of one: left out on both sides.
    x, y = np.arange(side), np.arange(side)[:, None]
    return remap(image, affine[0, 0] * x + affine[0, 1] * y + affine[0, 2], affine[1, 0] * x + affine[1, 1] * y + affine[1, 2])


def clahe(image, rng, tiles=8):
    light, a, b = ImageCms.applyTransform(image, TO_LAB).split()
    levels = np.asarray(light)
    side = levels.shape[0]
    tile = side // tiles
    area = tile * tile
    tiled = levels.reshape(tiles, tile, tiles, tile).transpose(0, 2, 1, 3).reshape(tiles * tiles, area)
    bins = tiled + 256 * np.arange(tiles * tiles)[:, None]
    histogram = np.bincount(bins.ravel(), minlength=tiles * tiles * 256).reshape(-1, 256)
    clipped = np.minimum(histogram, max(1, int(rng.uniform(1, 4) * area / 256)))
    excess = area - clipped.sum(1)
    clipped += (excess // 256)[:, None]
    for i, rest in enumerate(excess % 256):
        if rest:
            clipped[i, ::max(256 // rest, 1)][:rest] += 1
    curves = np.clip(np.rint(np.cumsum(clipped, 1) * (255 / area)), 0, 255).astype(np.float32).reshape(tiles, tiles, 256)
    place = np.arange(side, dtype=np.float32) / tile - .5
    low = np.floor(place).astype(int)
    share = (place - low).astype(np.float32)
    first, second = np.maximum(low, 0), np.minimum(low + 1, tiles - 1)
    upper = curves[first[:, None], first, levels] * (1 - share) + curves[first[:, None], second, levels] * share
    lower = curves[second[:, None], first, levels] * (1 - share) + curves[second[:, None], second, levels] * share
    equal = np.rint(upper + (lower - upper) * share[:, None]).astype(np.uint8)
    return ImageCms.applyTransform(Image.merge('LAB', (Image.fromarray(equal), a, b)), FROM_LAB)


def hue_saturation_value(image, rng, hue, saturation, value):
    dh, ds, dv = rng.uniform(-hue, hue) * 256 / 180, rng.uniform(-saturation, saturation), rng.uniform(-value, value)
    tables = [np.mod(LEVELS + dh, 256), np.clip(LEVELS + ds, 0, 255), np.clip(LEVELS + dv, 0, 255)]
    return image.convert('HSV').point(list(np.concatenate(tables).astype(np.uint8))).convert('RGB')


def shift_scale_rotate(image, rng, shift, scale, degrees, mirrors):
    side = image.width
    angle, factor = np.radians(rng.uniform(-degrees, degrees)), 1 + rng.uniform(-scale, scale)
    cos, sin = np.cos(angle) / factor, np.sin(angle) / factor
    tx, ty = rng.uniform(-shift, shift, 2) * side
    margin = side // 2 if mirrors else 0
    if mirrors:
        image = Image.fromarray(np.pad(np.asarray(image), ((margin,) * 2, (margin,) * 2, (0, 0)), mode='reflect'))
    middle = side / 2
    x0, y0 = middle + tx, middle + ty
    inverse = (cos, -sin, middle - cos * x0 + sin * y0 + margin, sin, cos, middle - sin * x0 - cos * y0 + margin)
    return image.transform((side, side), Image.Transform.AFFINE, inverse, BILINEAR)


def cutout(pixels, rng, holes, hole):
    side = pixels.shape[0]
    for y, x in rng.integers(side + 1, size=(holes, 2)):
        top, left = max(0, y - hole // 2), max(0, x - hole // 2)
        pixels[top:top + hole, left:left + hole] = 0


def turned(pixels, transpose, vertical, horizontal):
    if transpose:
        pixels = pixels.transpose(1, 0, 2)
    if vertical:
        pixels = pixels[::-1]
    if horizontal:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def normalised(pixels):
    return ((pixels - MEAN) / DEVIATION).transpose(2, 0, 1)


def siim(pixels, rng):
    image = Image.fromarray(turned(pixels, chance(rng, .5), chance(rng, .5), chance(rng, .5)))
    if chance(rng, .75):
        image = table(image, 1, 255 * rng.uniform(-.2, .2))
    if chance(rng, .75):
        image = table(image, rng.uniform(.8, 1.2), 0)
    if chance(rng, .7):
        image = (motion_blur, median_blur, gaussian_blur, gauss_noise)[rng.integers(4)](image, rng)
    if chance(rng, .7):
        image = (optical_distortion, grid_distortion, elastic)[rng.integers(3)](image, rng)
    if chance(rng, .7):
        image = clahe(image, rng)
    if chance(rng, .5):
        image = hue_saturation_value(image, rng, 10, 20, 10)
    if chance(rng, .85):
        image = shift_scale_rotate(image, rng, .1, .1, 15, mirrors=False)
    pixels = np.array(image)
    if chance(rng, .7):
        cutout(pixels, rng, 1, int(.375 * pixels.shape[0]))
    return normalised(pixels)


def standard(pixels, rng):
    transpose, vertical, horizontal = chance(rng, .5), chance(rng, .5), False
    contrast = rng.uniform(.8, 1.2) if chance(rng, .5) else 1
    if chance(rng, .5):
        which = rng.integers(3)
        vertical, horizontal = vertical != (which != 1), which != 0
    pixels = turned(pixels, transpose, vertical, horizontal)
    image = table(Image.fromarray(pixels), contrast, 0) if contrast != 1 else Image.fromarray(pixels)
    pixels = np.array(image)
    cutout(pixels, rng, 8, pixels.shape[0] // 16)
    image = Image.fromarray(pixels)
    if chance(rng, .5):
        image = shift_scale_rotate(image, rng, .0625, .1, 45, mirrors=True)
    limit = (.3, .1)[rng.integers(2)]
    image = table(image, 1 + rng.uniform(-limit, limit), 255 * rng.uniform(-limit, limit))
    if chance(rng, .5):
        image = hue_saturation_value(image, rng, 20, 30, 20)
    return normalised(np.asarray(image))


def affine(image, *inverse):
    return image.transform(image.size, Image.Transform.AFFINE, inverse, BILINEAR)


def randaugment(pixels, rng, operations=2, magnitude=9):
    image, share, side = Image.fromarray(pixels), magnitude / 30, pixels.shape[0]
    for _ in range(operations):
        sign = 1 if chance(rng, .5) else -1
        shift = sign * 150 / 331 * share * side
        enhanced = lambda kind: kind(image).enhance(1 + sign * .9 * share)
        image = (
            lambda: image,
            lambda: ImageOps.autocontrast(image),
            lambda: ImageOps.equalize(image),
            lambda: image.rotate(sign * 30 * share, BILINEAR),
            lambda: ImageOps.solarize(image, int(255 * (1 - share))),
            lambda: enhanced(ImageEnhance.Color),
            lambda: ImageOps.posterize(image, 8 - round(4 * share)),
            lambda: enhanced(ImageEnhance.Contrast),
            lambda: enhanced(ImageEnhance.Brightness),
            lambda: enhanced(ImageEnhance.Sharpness),
            lambda: affine(image, 1, sign * .3 * share, 0, 0, 1, 0),
            lambda: affine(image, 1, 0, 0, sign * .3 * share, 1, 0),
            lambda: affine(image, 1, 0, shift, 0, 1, 0),
            lambda: affine(image, 1, 0, 0, 0, 1, shift),
        )[rng.integers(14)]()
    return normalised(np.asarray(image))


def work(connection, side, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (32, side, side, 3), dtype=np.uint8)
    for name, count in iter(connection.recv, None):
        begun = time.process_time()
        for i in range(count):
            {'siim': siim, 'standard': standard, 'randaugment': randaugment}[name](images[i % len(images)], rng)
        connection.send(time.process_time() - begun)


def main():
    side, workers = int(sys.argv[1]), int(sys.argv[2])
    ends = []
    for seed in range(workers):
        ours, theirs = multiprocessing.Pipe()
        multiprocessing.Process(target=work, args=(theirs, side, seed), daemon=True).start()
        ends.append(ours)
    print(json.dumps({'pillow': __version__, 'numpy': np.__version__}), flush=True)
    for line in sys.stdin:
        name, images = line.split()
        start = time.perf_counter()
        for k, end in enumerate(ends):
            end.send((name, (int(images) + k) // workers))
        cpu = sum(end.recv() for end in ends)
        print(json.dumps({'seconds': time.perf_counter() - start, 'cpuSeconds': cpu}), flush=True)


if __name__ == '__main__':
    main()
