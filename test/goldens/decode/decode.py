#!/usr/bin/python3
"""Files of every kind that the decoder must get right, and the pixels that PIL (Debian: python3-pil) reads from them.

What PIL cannot do is done in numpy: laying on black, 16 bits to 8. `tolerance`: how far a channel of a pixel may be
off, because two JPEG decoders may round otherwise, or because CMYK is converted with a profile here and without one
by PIL.

Run in this folder: /usr/bin/python3 decode.py > decode.json
"""
import base64
import io
import json
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, ImageCms, ImageOps

HEIGHT, WIDTH = 12, 20
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
# No symmetry, so that every orientation is told from the others; smooth, so that JPEG keeps it.
RGB = np.stack([20 + 11 * x, 240 - 15 * y, 60 + 4 * x + 5 * y], axis=-1).clip(0, 255).astype(np.uint8)
GREY = (10 + 9 * x + 5 * y).clip(0, 255).astype(np.uint8)
ALPHA = np.where(x + y < 8, 0, np.where(x + y < 16, 128, 255)).astype(np.uint8)

cases = []
b64 = lambda data: base64.b64encode(data).decode()


def case(name, data, expected, tolerance=0):
    expected = np.asarray(expected)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    assert expected.dtype == np.uint8 and expected.shape[2] == 3
    cases.append(
        {
            "name": name,
            "file": b64(data),
            "height": expected.shape[0],
            "width": expected.shape[1],
            "pixels": b64(np.ascontiguousarray(expected).tobytes()),
            "tolerance": tolerance,
        }
    )


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def read(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def on_black(rgb, alpha):
    if rgb.ndim == 2:
        rgb = rgb[..., None].repeat(3, axis=2)
    return np.round(rgb * (alpha[..., None] / 255.0)).astype(np.uint8)


def png(samples, depth, colour_type):
    """PNG with 16-bit samples of any number of channels, which PIL cannot write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    chunk = lambda kind, body: (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    )
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def without_segment(jpeg, marker):
    at = 2
    while True:
        assert jpeg[at] == 0xFF
        length = 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if jpeg[at + 1] == marker:
            return jpeg[:at] + jpeg[at + length :]
        at += length


rgb, grey = Image.fromarray(RGB), Image.fromarray(GREY)

for format in ("PNG", "JPEG", "TIFF", "WEBP"):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}, "TIFF": {}, "WEBP": {"lossless": True}}[format]
        if format == "TIFF":
            data = saved(rgb, format, tiffinfo={0x0112: orientation})
        else:
            data = saved(rgb, format, exif=exif, **options)
        opened = Image.open(io.BytesIO(data))
        if format == "TIFF":  # PIL turns TIFF files itself while it reads them
            upright = ImageOps.exif_transpose(Image.open(io.BytesIO(saved(rgb, "PNG", exif=exif))))
        else:
            upright = ImageOps.exif_transpose(opened)
        case(f"{format}, EXIF orientation {orientation}", data, np.asarray(upright.convert("RGB")), 2 * (format == "JPEG"))

case("PNG, grey", saved(grey, "PNG"), GREY)
case("PNG, grey with alpha", saved(Image.merge("LA", (grey, Image.fromarray(ALPHA))), "PNG"), on_black(GREY, ALPHA), 1)
case("PNG, four channels", saved(Image.merge("RGBA", (*rgb.split(), Image.fromarray(ALPHA))), "PNG"), on_black(RGB, ALPHA), 1)
palette = rgb.quantize(16)
case("PNG, palette", saved(palette, "PNG"), np.asarray(palette.convert("RGB")))
clear = saved(palette, "PNG", transparency=3)
case(
    "PNG, palette with a transparent colour",
    clear,
    np.where((np.asarray(palette) == 3)[..., None], 0, np.asarray(palette.convert("RGB"))).astype(np.uint8),
)
case("PNG, one bit", saved(Image.fromarray(GREY > 127), "PNG"), np.where(GREY > 127, 255, 0).astype(np.uint8))
case("PNG, 16-bit grey", png(GREY[..., None] * np.uint16(257), 16, 0), GREY)
case("PNG, 16-bit RGB", png(RGB * np.uint16(257), 16, 2), RGB)
# Between two bytes: 16 bits lose their lower 8 or are rounded.
between = RGB * np.uint16(257) + (RGB < 255) * np.uint16(100)
case("PNG, 16-bit RGB, values between bytes", png(between, 16, 2), np.round(between / 257).astype(np.uint8), 1)
deep_alpha = np.concatenate([RGB, ALPHA[..., None]], axis=2) * np.uint16(257)
case("PNG, 16-bit RGB with alpha", png(deep_alpha, 16, 6), on_black(RGB, ALPHA), 1)
case("TIFF, 16-bit grey", saved(Image.fromarray(GREY * np.uint16(257)), "TIFF"), GREY)
case("TIFF, LZW", saved(rgb, "TIFF", compression="tiff_lzw"), RGB)
case("GIF", saved(palette, "GIF"), np.asarray(palette.convert("RGB")))
case("WebP, with alpha", saved(Image.merge("RGBA", (*rgb.split(), Image.fromarray(ALPHA))), "WEBP", lossless=True, exact=True), on_black(RGB, ALPHA), 1)
for name, options in (
    ("baseline, 4:4:4", {"subsampling": 0}),
    ("progressive, 4:4:4", {"subsampling": 0, "progressive": True}),
    ("baseline, 4:2:0", {}),
):
    data = saved(rgb, "JPEG", quality=95, **options)
    case(f"JPEG, {name}", data, read(data), 2)
data = saved(grey, "JPEG", quality=95)
case("JPEG, grey", data, read(data), 2)
data = saved(rgb, "JPEG", quality=95, subsampling=0, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
case("JPEG, sRGB profile", data, read(data), 3)

# Inks in blocks: paper, all four alone, and all on one another. PIL writes the Adobe marker and inverted inks.
INKS = [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (255, 255, 255, 255)]
inks = np.zeros((16, 96, 4), np.uint8)
for k, ink in enumerate(INKS):
    inks[:, 16 * k : 16 * k + 16] = ink
cmyk = Image.fromarray(inks, "CMYK")
data = saved(cmyk, "JPEG", quality=95)
assert b"Adobe" in data
case("JPEG, CMYK with the Adobe marker", data, np.asarray(cmyk.convert("RGB")), 130)
# PIL takes inks for inverted with or without the marker.
case("JPEG, CMYK without a marker", without_segment(data, 0xEE), np.asarray(cmyk.convert("RGB")), 130)
case("TIFF, CMYK", saved(cmyk, "TIFF"), np.asarray(cmyk.convert("RGB")), 130)

json.dump({"pil": PIL.__version__, "cases": cases}, sys.stdout, indent=1)
print()
