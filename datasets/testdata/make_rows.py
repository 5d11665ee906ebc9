"""Writes rows/ beside this file: cases of one row each, as .jsonl, .arrow and .parquet, and cases.json with what a reader has to make
of them. Needs pyarrow (made with the version that cases.json names).

A case is (name, row, expected): expected is a list of turns [from, text] or [from, text, "context"], with the number of pictures in front
of it, or the beginning of what the error says behind the row's name.
"""
import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rows")
HI = [["human", "hello"], ["gpt", "hi"]]
ASK = [["human", "<image>\nwhat colour?"], ["gpt", "red"]]


def said(*turns, **more):
    return dict({"conversations": [{"from": f, "value": v} for f, v in turns]}, **more)


def chat(*turns, **more):
    return dict({"messages": [dict({"role": r, "content": c}, **x) for r, c, x in turns]}, **more)


def weighed(**last):
    return chat(("user", "hello", {}), ("assistant", "bad", last), ("user", "again", {}), ("assistant", "good", {}))


HALF = [["human", "hello"], ["gpt", "bad", "context"], ["human", "again"], ["gpt", "good"]]
ALL = [["human", "hello"], ["gpt", "bad"], ["human", "again"], ["gpt", "good"]]
CALL = [{"type": "function", "function": {"name": "w", "arguments": "{}"}}]
parts = lambda *p: chat(("user", list(p), {}), ("assistant", [{"type": "text", "text": "red"}], {}))
TEXT = {"type": "text", "text": "what colour?"}

CASES = [
    ("plain", said(*HI, id="a"), (0, HI)),
    ("metadata", said(*HI, id=7, source="web", model="m", split="train"), (0, HI)),
    ("float_id", said(*HI, id=7.0), (0, HI)),
    ("upper_roles", said(("Human", "hello"), ("Assistant", "hi")), (0, HI)),
    ("gpt_first", said(("gpt", "welcome"), *HI), (0, [["gpt", "welcome"]] + HI)),
    ("system_key", said(*HI, system="S"), (0, [["system", "S"]] + HI)),
    ("system_empty", said(*HI, system=""), (0, HI)),
    ("weight_0", weighed(weight=0), (0, HALF)),
    ("weight_float", weighed(weight=0.0), (0, HALF)),
    ("weight_1", weighed(weight=1), (0, ALL)),
    ("loss_false", weighed(loss=False), (0, HALF)),
    ("loss_true", weighed(loss=True), (0, ALL)),
    ("train_false", weighed(train=False), (0, HALF)),
    ("weight_half", weighed(weight=0.5), "messages 1: weight is 0.5, expected 0 or 1"),
    ("weight_text", weighed(weight="no"), 'messages 1: weight is the text "no", expected 0, 1, true or false'),
    ("weight_of_user", chat(("user", "hello", {"weight": 1}), ("assistant", "hi", {})), "messages 0: weight of a human turn asks for it to be learnt"),
    ("weight_contradiction", chat(("user", "hello", {}), ("assistant", "hi", {"weight": 1, "train": False})), "messages 1: weight and train say different things"),
    ("null_answer", said(("human", "hello"), ("gpt", None)), "conversations 1: neither value nor content"),
    ("null_role", said(("human", "hello"), (None, "hi")), "conversations 1: neither from nor role"),
    ("tool_calls", chat(("user", "hello", {}), ("assistant", None, {"tool_calls": CALL})), 'messages@ key "tool_calls": tools and calls'),
    ("tools", said(*HI, tools='[{"name": "w"}]'), '@key "tools": tools and calls'),
    ("tools_empty", said(*HI, tools=""), (0, HI)),
    ("video", said(*HI, video="a.mp4"), '@key "video": videos and sound are not read'),
    ("video_marker", said(("human", "<video>\nhello"), ("gpt", "hi")), "turn 0 has the marker <video>"),
    ("video_in_answer", said(("human", "hello"), ("gpt", "<video> is a tag")), (0, [["human", "hello"], ["gpt", "<video> is a tag"]])),
    ("reasoning", chat(("user", "hello", {}), ("assistant", "hi", {"reasoning_content": "so"})), 'messages@ key "reasoning_content": it is not rendered'),
    ("misspelt", said(*HI, imgae="a.png"), '@key "imgae" is not known: did you mean "image"?'),
    ("misspelt_empty", said(*HI, imgae=""), (0, HI)),
    ("other_case", {"Conversations": said(*HI)["conversations"], "messages": []}, '@key "Conversations" is not known: it is spelt "conversations"'),
    ("preferences", said(*HI, rejected="no"), '@key "rejected": pairs of answers are learnt in a stage with preference'),
    ("two_forms", dict(said(*HI), instruction="a", output="b"), "both conversations and instruction"),
    ("stray_key", said(*HI, output="b"), "output stands beside conversations and would not be used"),
    ("alpaca", {"instruction": "hello", "input": "", "output": "hi"}, (0, HI)),
    ("alpaca_input", {"instruction": "hello", "input": "you", "output": "hi"}, (0, [["human", "hello\nyou"], ["gpt", "hi"]])),
    ("alpaca_system", {"instruction": "hello", "input": "", "output": "hi", "system": "S"}, (0, [["system", "S"]] + HI)),
    ("alpaca_history", {"instruction": "hello", "output": "hi", "history": [["a", "b"]]}, (0, [["human", "a"], ["gpt", "b"]] + HI)),
    ("alpaca_images", {"instruction": "<image>\nwhat colour?", "input": "", "output": "red", "images": ["a.png"]}, (1, ASK)),
    ("alpaca_answer", {"instruction": "hello", "input": "", "output": "the correct answer is hi", "answer": "hi"}, "answer stands beside instruction and output"),
    ("alpaca_null", {"instruction": "hello", "input": "", "output": None}, "output is null, expected a text"),
    ("query_response", {"query": "<image>\nwhat colour?", "response": "red", "images": ["a.png"]}, (1, ASK)),
    ("query_history", {"query": "hello", "response": "hi", "history": [["a", "b"]], "system": "S"}, (0, [["system", "S"], ["human", "a"], ["gpt", "b"]] + HI)),
    ("prompt_completion", {"prompt": "hello", "completion": "hi"}, (0, HI)),
    ("prompt_messages", {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "hello"}],
                         "completion": [{"role": "assistant", "content": "hi"}]}, (0, [["human", "a"], ["gpt", "b", "context"]] + HI)),
    ("question_answer", {"image": "a.png", "question": "what colour?", "answer": "red"}, (1, ASK)),
    ("questions", {"image": "a.png", "questions": ["what colour?", "how many?"], "answers": ["red", "two"]}, (1, ASK + [["human", "how many?"], ["gpt", "two"]])),
    ("questions_short", {"image": "a.png", "questions": ["what colour?"], "answers": []}, "questions are a list of 1 and answers are a list of 0, expected an answer for each question"),
    ("answers", {"image": "a.png", "question": "what colour?", "answers": ["blue", "red", "green", "red"]}, (1, ASK)),
    ("answers_apart", {"image": "a.png", "question": "what colour?", "answers": ["red", "blue"]}, (1, ASK)),
    ("answers_vqav2", {"image": "a.png", "question": "what colour?", "answers": [{"answer": "blue", "answer_confidence": "yes", "answer_id": 1}, {"answer": "red", "answer_confidence": "yes", "answer_id": 2},
                       {"answer": "red", "answer_confidence": "maybe", "answer_id": 3}]}, (1, ASK)),
    ("answers_counted", {"image": "a.png", "question": "what colour?", "multiple_choice_answer": "red", "answers": [{"answer": "blue", "answer_id": 1}]}, (1, ASK)),
    ("answers_squad", {"question": "hello", "answers": {"text": ["hi", "ho"], "answer_start": [1, 2]}}, (0, HI)),
    ("answers_none", {"question": "hello", "answers": {"text": [], "answer_start": []}}, "answer is null, expected a text"),
    ("answers_both", {"question": "hello", "answer": "hi", "answers": ["ho"]}, "both answer and answers, expected one of them"),
    ("answer_list", {"image": "a.png", "question": "what colour?", "answer": ["red", "blue"]}, (1, ASK)),
    ("caption", {"image": "a.png", "caption": "a red square"}, (1, [["human", "<image>"], ["gpt", "a red square"]])),
    ("caption_text", {"images": ["a.png", "b.png"], "text": "a red square"}, (2, [["human", "<image><image>"], ["gpt", "a red square"]])),
    ("caption_list", {"image": "a.png", "captions": ["a red square", "a square"]}, (1, [["human", "<image>"], ["gpt", "a red square"]])),
    ("caption_alone", {"image": "", "caption": "a red square"}, "caption without a picture"),
    ("caption_twice", {"image": "a.png", "caption": "a", "text": "b"}, "both caption and text, expected one of them"),
    ("cauldron", {"images": ["a.png"], "texts": [{"user": "what colour?", "assistant": "red", "source": "x"}]}, (1, ASK)),
    ("image_and_images", said(*ASK, image="a.png", images=[]), (1, ASK)),
    ("images_and_image", said(*ASK, image=None, images=["a.png"]), (1, ASK)),
    ("both_images", said(*ASK, image="a.png", images=["a.png"]), "has both image and images"),
    ("image_empty", said(*HI, image=""), (0, HI)),
    ("images_null", said(*HI, images=[None]), (0, HI)),
    ("part_image", parts({"type": "image", "image": "a.png"}, TEXT), (1, ASK)),
    ("part_path", parts({"type": "image", "path": "a.png"}, TEXT), (1, ASK)),
    ("part_url", parts({"type": "image", "url": "a.png"}, TEXT), (1, ASK)),
    ("part_image_url", parts({"type": "image_url", "image_url": "a.png"}, TEXT), (1, ASK)),
    ("part_image_url_object", parts({"type": "image_url", "image_url": {"url": "a.png", "detail": "low"}}, TEXT), (1, ASK)),
    ("part_of_row", dict(parts({"type": "image"}, TEXT), images=["a.png"]), (1, ASK)),
    ("part_untyped", parts({"image": "a.png"}, {"text": "what colour?"}), (1, ASK)),
    ("parts_mixed", dict(parts({"type": "image", "image": "a.png"}, {"type": "image"}, TEXT), images=["b.png"]),
     (2, [["human", "<image>\n<image>\nwhat colour?"], ["gpt", "red"]])),
    ("parts_mixed_short", parts({"type": "image", "image": "a.png"}, {"type": "image"}, TEXT),
     "2 image markers (<image>) in the turns, 1 of them with a picture of their own, and 0 pictures in image or images"),
    ("part_audio", parts({"type": "audio", "audio": "a.wav"}, TEXT), 'messages: content@ key "audio": videos and sound are not read'),
    ("part_unknown", parts({"type": "image", "image": "a.png", "min_pixels": 9}, TEXT), 'messages: content@ key "min_pixels" is not known'),
]

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def stored(v):
    """A picture's name as datasets stores it."""
    return {"bytes": None, "path": v} if v else None


def columns(row):
    """The row with pictures as structs where datasets would have them."""
    out = dict(row)
    if "image" in out:
        out["image"] = stored(out["image"])
    if "images" in out:
        out["images"] = [stored(x) for x in out["images"]]
    return out


def table(row):
    arrays = {}
    for k, v in columns(row).items():
        if k == "image":
            arrays[k] = pa.array([v], PICTURE)
        elif k == "images":
            arrays[k] = pa.array([v], pa.list_(PICTURE))
        else:
            arrays[k] = pa.array([v])
    return pa.table(arrays)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    expected = []
    for name, row, want in CASES:
        path = os.path.join(OUT, name)
        with open(path + ".jsonl", "w") as f:
            f.write(json.dumps(row) + "\n")
        t = table(row)
        with pa.ipc.new_stream(path + ".arrow", t.schema) as w:
            w.write_table(t)
        pq.write_table(t, path + ".parquet")
        expected.append({"name": name, "error": want} if isinstance(want, str) else {"name": name, "pictures": want[0], "turns": want[1]})
    for name in ("a.png", "b.png"):
        with open(os.path.join(OUT, name), "w") as f:
            f.write(name)
    with open(os.path.join(OUT, "cases.json"), "w") as f:
        f.write('{"pyarrow": "%s", "cases": [\n' % pa.__version__ + ",\n".join(json.dumps(x) for x in expected) + "\n]}\n")


if __name__ == "__main__":
    main()
