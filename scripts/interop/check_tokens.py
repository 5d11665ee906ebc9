"""Tokens that a recipe adds: in transformers' exports and PEFT's directories; and models that transformers and PEFT have extended in moslava.

    python check_tokens.py PROGRAMS WORK base BASE
    python check_tokens.py PROGRAMS WORK check KIND BASE RUN

base writes two models made of BASE, tied and not, with a row for each token and no more, to WORK/tokens-tied and WORK/tokens-apart. check takes
one of them, a run of tokens.yaml on it, RUN, and RUN-start, an export of the same model untrained.
"""
import json
import pathlib
import shutil
import sys

import torch
from peft import AutoPeftModelForCausalLM, LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from check_text import check_answers, load, logits
from ours import Program
from report import check, close, equal

LOGITS = 1e-4  # absolute
PLAIN, SPECIAL = ["<loc>", "Ärger", " two words"], ["<sp>"]
TEXTS = ["where is <loc>?", "<loc><loc> Ärger<sp> in two words", "no Arger, two  words", "<lo c>", " <sp> x"]
QUESTIONS = ["is <loc> near Ärger?", "in two words <sp>, please"]
STAGES = ["rows", "saved", "tables", "dora", "biases"]


def write_base(source, to, tied):
    """The model of source with as many rows as its tokenizer has tokens."""
    model, tokenizer = load(source), AutoTokenizer.from_pretrained(str(source))
    model.resize_token_embeddings(len(tokenizer))
    if not tied:
        config = model.config
        config.tie_word_embeddings = False
        apart = LlamaForCausalLM(config)
        apart.load_state_dict(model.state_dict(), strict=False)
        g = torch.Generator().manual_seed(3)
        with torch.no_grad():
            table = model.get_input_embeddings().weight
            apart.lm_head.weight.copy_(table + 0.1 * torch.randn(table.shape, generator=g))
        model = apart
    model.save_pretrained(str(to))
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        if (source / file).exists():
            shutil.copy(source / file, to)


def extended(base):
    """transformers' own way to the same model: tokenizer and tables."""
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.add_tokens(PLAIN)
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL}, replace_extra_special_tokens=False)
    model = load(base)
    torch.manual_seed(1)
    model.resize_token_embeddings(len(tokenizer))
    return model, tokenizer


def same_tokenizer(got, want):
    equal(len(got), len(want), "tokens")
    equal({i: str(t) for i, t in got.added_tokens_decoder.items()}, {i: str(t) for i, t in want.added_tokens_decoder.items()}, "added tokens")
    equal([t.special for t in got.added_tokens_decoder.values()], [t.special for t in want.added_tokens_decoder.values()], "special ones")
    equal(got.extra_special_tokens, want.extra_special_tokens, "extra_special_tokens")
    for text in TEXTS:
        ids = want(text)["input_ids"]
        equal(got(text)["input_ids"], ids, f"ids of {text!r}")
        for skip in (False, True):
            equal(got.decode(ids, skip_special_tokens=skip), want.decode(ids, skip_special_tokens=skip), f"text of {text!r}")


def answers(name, program, directory, tokenizer, model, *flags):
    """As check_text's, on questions with the new tokens: ids, logits."""
    for question in QUESTIONS:
        with check(f"{name}: prompt and logits, {question[:14]!r}"):
            ids = tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False)
            asked = program.ask(directory, "none", question, *(f"-{f}" if f == "-adapters" else f for f in flags))
            equal(asked["prompt_ids"], ids, "ids of the prompt")
            seen = program.see(directory, "none", question, *flags)
            close(logits(model, seen["ids"]), seen["logits"], LOGITS, "logits")
            made = model.generate(input_ids=torch.tensor([ids]), max_new_tokens=8, do_sample=False)[0][len(ids):].tolist()
            if torch.tensor(logits(model, ids + made)[len(ids) - 1:-1]).topk(2).values.diff(dim=1).abs().min() > 2 * LOGITS:
                equal(asked["new_ids"][:8], made, "greedy ids")


def check_run(kind, program, base, run, work):
    theirs, tokenizer = extended(base)
    for i, stage in enumerate(STAGES):
        name, adapters, merged = f"tokens/{kind}/{stage}", run / f"{3 * i + 1:02d}-{stage}-peft" / "peft", run / f"{3 * i + 2:02d}-{stage}-merged" / "hf"
        with check(f"{name}: the merged export in transformers"):
            model = load(merged)
            equal(model.config.vocab_size, len(tokenizer), "vocab_size")
            same_tokenizer(AutoTokenizer.from_pretrained(str(merged)), tokenizer)
            answers(f"{name}, merged", program, merged, tokenizer, model)
        with check(f"{name}: in PEFT on the resized base"):
            same_tokenizer(AutoTokenizer.from_pretrained(str(adapters)), tokenizer)
            attached = PeftModel.from_pretrained(extended(base)[0], str(adapters)).eval()
            answers(f"{name}, PEFT", program, base, tokenizer, attached, "-adapters", adapters)
        with check(f"{name}: AutoPeftModelForCausalLM resizes the base by the tokenizer"):
            to = work / f"auto-{kind}-{stage}"
            shutil.copytree(adapters, to, dirs_exist_ok=True)
            config = json.loads((to / "adapter_config.json").read_text())
            (to / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": str(base)}))
            auto = AutoPeftModelForCausalLM.from_pretrained(str(to), dtype=torch.float32).eval()
            for question in QUESTIONS:
                ids = program.see(base, "none", question, "-adapters", adapters)["ids"]
                close(logits(auto, ids), logits(attached, ids), 1e-6, "logits")
    with check(f"tokens/{kind}: new rows begin where transformers draws them"):
        rows = load(run.with_name(run.name + "-start") / "00-export" / "hf")
        for get in ("get_input_embeddings", "get_output_embeddings"):
            ours, drawn, old = (getattr(m, get)().weight.detach() for m in (rows, theirs, load(base)))
            equal(bool((ours[:len(old)] == old).all()), True, "the rows there were")
            far = (ours[len(old):] - drawn[len(old):]).abs() / (1e-9 ** 0.5 * old.std(dim=0, unbiased=False))
            assert far.max() < 6, f"{get}: {far.max():.1f} standard deviations apart"


def check_theirs(kind, program, base, work):
    """What PEFT saves of a base that was extended, with its tokenizer, in moslava."""
    for name, more in {"rows": dict(trainable_token_indices=True), "saved": dict(modules_to_save=["embed_tokens", "lm_head"]),
                       "tables": dict(targets=["embed_tokens", "lm_head"])}.items():
        with check(f"tokens/{kind}/theirs/{name}"):
            model, tokenizer = extended(base)
            more = dict(more)
            new = list(range(len(tokenizer) - len(PLAIN + SPECIAL), len(tokenizer)))
            if more.pop("trainable_token_indices", False):
                more["trainable_token_indices"] = {"embed_tokens": new, "lm_head": new}
            config = LoraConfig(r=4, lora_alpha=10, target_modules=["q_proj", *more.pop("targets", [])], task_type="CAUSAL_LM", **more)
            peft, to = get_peft_model(model, config), work / f"theirs-{kind}-{name}"
            torch.manual_seed(7)
            with torch.no_grad():
                for p in peft.parameters():
                    if p.requires_grad:
                        p.add_(0.1 * torch.randn_like(p))
            peft.eval().save_pretrained(str(to))
            tokenizer.save_pretrained(str(to))
            answers(f"tokens/{kind}/theirs/{name}", program, base, tokenizer, peft, "-adapters", to)


def main():
    programs, work = map(pathlib.Path, sys.argv[1:3])
    torch.set_num_threads(1)
    if sys.argv[3] == "base":
        for tied in (True, False):
            write_base(pathlib.Path(sys.argv[4]), work / ("tokens-tied" if tied else "tokens-apart"), tied)
        return
    kind, base, run = sys.argv[4], pathlib.Path(sys.argv[5]), pathlib.Path(sys.argv[6])
    program = Program(programs)
    check_run(kind, program, base, run, work)
    check_theirs(kind, program, base, work)


if __name__ == "__main__":
    main()
