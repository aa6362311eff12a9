"""A safetensors file with 16-bit floats, for src/torch/safetensors.test.ts.

    /usr/bin/python3 test/goldens/safetensors/generate.py

Writes half.safetensors (by the format's description: header length, JSON header, raw bytes) and expected.json beside this
file: of each tensor its shape and the bits of the float32 that torch makes of every element, so that not-a-number, signed
zero and subnormal numbers are told apart.
"""
import json
import os
import struct

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(11)

# Every power of two that a format knows, its largest number, subnormals, both zeros, infinities, not a number.
half_bits = torch.tensor([0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0xBC01, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00])
brain_bits = torch.tensor([0x0000, 0x8000, 0x0001, 0x807F, 0x0080, 0x3F80, 0xBF81, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0])


def of_bits(bits, dtype):
    return (bits - 65536 * (bits >= 32768)).to(torch.int16).view(dtype)


tensors = {
    "half.weight": torch.randn(2, 3, 1, 2).half(),
    "half.special": of_bits(half_bits, torch.float16).reshape(3, 4),
    "brain.weight": torch.randn(5, 2).bfloat16(),
    "brain.special": of_bits(brain_bits, torch.bfloat16).reshape(4, 3),
    "brain.scalar": torch.tensor(-2.5).bfloat16(),
    "half.empty": torch.zeros(0, 3).half(),
    "plain": torch.randn(3),
}
NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}

header, data, expected = {"__metadata__": {"format": "pt"}}, b"", {}
for name, t in tensors.items():
    # numpy knows no bfloat16: the same bytes as integers.
    raw = t.contiguous().view(torch.int16 if t.element_size() == 2 else torch.int32).numpy().tobytes()
    header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
    bits = t.float().reshape(-1).view(torch.int32).tolist() if t.numel() else []
    expected[name] = {"shape": list(t.shape), "bits": [b & 0xFFFFFFFF for b in bits]}
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(os.path.join(HERE, "half.safetensors"), "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
with open(os.path.join(HERE, "expected.json"), "w") as file:
    json.dump(expected, file, separators=(",", ":"))
    file.write("\n")
