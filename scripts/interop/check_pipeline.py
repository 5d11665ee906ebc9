"""Exports in transformers' pipelines and processors: strings, parts, pictures; where answers end; files as transformers writes them.

    python check_pipeline.py PROGRAMS WORK TEXT LLAVA [LLAVA ...]

PROGRAMS holds moslava and dump; TEXT is an export of a decoder alone.
"""
import json
import pathlib
import shutil
import sys

import torch
from PIL import Image
from transformers import AutoModelForCausalLM, AutoProcessor, AutoTokenizer, pipeline

from ours import NEW_TOKENS, QUESTIONS, Program, pictures
from report import check, equal


def contents(picture, question):
    """The same content in the ways that people hand it over, and where the picture is."""
    text = {"type": "text", "text": question}
    return {
        "string": "<image>\n" + question,
        "parts": [{"type": "image"}, text],
        "parts with a path": [{"type": "image", "path": str(picture)}, text],
        "text part with a marker": [{"type": "text", "text": "<image>\n" + question}],
    }


def check_processor(name, program, directory, processor, picture):
    for question in QUESTIONS:
        asked = program.ask(directory, picture, question)
        for kind, content in contents(picture, question).items():
            with check(f"{name}: ids of {kind}, {question[:14]!r}"):
                talk = [{"role": "user", "content": content}]
                if kind == "parts with a path":
                    ids = processor.apply_chat_template(talk, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt").input_ids
                else:
                    text = processor.apply_chat_template(talk, add_generation_prompt=True)
                    ids = processor(images=Image.open(picture), text=text, return_tensors="pt").input_ids
                equal(ids[0].tolist(), asked["prompt_ids"], "ids of the prompt")
    with check(f"{name}: a talk of strings and parts"):
        draw = lambda *texts: processor.apply_chat_template([{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)], add_generation_prompt=True)
        part = lambda text: [{"type": "text", "text": text}]
        equal(draw([{"type": "image"}, *part("a")], part("b"), "c"), draw("<image>\na", "b", "c"), "text")


def check_files(name, directory, processor, work):
    with check(f"{name}: processor_config.json and chat_template.jinja as transformers writes them"):
        processor.save_pretrained(str(work))
        for file in ("processor_config.json", "chat_template.jinja"):
            equal((directory / file).read_text().strip(), (work / file).read_text().strip(), file)


def check_llava(name, program, directory, files, work):
    processor = None
    with check(f"{name}: AutoProcessor"):
        processor = AutoProcessor.from_pretrained(str(directory), backend="pil")
        check_processor(name, program, directory, processor, files[0])
        check_files(name, directory, processor, work)
    with check(f"{name}: pipeline image-text-to-text"):
        pipe = pipeline("image-text-to-text", model=str(directory))
        image = Image.open(files[0]).convert("RGB")
        talk = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": QUESTIONS[0]}]}]
        said = pipe(text=talk, max_new_tokens=NEW_TOKENS)[0]["generated_text"][-1]["content"]
        inputs = pipe.processor(images=image, text=pipe.processor.apply_chat_template(talk, add_generation_prompt=True), return_tensors="pt")
        made = pipe.model.generate(**inputs, max_new_tokens=NEW_TOKENS)[0, inputs.input_ids.shape[1]:]
        equal(said, pipe.processor.decode(made, skip_special_tokens=True), "text")


def check_text(name, program, directory, work):
    with check(f"{name}: pipeline text-generation"):
        pipe = pipeline("text-generation", model=str(directory))
        said = pipe([{"role": "user", "content": QUESTIONS[0]}], max_new_tokens=NEW_TOKENS, do_sample=False)[0]["generated_text"][-1]["content"]
        asked = program.ask(directory, "none", QUESTIONS[0])
        equal(said, asked["text"], "text")
    with check(f"{name}: an eos_token_id that is a list"):
        shutil.copytree(directory, work, dirs_exist_ok=True)
        file = work / "generation_config.json"
        told = json.loads(file.read_text())
        own = told["eos_token_id"]
        told["eos_token_id"] = [own if isinstance(own, int) else own[0], asked["new_ids"][3]]
        file.write_text(json.dumps(told))
        ids = AutoTokenizer.from_pretrained(str(work)).apply_chat_template([{"role": "user", "content": QUESTIONS[0]}], add_generation_prompt=True, return_dict=False)
        model = AutoModelForCausalLM.from_pretrained(str(work), dtype=torch.float32)
        made = model.generate(input_ids=torch.tensor([ids]), max_new_tokens=NEW_TOKENS, do_sample=False)[0, len(ids):].tolist()
        assert len(made) <= 4, made
        equal(program.ask(work, "none", QUESTIONS[0])["new_ids"], made, "ids")


def main():
    programs, work, text, *directories = map(pathlib.Path, sys.argv[1:])
    torch.set_num_threads(1)
    program, files = Program(programs), pictures(work / "pictures")
    check_text("text", program, text, work / "stops")
    for i, directory in enumerate(directories):
        check_llava("/".join(directory.parts[-3:-1]), program, directory, files, work / f"written{i}")


if __name__ == "__main__":
    main()
