#!/usr/bin/python3
"""Small DICOM files and the pixels that independent code finds in them.

Written by pydicom 2.3 and dcmtk 3.6.7 (dcmconv, dcmcrle, dcmcjpeg, img2dcm). The expected pixels are 8-bit RGB or grey:
pydicom's pixel_array, convert_color_space, apply_modality_lut, apply_voi_lut and apply_color_lut for what is not JPEG,
dcmtk's dcmdjpeg for what is. Scaling to 8 bits after them is spelled out here. All patients are invented.

Run in this folder: /usr/bin/python3 generate.py
writes *.dcm; expected.json; expected.bin.z, the cases' pixels one after the other, deflated
"""
import glob
import io
import json
import os
import subprocess
import tempfile
import warnings
import zlib

import numpy as np
import pydicom
from PIL import Image, ImageCms
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixel_data_handlers.util import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi_lut,
    convert_color_space,
)
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)

warnings.simplefilter("ignore")
WIDTH, HEIGHT = 22, 14
VL_PHOTO = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.7"
rng = np.random.default_rng(20200611)
cases, blobs = [], []


def phantom(width=WIDTH, height=HEIGHT):
    """A dark lesion on skin: uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    r = np.hypot((x - 0.5 * width) / (0.35 * width), (y - 0.5 * height) / (0.35 * height))
    lesion = 1 / (1 + np.exp(8 * (r - 1)))
    skin = np.stack([215 + x, 165 + y, 140 + 0.5 * x], axis=-1)
    mole = np.stack([90 + 2 * y, 50 + x, 40 + 0 * x], axis=-1)
    return np.clip(skin * (1 - lesion[..., None]) + mole * lesion[..., None] + rng.normal(0, 3, skin.shape), 0, 255).astype(np.uint8)


def dataset(syntax=ExplicitVRLittleEndian, sop_class=VL_PHOTO, number=1):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.9.9999.3.{number}"
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = "1.2.826.0.1.3680043.9.9999.0"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, syntax == ImplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.0.1.3680043.9.9999.1", "1.2.826.0.1.3680043.9.9999.2"
    ds.PatientName, ds.PatientID, ds.Modality = "Invented^Patient", "GR-0001", "XC"
    return ds


def put(ds, pixels, photometric, *, bits=8, allocated=None, planar=0, signed=False, frames=None):
    allocated = allocated or (8 if bits <= 8 else 16)
    colour = photometric in ("RGB", "YBR_FULL", "YBR_FULL_422")
    ds.SamplesPerPixel, ds.PhotometricInterpretation = (3 if colour else 1), photometric
    if colour:
        ds.PlanarConfiguration = planar
    shape = pixels.shape[1:] if frames else pixels.shape
    ds.Rows, ds.Columns = shape[0], shape[1]
    if frames:
        ds.NumberOfFrames = frames
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = allocated, bits, bits - 1
    ds.PixelRepresentation = int(signed)
    kind = {(8, False): "u1", (8, True): "i1", (16, False): "<u2", (16, True): "<i2"}[allocated, signed]
    data = pixels.transpose(2, 0, 1) if planar else pixels
    raw = np.ascontiguousarray(data).astype(kind).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OB" if allocated == 8 else "OW"
    return ds


def save(name, ds):
    ds.save_as(f"{name}.dcm", write_like_original=False)


def expect(name, pixels, *, tolerance=0, extension=".png", warnings=0):
    pixels = np.asarray(pixels)
    assert pixels.dtype == np.uint8, pixels.dtype
    cases.append({
        "file": f"{name}.dcm",
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "channels": 1 if pixels.ndim == 2 else 3,
        "tolerance": tolerance,
        "extension": extension,
        "warnings": warnings,
    })
    blobs.append(pixels.tobytes())


def tool(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read(path):
    return pydicom.dcmread(path)


def to8(values, low, high):
    unit = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)
    return np.floor(255 * unit + 0.5).astype(np.uint8)


def colour_files():
    image = phantom()
    save("rgb-explicit", put(dataset(), image, "RGB"))
    expect("rgb-explicit", read("rgb-explicit.dcm").pixel_array)
    save("rgb-implicit-planar", put(dataset(ImplicitVRLittleEndian), image, "RGB", planar=1))
    expect("rgb-implicit-planar", read("rgb-implicit-planar.dcm").pixel_array)
    tool("dcmconv", "+tb", "rgb-explicit.dcm", "rgb-big-endian.dcm")
    expect("rgb-big-endian", image)
    ds = put(dataset(), image, "RGB")
    ds["PixelData"].VR = "OW"
    save("tmp-words", ds)
    tool("dcmconv", "+tb", "tmp-words.dcm", "rgb-big-endian-words.dcm")
    os.remove("tmp-words.dcm")
    expect("rgb-big-endian-words", image)
    tool("dcmconv", "+td", "rgb-explicit.dcm", "rgb-deflated.dcm")
    expect("rgb-deflated", image)
    tool("dcmcrle", "rgb-explicit.dcm", "rgb-rle.dcm")
    expect("rgb-rle", read("rgb-rle.dcm").pixel_array)

    ybr = convert_color_space(image, "RGB", "YBR_FULL")
    save("ybr-full", put(dataset(), ybr, "YBR_FULL"))
    expect("ybr-full", convert_color_space(read("ybr-full.dcm").pixel_array, "YBR_FULL", "RGB"))
    ds = put(dataset(), ybr, "YBR_FULL_422")
    pairs = ybr.reshape(-1, 2, 3)
    ds.PixelData = np.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], axis=1).tobytes()
    save("ybr-full-422", ds)
    expect("ybr-full-422", convert_color_space(read("ybr-full-422.dcm").pixel_array, "YBR_FULL_422", "RGB"))
    save("ybr-full-422-not-subsampled", put(dataset(), ybr, "YBR_FULL_422"))
    expect("ybr-full-422-not-subsampled", convert_color_space(ybr, "YBR_FULL", "RGB"), warnings=1)

    deep = (image.astype(np.uint16) << 4) | 7
    save("rgb-12-bit", put(dataset(), deep, "RGB", bits=12))
    expect("rgb-12-bit", to8(read("rgb-12-bit.dcm").pixel_array, 0, 4095))

    frames = np.stack([image, image[::-1], image[:, ::-1]])
    save("rgb-3-frames", put(dataset(), frames, "RGB", frames=3))
    expect("rgb-3-frames", read("rgb-3-frames.dcm").pixel_array[0], warnings=1)
    tool("dcmcrle", "-ot", "rgb-3-frames.dcm", "rgb-3-frames-rle.dcm")
    expect("rgb-3-frames-rle", read("rgb-3-frames-rle.dcm").pixel_array[0], warnings=1)

    # A profile with red and green exchanged: the decoder must show them exchanged.
    swapped = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    swapped = swapped.replace(b"rXYZ", b"tmpZ").replace(b"gXYZ", b"rXYZ").replace(b"tmpZ", b"gXYZ")
    flat = np.full((8, 8, 3), (200, 60, 90), np.uint8)
    ds = put(dataset(), flat, "RGB")
    ds.ICCProfile = swapped
    save("rgb-icc", ds)
    expect("rgb-icc", flat[..., [1, 0, 2]], tolerance=2)
    tool("dcmcjpeg", "+eb", "+un", "rgb-icc.dcm", "jpeg-icc.dcm")
    expect("jpeg-icc", flat[..., [1, 0, 2]], tolerance=4, extension=".jpg")


def grey_files():
    image = phantom()[..., 0]
    save("mono2-8", put(dataset(), image, "MONOCHROME2"))
    expect("mono2-8", read("mono2-8.dcm").pixel_array)
    save("mono1-8", put(dataset(), image, "MONOCHROME1"))
    expect("mono1-8", 255 - read("mono1-8.dcm").pixel_array)

    deep = image.astype(np.int32) * 16 + 5
    ds = put(dataset(), deep, "MONOCHROME2", bits=12)
    ds.WindowCenter, ds.WindowWidth = [2400, 100], [1800, 50]
    save("mono2-12-window", ds)
    ds = read("mono2-12-window.dcm")
    expect("mono2-12-window", to8(apply_voi_lut(ds.pixel_array, ds, index=0), 0, 4095))

    ds = put(dataset(), deep, "MONOCHROME1", bits=12)
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 2400, 900, "LINEAR_EXACT"
    save("mono1-12-linear-exact", ds)
    ds = read("mono1-12-linear-exact.dcm")
    expect("mono1-12-linear-exact", 255 - to8(apply_voi_lut(ds.pixel_array, ds), 0, 4095))

    signed = deep - 2000
    ds = put(dataset(), signed, "MONOCHROME2", bits=16, signed=True)
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "0.5", "-100", "US"
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 0, 600, "SIGMOID"
    save("mono2-16-signed-sigmoid", ds)
    ds = read("mono2-16-signed-sigmoid.dcm")
    shown = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds)
    expect("mono2-16-signed-sigmoid", to8(shown, 0.5 * -32768 - 100, 0.5 * 32767 - 100))

    save("mono2-10-no-window", put(dataset(), image.astype(np.int32) * 3 + 17, "MONOCHROME2", bits=10))
    stored = read("mono2-10-no-window.dcm").pixel_array
    expect("mono2-10-no-window", to8(stored, stored.min(), stored.max()), warnings=1)

    save("mono2-8-signed", put(dataset(), image.astype(np.int16) - 128, "MONOCHROME2", signed=True))
    expect("mono2-8-signed", to8(read("mono2-8-signed.dcm").pixel_array, -128, 127))

    # High bit 13 of 16, and garbage in the bits beside the stored ones.
    ds = put(dataset(), (deep << 2) | (rng.integers(0, 4, deep.shape) << 14) | rng.integers(0, 4, deep.shape), "MONOCHROME2", bits=16)
    ds.BitsStored, ds.HighBit, ds.WindowCenter, ds.WindowWidth = 12, 13, 2048, 4096
    save("mono2-12-shifted", ds)
    expect("mono2-12-shifted", to8(deep, 0, 4095))

    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [256, 1000, 8], [int(v) for v in 255 * (np.arange(256) / 255) ** 2]
    lut["LUTDescriptor"].VR = lut["LUTData"].VR = "US"
    ds = put(dataset(), image.astype(np.int32) + 990, "MONOCHROME2", bits=16)
    ds.VOILUTSequence = Sequence([lut])
    save("mono2-16-voi-lut", ds)
    ds = read("mono2-16-voi-lut.dcm")
    expect("mono2-16-voi-lut", to8(apply_voi_lut(ds.pixel_array, ds), 0, 255))

    modality = Dataset()
    modality.LUTDescriptor, modality.LUTData = [256, 0, 16], [int(v) for v in 60000 - 200 * np.arange(256)]
    modality["LUTDescriptor"].VR = modality["LUTData"].VR = "US"
    modality.ModalityLUTType = "US"
    ds = put(dataset(), image, "MONOCHROME2")
    ds.ModalityLUTSequence, ds.WindowCenter, ds.WindowWidth = Sequence([modality]), 40000, 30000
    save("mono2-8-modality-lut", ds)
    ds = read("mono2-8-modality-lut.dcm")
    shown = apply_modality_lut(ds.pixel_array, ds)
    low, width = 40000 - 0.5, 30000 - 1  # PS3.3 C.11.2.1.2.1; pydicom takes the output range from the 8 stored bits
    expect("mono2-8-modality-lut", to8((shown - low) / width + 0.5, 0, 1))

    tool("dcmconv", "+tb", "mono2-12-window.dcm", "mono2-12-big-endian.dcm")
    ds = read("mono2-12-big-endian.dcm")
    expect("mono2-12-big-endian", to8(apply_voi_lut(ds.pixel_array, ds, index=0), 0, 4095))
    tool("dcmcrle", "mono2-12-window.dcm", "mono2-12-rle.dcm")
    ds = read("mono2-12-rle.dcm")
    expect("mono2-12-rle", to8(apply_voi_lut(ds.pixel_array, ds, index=0), 0, 4095))


def palette_files():
    quantised = Image.fromarray(phantom()).quantize(40)
    index = np.asarray(quantised)
    table = np.asarray(quantised.getpalette()[: 3 * 40], np.uint8).reshape(40, 3)

    def with_palette(pixels, *, first, bits, spread, pack):
        ds = put(dataset(), pixels, "PALETTE COLOR")
        for c, name in enumerate(("Red", "Green", "Blue")):
            setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [40, first, bits])
            ds[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
            values = table[:, c].astype(np.uint16) * spread + (17 if spread > 1 else 0)
            setattr(ds, f"{name}PaletteColorLookupTableData", values.astype("u1" if pack else "<u2").tobytes())
            ds[f"{name}PaletteColorLookupTableData"].VR = "OW"
        return ds

    save("palette-8", with_palette(index, first=0, bits=8, spread=1, pack=True))
    ds = read("palette-8.dcm")
    expect("palette-8", apply_color_lut(ds.pixel_array, ds).astype(np.uint8))
    save("palette-16", with_palette(index + 10, first=10, bits=16, spread=256, pack=False))
    ds = read("palette-16.dcm")
    expect("palette-16", (apply_color_lut(ds.pixel_array, ds) >> 8).astype(np.uint8))
    tool("dcmconv", "+tb", "palette-16.dcm", "palette-16-big-endian.dcm")
    expect("palette-16-big-endian", table[index])
    tool("dcmconv", "+tb", "palette-8.dcm", "palette-8-big-endian.dcm")
    expect("palette-8-big-endian", table[index])
    save("palette-16-of-8", with_palette(index, first=0, bits=16, spread=1, pack=False))
    expect("palette-16-of-8", table[index])
    tool("dcmcrle", "palette-8.dcm", "palette-8-rle.dcm")
    expect("palette-8-rle", table[index])


def by_dcmtk(name):
    """What dcmtk's decoder makes of a JPEG file: first frame, RGB or grey."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.dcm")
        tool("dcmdjpeg", f"{name}.dcm", out)
        ds = read(out)
        pixels = ds.pixel_array
        return pixels[0] if int(ds.get("NumberOfFrames", 1)) > 1 else pixels


def jpeg_dataset(stream, photometric, *, size, fragments=1, samples=3, offsets=True, frames=1, syntax=JPEGBaseline8Bit):
    """`stream`: one JPEG stream a frame."""
    ds = dataset(syntax)
    blank = np.zeros((size[1], size[0], 3) if samples == 3 else (size[1], size[0]), np.uint8)
    put(ds, blank, photometric)
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.PixelData = encapsulate(stream, fragments_per_frame=fragments, has_bot=offsets)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def pillow(image, **options):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=92, **options)
    return out.getvalue()


def without_markers(stream, ids=None):
    """Drops JFIF's segment; `ids` renames the components."""
    assert stream[2:4] == b"\xff\xe0"
    out = bytearray(stream[:2] + stream[4 + int.from_bytes(stream[4:6], "big"):])
    if ids:
        frame = out.index(b"\xff\xc0")
        for c in range(3):
            out[frame + 10 + 3 * c] = ids[c]
        scan = out.index(b"\xff\xda")
        for c in range(3):
            out[scan + 5 + 2 * c] = ids[c]
    return bytes(out)


def planted_jpeg(image):
    """EXIF, XMP, IPTC and comments with a name, a JFIF thumbnail, and text after the end."""
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E], exif[0x0112] = "PLANTED^NAME", "PLANTED^NAME", "PLANTED^NAME", 6
    stream = pillow(image, exif=exif, comment=b"PLANTED^NAME")
    segment = lambda marker, content: b"\xff" + bytes([marker]) + (len(content) + 2).to_bytes(2, "big") + content
    # Pillow 9.4 writes neither; and a JFIF segment with a thumbnail of 1 x 4 pixels that spell a name.
    jfif = segment(0xE0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x04PLANTED^NAME")
    start = 4 + int.from_bytes(stream[4:6], "big")
    extra = (
        segment(0xFE, b"PLANTED^NAME")
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:PLANTED^NAME/>")
        + segment(0xED, b"Photoshop 3.0\0PLANTED^NAME")
        + segment(0xE0, b"JFXX\0\x10PLANTED^NAME")
        + segment(0xE2, b"MPF\0PLANTED^NAME")
    )
    return stream[:2] + jfif + extra + stream[start:] + b"PLANTED^NAME"


def jpeg_files():
    image = phantom(32, 24)
    save("tmp-source", put(dataset(), image, "RGB"))
    for name, options in {
        "jpeg-baseline-422": ("+eb",),
        "jpeg-baseline-444": ("+eb", "+s4"),
        "jpeg-baseline-rgb": ("+eb", "+cr"),
        "jpeg-extended": ("+ee",),
        "jpeg-empty-offset-table": ("+eb", "-ot"),
    }.items():
        tool("dcmcjpeg", "+un", *options, "tmp-source.dcm", f"{name}.dcm")
        expect(name, by_dcmtk(name), tolerance=4, extension=".jpg")

    grey = put(dataset(), image[..., 1], "MONOCHROME2")
    save("tmp-grey", grey)
    tool("dcmcjpeg", "+un", "+eb", "tmp-grey.dcm", "jpeg-mono2.dcm")
    expect("jpeg-mono2", by_dcmtk("jpeg-mono2"), tolerance=2, extension=".jpg")
    stream = pillow(image[..., 1])
    save("jpeg-mono1", jpeg_dataset([stream], "MONOCHROME1", size=(32, 24), samples=1))
    expect("jpeg-mono1", 255 - by_dcmtk("jpeg-mono1"), tolerance=2)

    frames = np.stack([image, image[::-1], image[:, ::-1]])
    for name, fragments, offsets in (("jpeg-3-frames", 2, True), ("jpeg-3-frames-no-offsets", 2, False), ("jpeg-3-frames-plain", 1, False)):
        streams = [pillow(frame) for frame in frames]
        save(name, jpeg_dataset(streams, "YBR_FULL_422", size=(32, 24), frames=3, fragments=fragments, offsets=offsets))
        expect(name, np.asarray(Image.open(io.BytesIO(streams[0])).convert("RGB")), tolerance=4, extension=".jpg", warnings=1)
    save("jpeg-3-fragments", jpeg_dataset([pillow(image)], "YBR_FULL_422", size=(32, 24), fragments=3))
    expect("jpeg-3-fragments", by_dcmtk("jpeg-3-fragments"), tolerance=4, extension=".jpg")

    # The component ids 1, 2, 3 make libjpeg take RGB for YCbCr; the ids R, G, B the other way round.
    as_rgb = without_markers(pillow(image, subsampling=0))
    as_rgb_of = np.asarray(Image.open(io.BytesIO(pillow(image, subsampling=0))).convert("YCbCr"))
    save("jpeg-rgb-no-markers", jpeg_dataset([as_rgb], "RGB", size=(32, 24)))
    expect("jpeg-rgb-no-markers", as_rgb_of, tolerance=4, extension=".jpg")
    save("jpeg-ybr-rgb-ids", jpeg_dataset([without_markers(pillow(image, subsampling=0), b"RGB")], "YBR_FULL", size=(32, 24)))
    expect("jpeg-ybr-rgb-ids", np.asarray(Image.open(io.BytesIO(pillow(image, subsampling=0)))), tolerance=4, extension=".jpg")
    save("jpeg-jfif-called-rgb", jpeg_dataset([pillow(image)], "RGB", size=(32, 24)))
    expect("jpeg-jfif-called-rgb", np.asarray(Image.open(io.BytesIO(pillow(image)))), tolerance=4, extension=".jpg", warnings=1)
    save("jpeg-progressive", jpeg_dataset([pillow(image, progressive=True)], "YBR_FULL_422", size=(32, 24)))
    expect("jpeg-progressive", np.asarray(Image.open(io.BytesIO(pillow(image, progressive=True)))), tolerance=4, extension=".jpg")

    planted = jpeg_dataset([planted_jpeg(image)], "YBR_FULL_422", size=(32, 24))
    planted.preamble = b"PLANTED^NAME" + b"\0" * 116
    save("planted-jpeg", planted)
    expect("planted-jpeg", np.asarray(Image.open(io.BytesIO(pillow(image)))), tolerance=4, extension=".jpg")

    Image.fromarray(image).save("tmp.jpg", quality=92)
    keys = {"StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": "1.2.3.2", "SOPInstanceUID": "1.2.3.3", "PatientID": "GR-0002"}
    tool("img2dcm", "-vlp", "tmp.jpg", "img2dcm.dcm", *(part for key in keys.items() for part in ("-k", "=".join(key))))
    expect("img2dcm", by_dcmtk("img2dcm"), tolerance=4, extension=".jpg")

    twelve = put(dataset(), image[..., 0].astype(np.int32) * 16, "MONOCHROME2", bits=12)
    save("tmp-12", twelve)
    tool("dcmcjpeg", "+un", "+ee", "+bt", "tmp-12.dcm", "error-jpeg-12-bit.dcm")
    tool("dcmcjpeg", "+un", "+e1", "tmp-source.dcm", "tmp-lossless.dcm")
    lossless = open("tmp-lossless.dcm", "rb").read()
    end = lossless.rfind(b"\xff\xd9")
    with open("error-jpeg-lossless-cut.dcm", "wb") as cut:  # zeros for the last 40 bytes and the end mark
        cut.write(lossless[: end - 40] + bytes(42) + lossless[end + 2 :])
    for path in glob.glob("tmp*"):
        os.remove(path)


def field_files():
    def code(value, scheme, meaning):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
        return item

    ds = put(dataset(sop_class=DERMOSCOPY), np.full((4, 4, 3), 120, np.uint8), "RGB")
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.PatientSex, ds.PatientAge, ds.PatientBirthDate = "Mörike^Ännchen", "GR-0042", "F", "045Y", "19750309"
    ds.StudyDate, ds.Manufacturer, ds.ManufacturerModelName = "20210304", "Erfundene Optik Süd", "Skinscope 3"
    ds.InstitutionName, ds.ImageLaterality, ds.BodyPartExamined = "Invented Hospital", "L", "BREAST"
    ds.AnatomicRegionSequence = Sequence([code("22943007", "SCT", "Trunk")])
    ds.PrimaryAnatomicStructureSequence = Sequence([code("39937001", "SCT", "Skin")])
    ds.TrackingID, ds.TrackingUID = "mole above the belt", "1.2.826.0.1.3680043.9.9999.7"
    ds.add_new(0x00161001, "CS", "POLARIZED")
    ds.add_new(0x00161003, "CS", "NON_CONTACT")
    ds.BurnedInAnnotation, ds.RecognizableVisualFeatures = "YES", "YES"
    # An Extended Offset Table has a value representation that is younger than dicom-parser.
    ds.add_new(0x7FE00001, "OV", b"\0" * 16)
    save("fields", ds)
    expect("fields", np.full((4, 4, 3), 120, np.uint8), warnings=2)

    # As the ISIC 2020 challenge's DICOM files have their fields; Latin-1, and age only from the birth date.
    ds = put(dataset(ImplicitVRLittleEndian), np.full((4, 4), 77, np.uint8), "MONOCHROME2")
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientSex, ds.PatientBirthDate, ds.StudyDate, ds.PatientID = "O", "19240611", "20210610", "GR-Ä"
    ds.add_new(0x00180015, "CS", "HEAD/NECK")
    ds.TrackingID, ds.Laterality = "1", "R"
    ds.AnatomicRegionSequence = Sequence([code("X1", "99LOCAL", "Nase von Frau Mörike")])
    save("fields-implicit", ds)
    expect("fields-implicit", np.full((4, 4), 77, np.uint8))

    # Every text, date, time and UID of the dictionary, top level and nested, and private elements.
    kinds = {
        "PN": "PLANTED^NAME", "LO": "PLANTED^NAME", "SH": "PLANTED^NAME", "LT": "PLANTED^NAME", "ST": "PLANTED^NAME",
        "UT": "PLANTED^NAME", "UC": "PLANTED^NAME", "AE": "PLANTED^NAME", "UR": "PLANTED^NAME", "DA": "19430717",
        "DT": "19430717121314", "TM": "121314", "UI": "1.2.19430717.1",
    }
    ds = put(dataset(DeflatedExplicitVRLittleEndian), np.full((4, 4, 3), 120, np.uint8), "RGB")
    item = Dataset()
    for tag, (vr, *_) in sorted(DicomDictionary.items()):
        if vr not in kinds or not 0x00080000 <= tag < 0x7FE00000 or tag in (0x00080016, 0x00080018):
            continue
        if tag in (0x00080070, 0x00081090):  # manufacturer and model come out
            continue
        ds.add_new(tag, vr, kinds[vr])
        if tag >> 16 in (0x0008, 0x0010, 0x0032, 0x0038, 0x0040):
            item.add_new(tag, vr, kinds[vr])
    planted = sum(1 for element in ds if element.VR in kinds)
    item.CodingSchemeDesignator = "99LOCAL"
    for sequence in ("AnatomicRegionSequence", "PrimaryAnatomicStructureSequence", "RequestAttributesSequence", "AcquisitionContextSequence", "AdmittingDiagnosesCodeSequence"):
        setattr(ds, sequence, Sequence([item]))
    ds.add_new(0x00180015, "CS", "PLANTED^NAME")
    block = ds.private_block(0x0029, "PLANTED^NAME", create=True)
    block.add_new(1, "LO", "PLANTED^NAME")
    save("planted", ds)
    expect("planted", np.full((4, 4, 3), 120, np.uint8))
    return planted


def error_files():
    ds = dataset(sop_class="1.2.840.10008.5.1.4.1.1.88.33")
    save("error-structured-report", ds)
    image = put(dataset(), np.zeros((6, 8), np.uint8), "MONOCHROME2")
    image.PixelData, image.BitsAllocated, image.BitsStored, image.HighBit = b"\0" * 6, 1, 1, 0
    save("error-1-bit", image)
    ds = put(dataset(), phantom(), "RGB")
    ds.PixelData = ds.PixelData[:700]
    save("error-truncated", ds)
    ds = put(dataset(), phantom(), "RGB")
    del ds.Rows
    save("error-no-rows", ds)
    ds = put(dataset(), phantom(), "RGB")
    ds.PhotometricInterpretation = "YBR_PARTIAL_420"
    save("error-photometric", ds)
    ds = put(dataset(sop_class="1.2.840.10008.5.1.4.1.1.77.1.6"), np.zeros((2, 4, 4, 3), np.uint8), "RGB", frames=2)
    save("error-whole-slide", ds)


if __name__ == "__main__":
    for path in glob.glob("*.dcm"):
        os.remove(path)
    colour_files()
    grey_files()
    palette_files()
    jpeg_files()
    planted = field_files()
    error_files()
    with open("expected.json", "w") as out:
        json.dump({"plantedElements": planted, "cases": cases}, out, separators=(",", ":"))
        out.write("\n")
    with open("expected.bin.z", "wb") as out:
        out.write(zlib.compress(b"".join(blobs), 9))
