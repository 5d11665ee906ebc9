"""Makes quants.gguf and quants.safetensors: random blocks of every type, and what gguf 0.19 dequantises them to.

    python make.py
"""
import pathlib

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T, GGUFWriter, dequantize
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
SCALES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
          T.Q2_K: [80, 82], T.Q3_K: [108], T.IQ4_NL: [0], T.IQ4_XS: [0]}


def blocks(rng, kind, rows, cols):
    size, width = GGML_QUANT_SIZES[kind]
    b = rng.integers(0, 256, (rows * cols // size, width), dtype=np.uint8)
    for at in SCALES.get(kind, []):  # float16 numbers of all sizes, subnormal ones included, but neither NaN nor infinite
        scale = rng.integers(0, 0x7C00, len(b)).astype(np.uint16) | rng.integers(0, 2, len(b)).astype(np.uint16) << 15
        b[:, at:at + 2] = scale.view(np.uint8).reshape(-1, 2)
    return b.reshape(rows, -1)


rng = np.random.default_rng(5)
writer = GGUFWriter(HERE / "quants.gguf", "none")
for name, value in (("u8", 200), ("i8", -7), ("u16", 60000), ("i16", -300), ("u32", 4000000000), ("i32", -5), ("f32", 0.1), ("b", True),
                    ("u64", 1 << 63), ("i64", -(1 << 40)), ("f64", 0.1)):
    getattr(writer, "add_" + {"u8": "uint8", "i8": "int8", "u16": "uint16", "i16": "int16", "u32": "uint32", "i32": "int32", "f32": "float32", "b": "bool",
                              "u64": "uint64", "i64": "int64", "f64": "float64"}[name])("value." + name, value)
writer.add_string("value.s", "é <|x|>")
writer.add_array("value.texts", ["a", "", "ü"])
writer.add_array("value.ints", [1, -2, 3])
writer.add_array("value.floats", [0.5, -1e-5])
want = {}
for kind in (*SCALES, T.F16, T.BF16, T.F32):
    name = kind.name
    if kind == T.F32:
        data = rng.normal(size=(3, 256)).astype(np.float32)
        want[name] = data
        writer.add_tensor(name, data)
        continue
    if kind in (T.F16, T.BF16):
        bits = rng.integers(0, 0x7C00, (3, 256)).astype(np.uint16) | rng.integers(0, 2, (3, 256)).astype(np.uint16) << 15
        data = bits.view(np.uint8) if kind == T.BF16 else bits.view(np.float16)
    else:
        data = blocks(rng, kind, 3, 512)
    want[name] = np.asarray(dequantize(data, kind), np.float32)
    if kind == T.F16:
        writer.add_tensor(name, data)
    else:
        writer.add_tensor(name, data, raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(want, HERE / "quants.safetensors")
