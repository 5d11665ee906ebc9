#!/usr/bin/env python3
"""easy-VQA as data to train on and questions to test on.

    pip download --no-deps easy-vqa==1.0 && python -m zipfile -e easy_vqa-1.0-py3-none-any.whl ev
    python easy_vqa.py ev/easy_vqa/data data/easyvqa

easy-VQA 1.0 (PyPI, MIT, (c) Victor Zhou) has 5,000 drawings of one shape in one colour, 64 pixels wide, with questions of 13 answers: yes and no, 3 shapes, 8 colours. No
network and no other package is needed for what follows:

    train.json    4,000 pictures with up to --questions of their questions each, shuffled; LLaVA's form
    images/       the pictures of both splits, test's in images/test
    test.csv      image, question, answer, category (yesno, shape, color): all 9,673 questions of the test split
    test.tsv      the same as VLMEvalKit has such suites, with test.yaml
    pairs.jsonl   question, chosen and rejected answer and image, 4,000 of the train split, for stages with preference
"""
import argparse
import base64
import collections
import csv
import json
import pathlib
import random
import shutil

ANSWERS = {"yesno": ["yes", "no"], "shape": ["circle", "rectangle", "triangle"],
           "color": ["black", "blue", "brown", "gray", "green", "red", "teal", "yellow"]}
HINT = "\nAnswer the question using a single word or phrase."


def category(answer):
    return next(kind for kind, answers in ANSWERS.items() if answer in answers)


def by_picture(root, split):
    """Questions with their answers, by the number of their picture."""
    rows = collections.defaultdict(list)
    for question, answer, picture in json.loads((root / split / "questions.json").read_text()):
        rows[picture].append((question.capitalize(), answer))
    return sorted(rows.items())


def conversation(picture, pairs):
    """The picture and the hint stand in the first question alone, as in LLaVA's mixture."""
    turns = []
    for k, (question, answer) in enumerate(pairs):
        turns += [{"from": "human", "value": question if k else f"<image>\n{question}{HINT}"}, {"from": "gpt", "value": answer}]
    return {"id": str(picture), "image": f"{picture}.png", "conversations": turns}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--questions", type=int, default=5, help="of a training picture at most (default: 5)")
    p.add_argument("--seed", type=int, default=3)
    o = p.parse_args()
    draw, drawn = random.Random(o.seed), random.Random(o.seed)
    shutil.copytree(o.data / "train" / "images", o.out / "images", dirs_exist_ok=True)
    shutil.copytree(o.data / "test" / "images", o.out / "images" / "test", dirs_exist_ok=True)
    train, pairs = [], []
    for picture, questions in by_picture(o.data, "train"):
        draw.shuffle(questions)
        train.append(conversation(picture, questions[:o.questions]))
        question, answer = questions[-1]
        other = drawn.choice([a for a in ANSWERS[category(answer)] if a != answer])
        pairs.append({"image": f"{picture}.png", "question": question + HINT, "chosen": answer, "rejected": other})
    (o.out / "train.json").write_text(json.dumps(train))
    (o.out / "pairs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in pairs))
    n = 0
    with (o.out / "test.tsv").open("w") as table, (o.out / "test.csv").open("w", newline="") as rows:
        table.write("index\tquestion\tanswer\tcategory\timage\n")
        plain = csv.writer(rows)
        plain.writerow(["image", "question", "answer", "category"])
        for picture, questions in by_picture(o.data, "test"):
            pixels = base64.b64encode((o.data / "test" / "images" / f"{picture}.png").read_bytes()).decode()
            for question, answer in questions:
                table.write(f"{n}\t{question}\t{[answer] * 10}\t{category(answer)}\t{pixels}\n")
                plain.writerow([f"test/{picture}.png", question + HINT, answer, category(answer)])
                n += 1
    (o.out / "test.yaml").write_text("tsv: test.tsv\nkind: open\nfamily: textvqa\nprotocol: vlmevalkit-2024.06\n")
    print(len(train), "pictures to train on,", n, "questions to test on")


if __name__ == "__main__":
    main()
