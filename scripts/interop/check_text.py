"""Directories of a decoder alone in transformers, and adapters for it in PEFT: weights, prompts, logits, greedy ids.

    python check_text.py PROGRAMS RUN

PROGRAMS holds moslava and dump; RUN is a run of text.yaml.
"""
import pathlib
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from check_peft import attach, drawn, mix
from ours import NEW_TOKENS, Program
from report import check, close, equal

LOGITS = 1e-4  # absolute
QUESTIONS = ["is ice colder than steam?", "Please choose the correct answer.\n\nAnswer1: yes\n\nAnswer2: no", "Wie heißt das? 这是什么? 🙂"]


def load(directory):
    model, info = AutoModelForCausalLM.from_pretrained(str(directory), dtype=torch.float32, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        equal(sorted(info[kind]), [], kind)
    assert not info.get("error_msgs"), info["error_msgs"]
    return model.eval()


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].numpy()


def check_answers(name, program, directory, model, *flags):
    """Logits and greedy ids of model beside moslava's of the directory with those flags."""
    tokenizer = AutoTokenizer.from_pretrained(str(directory))
    for question in QUESTIONS:
        with check(f"{name}: prompt, logits and greedy ids, {question[:14]!r}"):
            ids = tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False)
            asked = program.ask(directory, "none", question, *(f"-{f}" if f == "-adapters" else f for f in flags))
            equal(asked["prompt_ids"], ids, "ids of the prompt")
            seen = program.see(directory, "none", question, *flags)
            close(logits(model, seen["ids"]), seen["logits"], LOGITS, "logits")
            made = model.generate(input_ids=torch.tensor([ids]), max_new_tokens=NEW_TOKENS, do_sample=False)[0][len(ids):].tolist()
            best = torch.tensor(logits(model, ids + made)[len(ids) - 1:-1]).topk(2).values
            close_call = ((best[:, 0] - best[:, 1]) < 2 * LOGITS).nonzero()
            unsure = int(close_call[0]) if len(close_call) else None
            equal(asked["new_ids"][:unsure], made[:unsure], "greedy ids")
            if unsure is None:
                equal(asked["text"], tokenizer.decode(made, skip_special_tokens=True), "text")


def check_directory(name, program, directory):
    with check(f"{name}: AutoModelForCausalLM, every key in its place"):
        model = load(directory)
        equal(type(model).__name__, "LlamaForCausalLM", "class")
        equal(model.config.vocab_size, 768, "words")
        check_answers(name, program, directory, model)


def check_adapters(name, program, base, adapters, merged):
    with check(f"{name}: PEFT loads every tensor"):
        model = attach(load(base), adapters)
        names = [k for k in model.state_dict() if ".lora_" in k]
        assert names and all(k.startswith("base_model.model.model.layers.") for k in names), names[:3]
        check_answers(name, program, base, model, "-adapters", adapters)
        for question in QUESTIONS[:2]:
            with check(f"{name}: logits of the merged model, {question[:14]!r}"):
                seen = program.see(merged, "none", question)
                close(logits(model, seen["ids"]), seen["logits"], LOGITS, "PEFT and moslava's export")
                assert abs(program.see(base, "none", question)["logits"] - seen["logits"]).max() > 0.1, "the adapters change next to nothing"


def check_mixer(name, program, base, adapters, merged):
    """The directory with the mixer beside A and B, in plain torch modules of the equation."""
    with check(f"{name}: logits of a torch module of the equation"):
        model = load(base)
        mix(model, adapters)
        for question in QUESTIONS:
            seen = program.see(base, "none", question, "-adapters", adapters)
            close(logits(model, seen["ids"]), seen["logits"], LOGITS, "attached")
            close(program.see(merged, "none", question)["logits"], seen["logits"], LOGITS, "merged")


def check_theirs(name, program, base, work):
    """What PEFT saves for the bare decoder, in moslava."""
    with check(f"{name}: adapters that PEFT saved"):
        torch.manual_seed(3)
        model = drawn(get_peft_model(load(base), LoraConfig(r=4, lora_alpha=10, target_modules=["q_proj", "up_proj"], task_type="CAUSAL_LM")))
        model.save_pretrained(str(work))
        check_answers(name, program, base, model, "-adapters", work)


def check_tables(name, program, base, adapters, merged):
    """Adapters, copies and rows of embedding and head, which the base may share; PEFT warns of that."""
    with check(f"{name}: logits and greedy ids in PEFT"):
        model = PeftModel.from_pretrained(load(base), str(adapters)).eval()
        check_answers(name, program, base, model, "-adapters", adapters)
        for question in QUESTIONS[:2]:
            with check(f"{name}: logits of the merged model, {question[:14]!r}"):
                seen = program.see(merged, "none", question)
                close(logits(model, seen["ids"]), seen["logits"], LOGITS, "PEFT and moslava's export")
                close(logits(load(merged), seen["ids"]), seen["logits"], LOGITS, "transformers and moslava's export")


def main():
    programs, run = map(pathlib.Path, sys.argv[1:])
    torch.set_num_threads(1)
    program = Program(programs)
    base, merged = run / "01-base" / "hf", run / "08-mixer-merged" / "hf"
    check_directory("text/base", program, base)
    check_directory("text/merged", program, merged)
    check_adapters("text/lora", program, base, run / "03-lora-peft" / "peft", run / "04-lora-merged" / "hf")
    check_adapters("text/folded", program, base, run / "07-mixer-folded" / "folded", merged)
    check_adapters("text/dora", program, base, run / "10-dora-peft" / "peft", run / "11-dora-merged" / "hf")
    check_mixer("text/mixer", program, base, run / "06-mixer-peft" / "peft", merged)
    for i, name in enumerate(("tables", "saved", "tokens")):
        check_tables(f"text/{name}", program, base, run / f"{13 + 3 * i}-{name}-peft" / "peft", run / f"{14 + 3 * i}-{name}-merged" / "hf")
    check_theirs("text/theirs", program, base, run / "theirs")


if __name__ == "__main__":
    main()
