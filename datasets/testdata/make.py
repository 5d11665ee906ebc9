"""Writes forms/ beside this file: Arrow files of three rows each in the forms that data sets are met in besides the
ones of hf-arrow/. Needs pyarrow and datasets (made with pyarrow 26.0.1 and datasets 5.2.0).

rows.json says what a reader has to make of them: id, turns, and for each picture its bytes as text.
"""
import json
import os
import shutil

import pyarrow as pa
from datasets import Dataset, Features, List, Value

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forms")
TURNS = [
    [("human", "<image>\nWhat is it?"), ("gpt", "A cat.")],
    [("system", "Be brief."), ("human", "Two and two?"), ("gpt", "Four."), ("human", "Sure?"), ("gpt", "")],
    [("human", "And\n<image>\nthis?"), ("gpt", "猫")],
]
PICTURES = [b"first picture", None, b"third"]
ROLE = {"human": "user", "gpt": "assistant", "system": "system"}
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def stream(name, table, options=None, new=pa.ipc.new_stream):
    with new(os.path.join(OUT, name + ".arrow"), table.schema, options=options) as w:
        for b in table.to_batches(max_chunksize=2):
            w.write_batch(b)


def turns(text=pa.string()):
    t = pa.list_(pa.struct([("from", text), ("value", pa.string())]))
    rows = [[{"from": f, "value": v} for f, v in r] for r in TURNS]
    if not pa.types.is_dictionary(text):
        return pa.array(rows, t)
    flat = [f for r in TURNS for f, _ in r]
    st = pa.StructArray.from_arrays([pa.array(flat).dictionary_encode(), pa.array([v for r in TURNS for _, v in r])], ["from", "value"])
    return pa.ListArray.from_arrays(pa.array([0, 2, 7, 9], pa.int32()), st)


def pictures(lift=lambda p: {"bytes": p, "path": None}, t=IMAGE):
    return pa.array([None if p is None else lift(p) for p in PICTURES], t)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    ids = pa.array(["1", "2", "3"])
    plain = pa.table({"id": ids, "image": pictures(), "conversations": turns()})
    stream("plain", plain)
    stream("file", plain, new=pa.ipc.new_file)
    stream("large", pa.table({"id": ids.cast(pa.large_string()), "image": pictures(t=pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])),
                              "conversations": turns().cast(pa.large_list(pa.struct([("from", pa.large_string()), ("value", pa.string())])))}))
    for codec in ("lz4", "zstd"):
        stream("compressed_" + codec, plain, pa.ipc.IpcWriteOptions(compression=codec))
    for n in ("uint8", "int16", "uint32", "int64"):
        stream("id_" + n, plain.set_column(0, "id", pa.array([1, 2, 3], getattr(pa, n)())))
    stream("id_dictionary", plain.set_column(0, "id", ids.dictionary_encode()))
    one = plain.combine_chunks()
    stream("from_dictionary", one.set_column(2, "conversations", turns(pa.dictionary(pa.int32(), pa.string()))))
    stream("image_binary", plain.set_column(1, "image", pictures(lambda p: p, pa.binary())))
    stream("image_two_nulls", plain.set_column(1, "image", pa.array([{"bytes": p, "path": None} for p in PICTURES], IMAGE)))
    os.makedirs(os.path.join(OUT, "pictures"))
    for p in PICTURES:
        if p:
            with open(os.path.join(OUT, "pictures", p.decode().replace(" ", "_")), "wb") as f:
                f.write(p)
    name = lambda p: "pictures/" + p.decode().replace(" ", "_")
    stream("image_path", plain.set_column(1, "image", pictures(lambda p: {"bytes": None, "path": name(p)})))
    stream("image_string", plain.set_column(1, "image", pictures(name, pa.string())))

    views = pa.table({"id": ids.cast(pa.string_view()), "image": pictures(t=pa.struct([("bytes", pa.binary_view()), ("path", pa.string_view())])),
                      "conversations": pa.array([[{"from": f, "value": v} for f, v in r] for r in TURNS],
                                                pa.list_view(pa.struct([("from", pa.string_view()), ("value", pa.string_view())])))})
    stream("views", views)
    stream("views_file", views, new=pa.ipc.new_file)
    rows = [[{"from": f, "value": v} for f, v in r] for r in TURNS]
    stream("large_list_view", plain.set_column(2, "conversations", pa.array(rows, pa.large_list_view(pa.struct([("from", pa.string()), ("value", pa.string())])))))
    stream("images_fixed", plain.set_column(1, "images", pa.array([[{"bytes": p, "path": None}] if p else None for p in PICTURES], pa.list_(IMAGE, 1))))
    two = pa.concat_tables([plain.slice(i, 1).set_column(0, "id", pa.array([str(i + 1)]).dictionary_encode()) for i in range(3)])
    stream("dictionary_replaced", two)
    stream("dictionary_file", one.set_column(2, "conversations", turns(pa.dictionary(pa.int32(), pa.string()))), new=pa.ipc.new_file)

    # The older Sequence feature turns a list of structs into a struct of lists.
    f = Features({"id": Value("string"), "conversations": {"from": List(Value("string")), "value": List(Value("string"))}})
    d = Dataset.from_dict({"id": ["1", "2", "3"], "conversations": [{"from": [a for a, _ in r], "value": [b for _, b in r]} for r in TURNS]}, features=f)
    stream("sequence", d.data.table.append_column("image", pictures()))

    part = lambda t, x=None: {"index": None, "text": x, "type": t}

    def parts(f, v):
        bits = v.replace("<image>\n", "\0\1\0").split("\0")
        return {"role": ROLE[f], "content": [part("image") if b == "\1" else part("text", b) for b in bits if b]}

    pt = pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(pa.struct([("index", pa.int64()), ("text", pa.string()), ("type", pa.string())])))]))
    stream("parts", pa.table({"id": ids, "messages": pa.array([[parts(*x) for x in r] for r in TURNS], pt),
                              "images": pa.array([[] if p is None else [{"bytes": p, "path": None}] for p in PICTURES], pa.list_(IMAGE))}))

    # Columns of every other kind, to be stepped over.
    other = plain
    for i, (n, a) in enumerate({
        "n": pa.nulls(3), "b": pa.array([True, None, False]), "f": pa.array([1.5, 2, None]), "d": pa.array([1, 2, None], pa.date32()),
        "t": pa.array([1, 2, None], pa.timestamp("us")), "m": pa.array([1, 2, None], pa.decimal128(9, 2)), "x": pa.array([b"ab", b"cd", None], pa.binary(2)),
        "l": pa.array([[1, 2], [3, 4], None], pa.list_(pa.int8(), 2)), "p": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int8())),
        "v": pa.array(["short", "longer than twelve bytes", None], pa.string_view()), "w": pa.array([[1], None, [2, 3]], pa.list_view(pa.int8())),
        "u": pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]),
        "o": pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([1, 2]), pa.array(["a"])]),
        "r": pa.RunEndEncodedArray.from_arrays(pa.array([3], pa.int32()), pa.array(["z"])),
        "c": pa.array(["q", "r", "q"]).dictionary_encode(),
        "s": pa.array([{"a": 1, "b": ["x"]}, None, {"a": 2, "b": []}], pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))])),
    }.items()):
        other = other.add_column(i % 4, n, a)
    stream("other_columns", other)

    with open(os.path.join(OUT, "rows.json"), "w") as f:
        json.dump([{"id": str(i + 1), "turns": TURNS[i], "picture": PICTURES[i] and PICTURES[i].decode()} for i in range(3)], f, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
