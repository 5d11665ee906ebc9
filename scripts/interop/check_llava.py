"""A LLaVA directory written by moslava in transformers: weights, processor, template, pixels, logits, greedy decoding.

    python check_llava.py PROGRAMS WORK MODEL [MODEL ...]

PROGRAMS holds moslava and dump; WORK takes pictures.
"""
import pathlib
import sys

import PIL
import torch
from PIL import Image
from transformers import (AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer,
                          LlavaForConditionalGeneration)

from ours import NEW_TOKENS, QUESTIONS, Program, pictures
from report import check, close, equal

LOGITS = 1e-4  # absolute
PILLOW = int(PIL.__version__.split(".")[0])


def load(directory):
    model, info = LlavaForConditionalGeneration.from_pretrained(str(directory), dtype=torch.float32, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        equal(sorted(info[kind]), [], kind)
    assert not info.get("error_msgs"), info["error_msgs"]
    return model.eval()


def messages(question):
    return [{"role": "user", "content": "<image>\n" + question}]


def check_text(name, program, directory, processor, files):
    tokenizer = AutoTokenizer.from_pretrained(str(directory))
    with check(f"{name}: the chat template is the same in tokenizer and processor"):
        assert tokenizer.chat_template, "the tokenizer has none"
        equal(processor.tokenizer.chat_template, tokenizer.chat_template, "template")
    for question in QUESTIONS:
        with check(f"{name}: prompt and ids of {question[:14]!r}"):
            seen = program.see(directory, files[0], question)
            text = tokenizer.apply_chat_template(messages(question), tokenize=False, add_generation_prompt=True)
            # decoded on both sides: a tokenizer may put spaces where the text has none
            equal(seen["prompt"], tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids), "rendered template")
            ids = processor(images=Image.open(files[0]), text=text, return_tensors="pt").input_ids[0].tolist()
            equal(program.ask(directory, files[0], question)["prompt_ids"], ids, "ids")
            equal(seen["ids"][:len(ids)], ids, "ids before an answer")


def across_first(image, size):
    """The picture with its shortest edge, or both, brought to a size, across first and then down, as Pillow before 13 does it.

    Later ones take tall pictures down first. moslava has both orders and the older, with which the published models
    were trained, as its default: see vision/preprocess."""
    if "height" in size:
        w, h = size["width"], size["height"]
    else:
        w, h = shortest(image, size["shortest_edge"])
    return image.resize((w, image.height), Image.Resampling.BICUBIC).resize((w, h), Image.Resampling.BICUBIC)


def shortest(image, edge):
    return (edge, image.height * edge // image.width) if image.width <= image.height else (image.width * edge // image.height, edge)


def check_pixels(name, program, directory, files):
    images = AutoImageProcessor.from_pretrained(str(directory), backend="pil")
    for file in files:
        with check(f"{name}: pixels of {file.name}"):
            image = Image.open(file)
            if file.stem == "tall" and PILLOW >= 13:
                image = across_first(image, images.size)
            want = images(images=image, return_tensors="np")["pixel_values"][0]
            close(program.see(directory, file, "?")["pixels"], want, 1e-6, "normalised pixels")


def greedy(model, pixels, prompt):
    """Ids after the prompt up to the one that ends the turn, and where the best two logits come too close to tell."""
    ids, unsure = list(prompt), None
    stop = model.generation_config.eos_token_id
    with torch.no_grad():
        for i in range(NEW_TOKENS):
            row = model(input_ids=torch.tensor([ids]), pixel_values=pixels).logits[0, -1]
            best = row.topk(2)
            if unsure is None and best.values[0] - best.values[1] < 2 * LOGITS:
                unsure = i
            ids.append(int(best.indices[0]))
            if ids[-1] == stop:
                break
    return ids[len(prompt):], unsure


def check_answers(name, program, directory, model, files):
    for file in files[:4]:
        for question in QUESTIONS:
            with check(f"{name}: logits and greedy ids, {file.name}, {question[:14]!r}"):
                seen = program.see(directory, file, question)
                pixels = torch.tensor(seen["pixels"])[None]
                with torch.no_grad():
                    want = model(input_ids=torch.tensor([seen["ids"]]), pixel_values=pixels).logits[0]
                close(seen["logits"], want.numpy(), LOGITS, "logits")
                asked = program.ask(directory, file, question)
                ids, unsure = greedy(model, pixels, asked["prompt_ids"])
                equal(asked["new_ids"][:unsure], ids[:unsure], "greedy ids")
                if unsure is None:
                    with torch.no_grad():
                        made = model.generate(input_ids=torch.tensor([asked["prompt_ids"]]), pixel_values=pixels,
                                              max_new_tokens=NEW_TOKENS, do_sample=False)[0]
                    equal(made[len(asked["prompt_ids"]):].tolist(), ids, "ids of generate")
                    tokenizer = AutoTokenizer.from_pretrained(str(directory))
                    equal(asked["text"], tokenizer.decode(ids, skip_special_tokens=True), "text")


def main():
    programs, work, *directories = map(pathlib.Path, sys.argv[1:])
    torch.set_num_threads(1)
    program, files = Program(programs), pictures(work / "pictures")
    for directory in directories:
        name = "/".join(directory.parts[-3:-1])
        model = processor = None
        with check(f"{name}: weights"):
            model = load(directory)
        with check(f"{name}: AutoModelForImageTextToText finds the class"):
            equal(type(AutoModelForImageTextToText.from_pretrained(str(directory))), LlavaForConditionalGeneration, "class")
        with check(f"{name}: AutoProcessor"):
            processor = AutoProcessor.from_pretrained(str(directory))
            equal(type(processor).__name__, "LlavaProcessor", "class")
        if model is None or processor is None:
            continue
        check_text(name, program, directory, processor, files)
        check_pixels(name, program, directory, files)
        check_answers(name, program, directory, model, files)


if __name__ == "__main__":
    main()
