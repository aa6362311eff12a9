#!/usr/bin/python3
"""Golden values for hair removal, from OpenCV (Debian: python3-opencv, 4.6.0).

Pictures are the PNG files beside this script (see phantoms.mjs), formulae in whole numbers that the test repeats, or
lie in the JSON file. Of every stage the SHA-256 is kept, of one result all pixels: network.removed.png.

Run in this folder: /usr/bin/python3 hair.py > hair.json
"""
import base64
import hashlib
import json
import sys

import cv2
import numpy as np

sha = lambda a: hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()


def stripes(height, width):
    """Skin that grows lighter to the lower right, with noise and two families of curved dark lines."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    value = 150 + ((3 * x + 2 * y) >> 5) - 20 * c + (7 * x * x + 13 * y * y + 5 * x * y + 31 * c) % 23
    hair = ((5 * x + 3 * y + ((y * y) >> 6)) % 97 < 12) | ((((x * x) >> 5) + 7 * y) % 131 < 9)
    return np.where(hair, value - 90, value).clip(0, 255).astype(np.uint8)


def hair_mask(image, kernel, threshold):
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (kernel, kernel))
    hat = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross)
    return grey, hat, cv2.threshold(hat, threshold, 255, cv2.THRESH_BINARY)[1]


def removal(name, image, source, kernel=17, threshold=10, radius=1):
    height, width = image.shape[:2]
    grey, hat, mask = hair_mask(image, kernel, threshold)
    case = {
        "name": name,
        "height": height,
        "width": width,
        **source,
        "options": {"kernelPx": kernel, "threshold": threshold, "radiusPx": radius},
        "marked": int((mask > 0).sum()),
        "grey": sha(grey),
        "hat": sha(hat),
        "mask": sha(mask),
    }
    # OpenCV's inpainting reads outside of images of a single row or column.
    if min(height, width) > 1 or not mask.any():
        result = cv2.inpaint(image, mask, radius, cv2.INPAINT_TELEA)
        case["result"] = sha(result)
        if name == "network":
            cv2.imwrite("network.removed.png", result[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return case


def in_json(image):
    return {"pixels": base64.b64encode(image.tobytes()).decode()}


def inpainting(name, image, mask, radius):
    height, width = mask.shape
    return {
        "name": name,
        "height": height,
        "width": width,
        **in_json(image),
        "mask": base64.b64encode(np.packbits(mask > 0).tobytes()).decode(),
        "radiusPx": radius,
        "result": sha(cv2.inpaint(image, mask, radius, cv2.INPAINT_TELEA)),
    }


def main():
    rng = np.random.default_rng(20261123)
    removals = []
    for name in ("rim", "network", "thick"):
        image = cv2.imread(f"{name}.png")[..., ::-1].copy()
        removals.append(removal(name, image, {"file": f"{name}.png"}))
    image = cv2.imread("network.png")[..., ::-1].copy()
    removals.append(
        removal("network, other options", image, {"file": "network.png"}, kernel=9, threshold=4, radius=4)
    )
    for height, width in ((512, 512), (360, 641), (80, 80)):
        removals.append(removal(f"stripes {height} x {width}", stripes(height, width), {"formula": "stripes"}))
    for height, width in ((1, 1), (1, 40), (40, 1), (2, 2), (2, 30), (5, 7), (16, 17), (17, 16), (33, 18)):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        removals.append(removal(f"noise {height} x {width}", image, in_json(image)))
    removals.append(removal("constant", np.full((9, 12, 3), 77, np.uint8), in_json(np.full((9, 12, 3), 77, np.uint8))))

    smooth = lambda h, w: cv2.GaussianBlur(rng.integers(0, 256, (h, w, 3), dtype=np.uint8), (0, 0), 2)
    inpaintings = []
    for height, width in ((23, 31), (5, 7), (2, 2)):
        everything = np.full((height, width), 255, np.uint8)
        all_but_one = everything.copy()
        all_but_one[height // 2, width // 2] = 0
        ring = everything.copy()
        ring[1:-1, 1:-1] = 0
        corner = np.zeros((height, width), np.uint8)
        corner[: height // 2, : width // 2] = 1  # anything but 0 is marked
        opposite = corner[::-1, ::-1].copy()
        scattered = (rng.random((height, width)) < 0.3).astype(np.uint8) * 255
        nothing = np.zeros((height, width), np.uint8)
        for name, mask in (
            ("everything", everything),
            ("all but one", all_but_one),
            ("the rim", ring),
            ("a corner", corner),
            ("the opposite corner", opposite),
            ("scattered", scattered),
            ("nothing", nothing),
        ):
            for radius in (1, 3, 12):
                if height < 23 and radius == 12:
                    continue
                inpaintings.append(
                    inpainting(f"{name}, {height} x {width}, radius {radius}", smooth(height, width), mask, radius)
                )
    json.dump({"opencv": cv2.__version__, "removals": removals, "inpaintings": inpaintings}, sys.stdout, indent=1)
    print()


main()
