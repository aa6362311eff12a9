"""Small safetensors files, sound and not, and what the reference reader makes of them, for src/torch/safetensors.test.ts.

    python3 -m venv v && v/bin/pip install safetensors==0.8.0 numpy && v/bin/python test/goldens/safetensors/reader.py

Writes reader.json beside this file: of each case its bytes (base64), and the tensors' shapes or the reader's error.
"""

import base64
import json
import os
import struct

from safetensors.numpy import load


def f(h, data=b"", raw=False):
    j = h if raw else json.dumps(h).encode()
    if isinstance(j, str):
        j = j.encode()
    return struct.pack("<Q", len(j)) + j + data


entry_of = lambda s, d=(0, 8), t="F32": {"dtype": t, "shape": s, "data_offsets": list(d)}
d8 = b"\0" * 8
d16 = b"\0" * 16
CASES = {
    "plain": f({"a": entry_of([2])}, d8),
    "meta null": f({"__metadata__": None, "a": entry_of([2])}, d8),
    "meta empty": f({"__metadata__": {}, "a": entry_of([2])}, d8),
    "meta number": f({"__metadata__": {"x": 1}, "a": entry_of([2])}, d8),
    "meta null value": f({"__metadata__": {"x": None}, "a": entry_of([2])}, d8),
    "meta list": f({"__metadata__": [], "a": entry_of([2])}, d8),
    "overlap": f({"a": entry_of([2]), "b": entry_of([2], (0, 8))}, d8),
    "partial overlap": f({"a": entry_of([2]), "b": entry_of([2], (4, 12))}, b"\0" * 12),
    "hole": f({"a": entry_of([2]), "b": entry_of([1], (12, 16))}, d16),
    "hole at start": f({"a": entry_of([2], (8, 16))}, d16),
    "trailing": f({"a": entry_of([2])}, d16),
    "reversed": f({"b": entry_of([2], (8, 16)), "a": entry_of([2])}, d16),
    "dup same": f(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        d8,
        True,
    ),
    "dup other": f(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
        d16,
        True,
    ),
    "dup covered": f(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        d8,
        True,
    ),
    "dup in entry": f('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', d8, True),
    "dup metadata": f(
        '{"__metadata__":{},"__metadata__":{},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', d8, True
    ),
    "dup in metadata": f(
        '{"__metadata__":{"a":"1","a":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', d8, True
    ),
    "proto": f({"__proto__": entry_of([2])}, d8),
    "constructor": f({"constructor": entry_of([2])}, d8),
    "negative": f({"a": entry_of([-1, -2])}, d8),
    "float shape": f({"a": entry_of([2.0])}, d8),
    "float shape .5": f({"a": entry_of([0.5, 4])}, d8),
    "string shape": f({"a": entry_of(["2"])}, d8),
    "null shape": f({"a": entry_of(None)}, d8),
    "nested shape": f({"a": entry_of([[2]])}, d8),
    "shape product overflow": f({"a": entry_of([2**32, 2**32, 0])}, b""),
    "shape overflow": f({"a": entry_of([2**40, 2**40])}, d8),
    "zero": f({"a": entry_of([0], (0, 0))}, b""),
    "scalar": f({"a": entry_of([], (0, 4))}, b"\0" * 4),
    "unknown dtype": f({"a": entry_of([2], t="F33")}, d8),
    "lower dtype": f({"a": entry_of([2], t="f32")}, d8),
    "F8": f({"a": entry_of([8], t="F8_E4M3")}, d8),
    "U16": f({"a": entry_of([4], t="U16")}, d8),
    "U32": f({"a": entry_of([2], t="U32")}, d8),
    "U64": f({"a": entry_of([1], t="U64")}, d8),
    "C64": f({"a": entry_of([1], t="C64")}, d8),
    "offsets backwards": f({"a": entry_of([2], (8, 0))}, d8),
    "offset negative": f({"a": entry_of([2], (-8, 0))}, d8),
    "offset float": f({"a": entry_of([2], (0, 8.0))}, d8),
    "offset three": f({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 9]}}, d8),
    "extra key": f({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "x": 1}}, d8),
    "missing shape": f({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, d8),
    "size mismatch": f({"a": entry_of([3])}, d8),
    "trailing spaces": f('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}     ', d8, True),
    "leading space": f(' {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', d8, True),
    "trailing newline": f('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}\n', d8, True),
    "trailing nul": f('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}\0\0', d8, True),
    "inner whitespace": f('{\n "a" :\t{"dtype":"F32","shape":[2],"data_offsets":[0, 8]} }', d8, True),
    "invalid utf8": f(b'{"a\xff":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', d8, True),
    "empty object": f({}),
    "empty object data": f({}, d8),
    "array": f(b"[]", b"", True),
    "nul name": f({"a\0b": entry_of([2])}, d8),
    "empty name": f({"": entry_of([2])}, d8),
    "newline name": f({"a\nb": entry_of([2])}, d8),
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "header 0": struct.pack("<Q", 0),
    "short": b"\0" * 7,
    "no bytes": b"",
    "lone surrogate": f('{"\\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', d8, True),
    "truncated": f({"a": entry_of([2])}, b"\0" * 7),
    "exp number": f('{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}', d8, True),
    "-0": f('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', b"", True),
    "BOOL 2": f({"a": entry_of([1], (0, 1), "BOOL")}, b"\2"),
    "deep": f('{"__metadata__":' + "[" * 5000 + "]" * 5000 + "}", b"", True),
    "header of 128 bytes": f(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(128), d8, True),
    "header of 1408 bytes": f(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(1408), d8, True),
    "unordered zero at hole": f({"a": entry_of([2]), "z": entry_of([0], (4, 4))}, d8),
    "zero at end": f({"a": entry_of([2]), "z": entry_of([0], (8, 8))}, d8),
    "zero at start named first": f({"z": entry_of([0], (0, 0)), "a": entry_of([2])}, d8),
}

results = {}
for name, data in CASES.items():
    entry = {"file": base64.b64encode(data).decode()}
    try:
        entry["tensors"] = {key: list(value.shape) for key, value in load(data).items()}
    except BaseException as error:
        entry["error"] = f"{type(error).__name__}: {error}"[:120]
    results[name] = entry
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reader.json"), "w") as file:
    json.dump(results, file, indent=1)
    file.write("\n")
