"""A family whose pictures are cut into tiles, SmolVLM or Idefics3, written by moslava, in transformers and PEFT.

    python check_tiles.py PROGRAMS WORK rows FILE
    python check_tiles.py PROGRAMS WORK check RUN

rows writes the data of tiles.yaml's steps on one batch. check looks at a run of it, or of its first stage alone: weights,
configuration, prompts, ids, pixels, greedy ids, pipelines; and adapters in both directions, and the losses of the steps
beside those of a loop in torch.
"""
import importlib.util
import json
import pathlib
import sys

import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, Idefics3Processor, pipeline

from check_peft import LOGITS, Mixed, attach, drawn, mix
from ours import NEW_TOKENS, Program, pictures
from report import check, close, equal

LOSS = 1e-4  # of each step
STEPS = 20
# Fields that transformers writes beside those of a configuration's class.
BESIDE = {"architectures", "dtype", "_pad_token_id", "transformers_version", "model_type"}
LLAVA = {"image_seq_length", "image_token_index", "vision_feature_layer", "vision_feature_select_strategy",
         "projector_hidden_act", "multimodal_projector_bias"}
# SmolVLM's own processor reads videos, too, and transformers does not make one without these.
VIDEO = all(importlib.util.find_spec(name) for name in ("torchvision", "num2words"))
WORDS = ["What is in the picture?", "How many?", "Which of them is larger?\nA. the first\nB. the second",
         "Wie heißt das? 🙂"]


def load(directory):
    model, info = AutoModelForImageTextToText.from_pretrained(str(directory), dtype=torch.float32,
                                                              output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        equal(sorted(info[kind]), [], kind)
    return model.eval()


def processor_of(directory):
    """The family's own processor with Pillow's pixels. Where SmolVLM's is not to be had, Idefics3's does the same for
    pictures."""
    if json.loads((directory / "config.json").read_text())["model_type"] == "smolvlm" and not VIDEO:
        return Idefics3Processor.from_pretrained(str(directory), use_fast=False)
    return AutoProcessor.from_pretrained(str(directory), use_fast=False)


def questions(files):
    """Ten questions about none, one and three pictures, with the pictures."""
    for i in range(10):
        n = (1, 0, 3)[i % 3]
        yield [files[(i + k) % len(files)] for k in range(n)], f"{WORDS[i % len(WORDS)]} ({i})"


def talk(files, question, read=lambda file: None):
    """The messages of a question; read puts a picture into its part."""
    parts = [{"type": "image", **({"image": read(file)} if read(file) else {})} for file in files]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": question}]}]


def opened(file):
    return Image.open(file).convert("RGB")


def inputs(seen):
    """What the model takes of what moslava makes of a question or row."""
    tiles = {"pixel_values": torch.tensor(seen["tiles"])[None]} if len(seen["tiles"]) else {}
    return {"input_ids": torch.tensor([seen["ids"]]), **tiles}


def logits(model, seen):
    with torch.no_grad():
        return model(**inputs(seen)).logits[0].numpy()


def greedy(model, seen, prompt):
    """Ids after the prompt up to the one that ends the turn, and where the best two logits come too close to tell."""
    ids, unsure = list(prompt), None
    stop = model.generation_config.eos_token_id
    with torch.no_grad():
        for i in range(NEW_TOKENS):
            row = model(**{**inputs(seen), "input_ids": torch.tensor([ids])}).logits[0, -1]
            best = row.topk(2)
            if unsure is None and best.values[0] - best.values[1] < 2 * LOGITS:
                unsure = i
            ids.append(int(best.indices[0]))
            if ids[-1] in (stop if isinstance(stop, list) else [stop]):
                break
    return ids[len(prompt):], unsure


def check_configuration(name, directory, base):
    """config.json has no field that neither the family's class nor the model it was made from has, and none of
    LLaVA's."""
    with check(f"{name}: config.json has the fields of its family alone"):
        told = json.loads((directory / "config.json").read_text())
        config = AutoConfig.from_pretrained(str(directory))
        equal(sorted(LLAVA & set(told)), [], "fields of LLaVA's")
        for part, own, kept in ((told, config, base), (told["text_config"], config.text_config, base["text_config"]),
                                (told["vision_config"], config.vision_config, base["vision_config"])):
            unknown = set(part) - set(type(own)().to_dict()) - set(kept) - BESIDE
            equal(sorted(unknown), [], f"fields unknown to {type(own).__name__}")
        equal(told["architectures"], [type(load(directory)).__name__], "architectures")


def check_files(name, directory, processor, work):
    with check(f"{name}: processor_config.json and chat_template.jinja as transformers writes them"):
        processor.save_pretrained(str(work))
        ours, theirs = (json.loads((d / "processor_config.json").read_text()) for d in (directory, work))
        for fields in ours, theirs:
            fields.pop("video_processor", None)
            fields.pop("processor_class")
        equal(ours, theirs, "processor_config.json")
        ours, theirs = ((d / "chat_template.jinja").read_text().strip() for d in (directory, work))
        equal(ours, theirs, "chat_template.jinja")


def check_answers(name, program, directory, model, processor, files):
    for shown, question in questions(files):
        with check(f"{name}: ids, pixels, logits and greedy ids, {len(shown)} pictures, {question[:14]!r}"):
            seen = program.see(directory, shown or "none", question)
            text = processor.apply_chat_template(talk(shown, question), add_generation_prompt=True)
            equal(seen["prompt"], text, "rendered template")
            images = {"images": [[Image.open(file) for file in shown]]} if shown else {}
            theirs = processor(text=[text], return_tensors="pt", **images)
            asked = program.ask(directory, shown or "none", question)
            equal(asked["prompt_ids"], theirs.input_ids[0].tolist(), "ids")
            if shown:
                close(seen["tiles"], theirs.pixel_values[0].numpy(), 1e-6, "normalised pixels")
            close(seen["logits"], logits(model, seen), LOGITS, "logits")
            ids, unsure = greedy(model, seen, asked["prompt_ids"])
            equal(asked["new_ids"][:unsure], ids[:unsure], "greedy ids")
            if unsure is None:
                made = model.generate(**theirs, max_new_tokens=NEW_TOKENS)[0, len(asked["prompt_ids"]):].tolist()
                equal(made, ids, "ids of generate, as generation_config.json has it")
                equal(asked["text"], processor.decode(ids, skip_special_tokens=True), "text")


def check_pipeline(name, program, directory, processor, files):
    with check(f"{name}: pipeline image-text-to-text"):
        pipe = pipeline("image-text-to-text", model=str(directory), processor=processor)
        for shown, question in list(questions(files))[:6]:
            said = pipe(text=talk(shown, question, opened), max_new_tokens=NEW_TOKENS)
            ours = program.ask(directory, shown or "none", question)
            equal(said[0]["generated_text"][-1]["content"], ours["text"], f"answer to {question!r}")
    if VIDEO or "idefics3" in name:
        with check(f"{name}: pipeline image-text-to-text with nothing but the directory"):
            pipe = pipeline("image-text-to-text", model=str(directory))
            said = pipe(text=talk(files[:1], WORDS[0], opened), max_new_tokens=NEW_TOKENS)
            assert isinstance(said[0]["generated_text"][-1]["content"], str), said


def check_out(name, program, run, files):
    """The folded adapters in PEFT, and those with the mixer in a torch module of the equation."""
    base, merged = run / "00-base" / "hf", run / "04-mixer-merged" / "hf"
    folded, mixer = run / "03-mixer-folded" / "folded", run / "02-mixer-peft" / "peft"
    model = None
    with check(f"{name}: PEFT loads every tensor of the folded adapters"):
        model = attach(load(base), folded)
    if model is None:
        return
    with check(f"{name}: a torch module of the equation takes every tensor of the adapters with mixers"):
        mixed = load(base)
        result = mixed.load_state_dict(mix(mixed, mixer), strict=False)
        equal(list(result.unexpected_keys), [], "parameters stored entire")
    for shown, question in list(questions(files))[:6]:
        with check(f"{name}: logits of adapters, {len(shown)} pictures, {question[:14]!r}"):
            shown = shown or "none"
            seen = program.see(base, shown, question, "-adapters", mixer)
            plain = program.see(base, shown, question)["logits"]
            assert abs(plain - seen["logits"]).max() > 0.1, "the adapters change next to nothing"
            close(logits(model, seen), seen["logits"], LOGITS, "PEFT with the folded adapters, and moslava")
            close(logits(mixed, seen), seen["logits"], LOGITS, "the equation, and moslava")
            again = program.see(base, shown, question, "-adapters", folded)["logits"]
            close(again, seen["logits"], LOGITS, "folded or not")
            close(program.see(merged, shown, question)["logits"], seen["logits"], LOGITS, "merged and exported")
            with_adapters = program.ask(base, shown, question, "--adapters", mixer)
            equal(with_adapters, program.ask(merged, shown, question), "answers")
    with check(f"{name}: merge_and_unload gives the exported weights"):
        want, got = load(merged).state_dict(), model.merge_and_unload().state_dict()
        equal(sorted(got), sorted(want), "names")
        for k in want:
            close(got[k], want[k], 2e-5, k)


def check_in(name, program, run, work, files):
    """Adapters that PEFT makes of transformers' model, in moslava."""
    from peft import LoraConfig, get_peft_model
    base = run / "00-base" / "hf"
    for kind, config in {
        "all-linear": LoraConfig(r=4, lora_alpha=10, target_modules="all-linear"),
        "connector whole": LoraConfig(r=4, lora_alpha=6, target_modules=["q_proj", "out_proj", "fc1", "down_proj"],
                                      modules_to_save=["connector"]),
        "DoRA": LoraConfig(r=4, lora_alpha=10, use_dora=True, rank_pattern={"fc2": 2},
                           target_modules=["v_proj", "fc2", "modality_projection.proj"]),
    }.items():
        with check(f"{name}: {kind} adapters that PEFT saved"):
            torch.manual_seed(3)
            model = drawn(get_peft_model(load(base), config))
            with torch.no_grad():
                for key, p in model.named_parameters():
                    if "modules_to_save" in key:
                        p.add_(0.02 * torch.randn_like(p))
            directory = work / f"{name}-theirs-{kind.replace(' ', '-')}"
            model.save_pretrained(str(directory))
            for shown, question in list(questions(files))[:3]:
                for flags in ("-adapters", directory), ("-adapters", directory, "-merge"):
                    seen = program.see(base, shown or "none", question, *flags)
                    close(seen["logits"], logits(model, seen), LOGITS, "logits " + " ".join(map(str, flags[2:])))
                asked = program.ask(base, shown or "none", question, "--adapters", directory)
                ids, unsure = greedy(model, seen, asked["prompt_ids"])
                equal(asked["new_ids"][:unsure], ids[:unsure], "greedy ids")


def trained(model, rows, connector):
    """The losses of AdamW's steps on the adapters, and on the connector if asked for, with all rows as the batch."""
    params = list(model.model.connector.parameters()) if connector else []
    for module in model.modules():
        if isinstance(module, Mixed):
            params += [module.a, module.m, module.b]
    for p in model.parameters():
        p.requires_grad_(False)
    for p in params:
        p.requires_grad_(True)
    optimizer = torch.optim.AdamW(params, lr=2e-3, weight_decay=0.01)
    targets = sum(label != -100 for row in rows for label in row["labels"][1:])
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        total = 0.0
        for row in rows:
            got = model(**inputs(row)).logits[0, :-1]
            loss = torch.nn.functional.cross_entropy(got, torch.tensor(row["labels"][1:]), reduction="sum") / targets
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(params, 1)
        optimizer.step()
        losses.append(total)
    return losses


def check_steps(name, program, run, data):
    rows = program.rows(run / "00-base" / "hf", data)
    for stage, connector in ("connector", True), ("frozen", False):
        with check(f"{name}: losses of {STEPS} steps on one batch, {stage}"):
            model = load(run / "00-base" / "hf")
            model.load_state_dict(mix(model, run / "02-mixer-peft" / "peft"), strict=False)
            want = trained(model, rows, connector)
            log = next(run.glob(f"??-{stage}")) / "metrics.jsonl"
            got = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
            assert want[-1] < want[0] - 0.1, f"nothing is learnt: {want}"
            close(got, want, LOSS, "losses")
        with check(f"{name}: adapters and connector after the steps, {stage}"):
            after = load(run / "00-base" / "hf")
            whole = mix(after, next(run.glob(f"??-{stage}-peft")) / "peft")
            after.load_state_dict(whole, strict=False)
            ours, theirs = ([m for m in x.modules() if isinstance(m, Mixed)] for x in (after, model))
            for a, b in zip(ours, theirs, strict=True):
                for part in "amb":
                    close(getattr(a, part).detach(), getattr(b, part).detach(), 2e-4, part)
            for a, b in zip(after.model.connector.parameters(), model.model.connector.parameters(), strict=True):
                close(a.detach(), b.detach(), 2e-4, "connector")


def write_rows(file, files):
    """Six rows with none, one and two pictures and one to two answers."""
    rows = []
    for i, n in enumerate((1, 0, 2, 1, 0, 1)):
        shown = [str(files[(i + k) % len(files)].relative_to(file.parent)) for k in range(n)]
        turns = [("human", "<image>\n" * n + f"Which one is it? ({i})"), ("gpt", f"The {'abcdef'[i]} one.")]
        if i % 2:
            turns += [("human", "And now?"), ("gpt", "None.")]
        row = {"conversations": [{"from": who, "value": text} for who, text in turns]}
        rows.append({**row, **({"images": shown} if shown else {})})
    file.write_text(json.dumps(rows))


def main():
    programs, work, task, path = sys.argv[1:]
    programs, work, path = map(pathlib.Path, (programs, work, path))
    torch.set_num_threads(1)
    # Without the tall picture, which Pillow 13 resizes in another order than moslava: see check_llava.py.
    files = [file for file in pictures(work / "pictures") if file.stem != "tall"]
    if task == "rows":
        write_rows(path, files)
        return
    program, name, run = Program(programs), path.name, path
    directory = run / "00-base" / "hf"
    model = processor = None
    base = pathlib.Path(json.loads((run / "recipe.json").read_text())["model"]["from"])
    base = json.loads((base / "config.json").read_text())
    for made in sorted(run.glob("*/hf")):
        with check(f"{name}/{made.parent.name}: weights"):
            model = load(made)
        check_configuration(f"{name}/{made.parent.name}", made, base)
    with check(f"{name}: processor"):
        model, processor = load(directory), processor_of(directory)
    if processor is None:
        return
    check_files(name, directory, processor, work / f"{name}-written")
    check_answers(name, program, directory, model, processor, files)
    check_pipeline(name, program, directory, processor, files)
    if not (run / "02-mixer-peft").exists():
        return
    check_out(name, program, run, files)
    check_in(name, program, run, work, files)
    check_steps(name, program, run, work / "rows.json")


if __name__ == "__main__":
    main()
