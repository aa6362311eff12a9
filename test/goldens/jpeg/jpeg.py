#!/usr/bin/python3
"""JPEG headers as PIL (Debian: python3-pil over libjpeg-turbo) writes them, with the quality that was asked for.

`luma`: the luminance table of every quality, in the order of the file. `presets`: whole files with tables that are
not the standard's, after Photoshop. `files`: whole files of several kinds.

Run in this folder: /usr/bin/python3 jpeg.py > jpeg.json
"""
import base64
import io
import json
import struct
import sys

import numpy as np
import PIL
from PIL import Image

y, x = np.mgrid[0:8, 0:8]
rgb = Image.fromarray(np.stack([20 * x, 20 * y, 10 * (x + y)], axis=-1).astype(np.uint8))
b64 = lambda data: base64.b64encode(data).decode()


def saved(image=rgb, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def luma(jpeg):
    at = 2
    while True:
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if marker == 0xDB and jpeg[at + 4] == 0:
            return jpeg[at + 5 : at + 69]
        at += 2 + length


exif = Image.Exif()
exif[0x010E] = "a picture"
exif = bytearray(exif.tobytes())
thumbnail = saved(quality=10)  # stands in the metadata, with tables of its own

files = [
    {"name": "baseline", "quality": 75, "file": b64(saved(quality=75))},
    {"name": "progressive", "quality": 30, "file": b64(saved(quality=30, progressive=True))},
    {"name": "full colour", "quality": 92, "file": b64(saved(quality=92, subsampling=0))},
    {"name": "grey", "quality": 61, "file": b64(saved(rgb.convert("L"), quality=61))},
    {"name": "CMYK", "quality": 88, "file": b64(saved(rgb.convert("CMYK"), quality=88))},
    {
        "name": "metadata with a thumbnail, comment, profile",
        "quality": 85,
        "file": b64(saved(quality=85, exif=bytes(exif) + thumbnail, comment=b"\xff\xdb\xff\xd8", icc_profile=b"p" * 300)),
    },
]
json.dump(
    {
        "pil": PIL.__version__,
        "luma": {quality: b64(luma(saved(quality=quality))) for quality in range(1, 101)},
        "presets": {name: b64(saved(quality=name)[:400]) for name in ("web_low", "web_medium", "web_high", "web_very_high", "web_maximum")},
        "files": files,
    },
    sys.stdout,
    indent=1,
)
print()
