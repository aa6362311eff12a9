"""BMP files of every layout, written byte by byte, and their pixels as Pillow reads them → bmp.json.

    python3 bmp.py        (Pillow 13)

Run-length codes with jumps are not Pillow's strength: what those must give is written down here, from Microsoft's
description of BI_RLE4 and BI_RLE8.
"""
import base64, hashlib, io, json, random, struct
from pathlib import Path
from PIL import Image

random.seed(3)
W, H = 7, 5  # rows of no depth but 32 end at a multiple of 4 bytes


def header(bits, compression=0, width=W, height=H, used=0, extra=b"", size=40, data=0, offset=0):
    info = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, data, 2835, 2835, used, 0)
    info += bytes(max(0, size - 40 - len(extra))) if size > 40 and not extra else b""
    info += extra
    at = offset or 14 + len(info) + 4 * (used or (2 ** bits if bits <= 8 else 0))
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, at) + info


def palette(n, grey=False):
    return b"".join(
        bytes([i * 255 // max(1, n - 1)] * 3 + [0]) if grey else bytes([random.randrange(256) for _ in range(3)] + [0])
        for i in range(n)
    )


def rows(bits, values, bottom_up=True):
    out = []
    for y in range(H):
        number, length = 0, 0
        for x in range(W):
            number = number << bits | values[y][x]
            length += bits
        stride = (length + 31) // 32 * 32
        out.append((number << (stride - length)).to_bytes(stride // 8, "big"))
    return b"".join(reversed(out) if bottom_up else out)


def indices(bits):
    return [[random.randrange(2 ** bits) for _ in range(W)] for _ in range(H)]


files = {}
for bits in (1, 4, 8):
    files[f"palette-{bits}"] = header(bits) + palette(2 ** bits) + rows(bits, indices(bits))
files["palette-8-grey"] = header(8) + palette(256, grey=True) + rows(8, indices(8))
files["palette-8-of-5"] = (
    header(8, used=5) + palette(5) + rows(8, [[random.randrange(5) for _ in range(W)] for _ in range(H)])
)
files["palette-4-top-down"] = header(4, height=-H) + palette(16) + rows(4, indices(4), bottom_up=False)
bgr = bytes(random.randrange(256) for _ in range(3 * W * H))
padded = b"".join(bgr[3 * W * y : 3 * W * (y + 1)] + b"\0" * (-3 * W % 4) for y in range(H))
files["bgr-24"] = header(24) + padded
files["bgr-24-top-down"] = header(24, height=-H) + padded
files["bgr-24-gap-before-pixels"] = header(24, offset=14 + 40 + 10) + b"junk" * 2 + b"ab" + padded
files["bgr-24-v5"] = header(24, size=124) + padded
core = struct.pack("<IHHHH", 12, W, H, 1, 24)
files["bgr-24-os2"] = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26) + core + padded
core = struct.pack("<IHHHH", 12, W, H, 1, 8)
small = b"".join(bytes(random.randrange(256) for _ in range(3)) for _ in range(256))
files["palette-8-os2"] = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26 + 768) + core + small + rows(8, indices(8))
bgrx = bytes(random.randrange(256) if i % 4 != 3 else 0 for i in range(4 * W * H))
files["bgrx-32"] = header(32) + bgrx
words = b"".join(struct.pack("<H", random.randrange(65536)) for _ in range(W * H))
padded16 = b"".join(words[2 * W * y : 2 * W * (y + 1)] + b"\0" * (-2 * W % 4) for y in range(H))
files["fields-555"] = header(16) + padded16
masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
files["fields-565"] = header(16, compression=3, extra=b"", offset=14 + 40 + 12) + masks + padded16

expected = {}
for name, content in files.items():
    image = Image.open(io.BytesIO(content)).convert("RGB")
    assert image.size == (W, H), name
    expected[name] = list(image.tobytes())

# By hand: 7 × 5, palette of 16 whose entry i is (16 i, 15 i, 14 i) as RGB.
colours = b"".join(bytes([14 * i, 15 * i, 16 * i, 0]) for i in range(16))


def picture(grid):
    return [v for row in grid for i in row for v in (16 * i, 15 * i, 14 * i)]


grid = [
    [1, 1, 1, 1, 1, 1, 1],
    [2, 3, 2, 3, 2, 3, 2],
    [0, 0, 0, 4, 4, 0, 0],
    [5, 6, 7, 8, 9, 9, 9],
    [10, 10, 11, 12, 13, 14, 15],
]
rle8 = bytes(
    [2, 10, 0, 5, 11, 12, 13, 14, 15, 0, 0, 0]  # bottom row: a run, five single ones and padding; end of row
    + [0, 4, 5, 6, 7, 8, 3, 9, 0, 0]  # four single ones, a run, end of row
    + [0, 2, 3, 0, 2, 4, 0, 0]  # a jump to the right, a run, end of row: the rest is index 0
    + [0, 7, 2, 3, 2, 3, 2, 3, 2, 0, 0, 0]  # seven single ones and padding
    + [7, 1, 0, 1]  # a run, end of picture
)
files["rle-8"] = header(8, compression=1, used=16, data=len(rle8)) + colours + rle8
rle4 = bytes(
    [2, 0xAA, 0, 5, 0xBC, 0xDE, 0xF0, 0, 0, 0]  # five single ones: three bytes, padded to four
    + [0, 4, 0x56, 0x78, 3, 0x99, 0, 0]
    + [0, 2, 3, 0, 2, 0x44, 0, 0]
    + [7, 0x23, 0, 0]  # a run alternates between two
    + [7, 0x11, 0, 1]
)
files["rle-4"] = header(4, compression=2, used=16, data=len(rle4)) + colours + rle4
down = bytes([7, 1, 0, 0, 0, 2, 3, 2, 2, 9, 0, 1])  # a jump over rows; the rest is index 0
files["rle-8-jump-over-rows"] = header(8, compression=1, used=16, data=len(down)) + colours + down
for name in ("rle-8", "rle-4"):
    expected[name] = picture(grid)
jumped = [[0] * 7 for _ in range(5)]
jumped[4] = [1] * 7
jumped[1] = [0, 0, 0, 9, 9, 0, 0]
expected["rle-8-jump-over-rows"] = picture(jumped)

out = {
    name: {"file": base64.b64encode(content).decode(), "rgb": expected[name]} for name, content in sorted(files.items())
}
Path(__file__).with_name("bmp.json").write_text(json.dumps({"width": W, "height": H, "files": out}) + "\n")
print(len(out), "files")
