"""DICOM files that need a codec, or say unusual things of their pixels, and what independent code finds in them.

    python3 -m venv v && v/bin/pip install pydicom==3.0.2 pylibjpeg pylibjpeg-openjpeg pylibjpeg-libjpeg pyjpegls numpy pillow
    v/bin/python codecs.py        writes *.dcm and expected.json

Written by pydicom 3 (OpenJPEG through pylibjpeg-openjpeg, CharLS through pyjpegls); lossless JPEG is written here by hand
(ITU-T T.81, H.1: first-order prediction, one Huffman table), since no library on PyPI does. Expected are the pixels that
pydicom reads back with pylibjpeg, which shares no code with what is tested but OpenJPEG's and CharLS' own.
"""
import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian, JPEG2000, JPEG2000Lossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless,
)

here = Path(__file__).parent
rng = np.random.default_rng(7)
W, H = 45, 37  # OpenJPEG wants 32 pixels at least for its six resolutions
cases = {}


def phantom(channels):
    y, x = np.mgrid[0:H, 0:W]
    r = np.hypot(x - W / 2, y - H / 2)
    picture = np.stack([180 - 90 * (r < 4) + x, 130 - 70 * (r < 4) + y, 100 - 60 * (r < 4) + 0 * x], axis=-1)
    picture = (picture + rng.integers(0, 6, picture.shape)).astype(np.uint8)
    return picture if channels == 3 else picture[..., 0]


def dataset(pixels, photometric, bits=8, signed=False, syntax=ExplicitVRLittleEndian):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.9.9999.4.{len(cases) + 1}"
    meta.TransferSyntaxUID = syntax
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.PatientID, ds.Modality = "GR-0002", "XC"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = (8 if bits <= 8 else 16), bits, bits - 1
    ds.PixelRepresentation = int(signed)
    raw = pixels.astype("u1" if bits <= 8 else "<i2" if signed else "<u2").tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OB" if bits <= 8 else "OW"
    return ds


def save(name, ds, expected, tolerance=0):
    ds.save_as(here / f"{name}.dcm", enforce_file_format=True)
    expected = np.asarray(expected)
    assert expected.dtype == np.uint8
    cases[name] = {"width": expected.shape[1], "height": expected.shape[0], "channels": 1 if expected.ndim == 2 else 3,
                   "tolerance": tolerance, "pixels": packed(expected)}


def packed(pixels):
    return base64.b64encode(zlib.compress(pixels.tobytes(), 9)).decode()


def shown(values, low, high):
    """Grey as the screen shows it: black at low, white at high."""
    return np.floor(255 * np.clip((values.astype(np.float64) - low) / (high - low), 0, 1) + 0.5).astype(np.uint8)


def read_back(ds, name):
    ds.save_as(here / f"{name}.dcm", enforce_file_format=True)
    return pydicom.dcmread(here / f"{name}.dcm").pixel_array


rgb, grey = phantom(3), phantom(1)
deep = grey.astype(np.int32) * 16 + rng.integers(0, 16, grey.shape)
for name, syntax in (("jpeg-2000-lossless", JPEG2000Lossless), ("jpeg-ls-lossless", JPEGLSLossless)):
    for kind, pixels, photometric, bits in (("rgb", rgb, "RGB", 8), ("grey", grey, "MONOCHROME2", 8), ("12-bit", deep, "MONOCHROME2", 12)):
        ds = dataset(pixels, photometric, bits)
        if bits == 12:
            ds.WindowCenter, ds.WindowWidth = 2048, 4096
        ds.compress(syntax, generate_instance_uid=False)
        found = read_back(ds, f"{name}-{kind}")
        assert (found == pixels).all()
        save(f"{name}-{kind}", ds, found if bits == 8 else shown(found, 0, 4095))
signed = deep - 2000
ds = dataset(signed, "MONOCHROME2", 16, signed=True)
ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 0, 4000, "LINEAR_EXACT"
ds.compress(JPEG2000Lossless, generate_instance_uid=False)
found = read_back(ds, "jpeg-2000-lossless-signed")
assert (found == signed).all()
save("jpeg-2000-lossless-signed", ds, shown(found, -2000, 2000))
ds = dataset(rgb, "RGB")
ds.compress(JPEG2000, j2k_psnr=[45], generate_instance_uid=False)
save("jpeg-2000-lossy-rgb", ds, read_back(ds, "jpeg-2000-lossy-rgb"), tolerance=2)
ds = dataset(grey, "MONOCHROME2")
ds.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)
save("jpeg-ls-near-lossless", ds, read_back(ds, "jpeg-ls-near-lossless"))


def lossless_jpeg(pixels, bits):
    """ITU-T T.81, process 14, selection value 1; components interleaved; the category is coded in 5 bits."""
    planes = pixels.astype(np.int64).reshape(H, W, -1)
    n = planes.shape[2]
    codes = list(range(17))  # categories 0 to 16, all of 5 bits
    out = bytearray(b"\xff\xd8")
    out += b"\xff\xc3" + (8 + 3 * n).to_bytes(2, "big") + bytes([bits]) + H.to_bytes(2, "big") + W.to_bytes(2, "big")
    out += bytes([n]) + b"".join(bytes([c + 1, 0x11, 0]) for c in range(n))
    counts = [0] * 16
    counts[4] = len(codes)
    out += b"\xff\xc4" + (3 + 16 + len(codes)).to_bytes(2, "big") + b"\0" + bytes(counts) + bytes(codes)
    out += b"\xff\xda" + (6 + 2 * n).to_bytes(2, "big") + bytes([n]) + b"".join(bytes([c + 1, 0]) for c in range(n)) + b"\1\0\0"
    text = ""
    for y in range(H):
        for x in range(W):
            for c in range(n):
                if x > 0:
                    before = planes[y, x - 1, c]
                elif y > 0:
                    before = planes[y - 1, 0, c]
                else:
                    before = 1 << (bits - 1)
                d = int(planes[y, x, c] - before)
                category = abs(d).bit_length()
                text += format(category, "05b")
                if category:
                    text += format(d if d > 0 else d + (1 << category) - 1, f"0{category}b")
    text += "1" * (-len(text) % 8)
    for at in range(0, len(text), 8):
        byte = int(text[at : at + 8], 2)
        out.append(byte)
        if byte == 255:
            out.append(0)
    out += b"\xff\xd9"
    return bytes(out) + b"\0" * (len(out) % 2)


for name, pixels, photometric, bits, syntax in (
    ("jpeg-lossless-rgb", rgb, "RGB", 8, JPEGLosslessSV1),
    ("jpeg-lossless-grey", grey, "MONOCHROME2", 8, JPEGLossless),
    ("jpeg-lossless-12-bit", deep, "MONOCHROME2", 12, JPEGLosslessSV1),
):
    ds = dataset(pixels, photometric, bits, syntax=syntax)
    if bits == 12:
        ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.PixelData = encapsulate([lossless_jpeg(pixels, bits)])
    ds["PixelData"].is_undefined_length = True
    found = read_back(ds, name)
    assert (found == pixels).all(), name
    save(name, ds, found if bits == 8 else shown(found, 0, 4095))

# What the pixels are to look like (PS3.3 C.11.6, C.7.6.3.1.7).
ds = dataset(grey, "MONOCHROME2")
ds.PresentationLUTShape = "INVERSE"
save("shape-inverse", ds, 255 - grey)
ds = dataset(grey, "MONOCHROME1")
ds.PresentationLUTShape = "INVERSE"
save("shape-inverse-mono1", ds, 255 - grey)
ds = dataset(grey, "MONOCHROME2")
ds.PresentationLUTShape = "IDENTITY"
save("shape-identity", ds, grey)

# Pixels that are not square, stretched by Pillow (bilinear).
y, x = np.mgrid[0:H, 0:W]
smooth = (120 + 60 * np.sin(x / 6) + 50 * np.cos(y / 5)).astype(np.uint8)
ds = dataset(smooth, "MONOCHROME2")
ds.PixelSpacing = [0.5, 0.25]
save("spacing-2-1", ds, np.asarray(Image.fromarray(smooth).resize((W, 2 * H), Image.BILINEAR)), tolerance=1)
ds = dataset(smooth, "MONOCHROME2")
ds.PixelAspectRatio = [2, 3]
save("aspect-2-3", ds, np.asarray(Image.fromarray(smooth).resize((round(W * 1.5), H), Image.BILINEAR)), tolerance=1)
ds = dataset(smooth, "MONOCHROME2")
ds.PixelSpacing, ds.PixelAspectRatio = [0.2502, 0.25], [2, 1]  # spacing goes first, and is square but for rounding
save("spacing-square", ds, smooth)

# As in PS3.10 before 1993, and as some devices still write: a data set without preamble and meta information.
ds = dataset(grey, "MONOCHROME2")
bare = pydicom.Dataset({tag: ds[tag] for tag in ds.keys()})
for name, implicit in (("bare-explicit", False), ("bare-implicit", True)):
    pydicom.dcmwrite(here / f"{name}.dcm", bare, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    assert (here / f"{name}.dcm").read_bytes()[128:132] != b"DICM"
    cases[name] = {"width": W, "height": H, "channels": 1, "tolerance": 0, "pixels": packed(grey)}

here.joinpath("expected.json").write_text(json.dumps(cases) + "\n")
print(len(cases), "files", sum(f.stat().st_size for f in here.glob("*.dcm")), "bytes")
