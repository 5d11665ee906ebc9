"""Adapter directories written by moslava in PEFT: keys, and logits equal to those of the merged model.

    python check_peft.py PROGRAMS WORK RUN

RUN is a run of recipe.yaml: its base model, LoRA and MoSLoRA adapters in their forms, and the merged models.
"""
import json
import pathlib
import re
import sys
import warnings

import torch
from peft import PeftModel, load_peft_weights, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import LlavaForConditionalGeneration

from ours import QUESTIONS, Program, pictures
from report import check, close, equal

LOGITS = 1e-4  # absolute
# PEFT names the keys of adapter_config.json that are moslava's own, and goes on without them.
OURS = {"lora_use_mixer", "mixer", "mixer_pattern", "dropout_pattern", "freeze_a", "freeze_a_pattern", "pissa_start", "pissa_start_pattern"}
KNOWN = re.compile(r"Unexpected keyword arguments \[(.*?)\] for class LoraConfig")


def known(warning):
    m = KNOWN.match(warning)
    return m is not None and {name.strip(" '") for name in m[1].split(",")} <= OURS


def llava(directory):
    return LlavaForConditionalGeneration.from_pretrained(str(directory), dtype=torch.float32).eval()


def attach(base, directory):
    """The adapters on the base model, with every tensor of the file in its place."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, str(directory)).eval()
    said = [str(w.message) for w in said if issubclass(w.category, UserWarning) and not known(str(w.message))]
    equal(said, [], "warnings")
    weights = load_peft_weights(str(directory))
    result = set_peft_model_state_dict(model, weights)
    equal(list(result.unexpected_keys), [], "unexpected keys")
    part = [k for k in result.missing_keys if "lora_" in k or "modules_to_save" in k]
    equal(part, [], "missing keys")
    adapted = sum(".lora_" in k for k in model.state_dict())
    equal(adapted, sum(".lora_" in k for k in weights), "adapter tensors in the model and in the file")
    return model


def logits(model, seen):
    with torch.no_grad():
        return model(input_ids=torch.tensor([seen["ids"]]), pixel_values=torch.tensor(seen["pixels"])[None]).logits[0].numpy()


def check_directory(name, program, base, adapters, merged, files):
    """adapters: a PEFT directory; merged: moslava's export of the same stage."""
    model = None
    with check(f"{name}: PEFT loads every tensor"):
        model = attach(llava(base), adapters)
    if model is None:
        return
    for file, question in zip(files[:3], QUESTIONS):
        with check(f"{name}: logits of {file.name}"):
            seen = program.see(base, file, question, "-adapters", adapters, "-merge")
            plain = program.see(base, file, question)["logits"]
            assert abs(plain - seen["logits"]).max() > 0.1, "the adapters change next to nothing"
            got = logits(model, seen)
            close(got, seen["logits"], LOGITS, "PEFT and moslava, merged")
            close(got, program.see(base, file, question, "-adapters", adapters)["logits"], LOGITS, "PEFT and moslava, attached")
            close(got, program.see(merged, file, question)["logits"], LOGITS, "PEFT and moslava's export")
    with check(f"{name}: merge_and_unload gives the exported weights"):
        want = llava(merged).state_dict()
        got = model.merge_and_unload().state_dict()
        equal(sorted(got), sorted(want), "names")
        for k in want:
            close(got[k], want[k], 2e-5, k)


def check_mixer(run, program, base, files):
    """The directory with the mixer beside A and B: PEFT must not take it for LoRA; moslava reads it back."""
    directory = run / "06-mixer-peft" / "peft"
    with check(f"{run.name}/mixer: the tensors lora_AB are there and the configuration says so"):
        weights = load_peft_weights(str(directory))
        assert any(".lora_AB" in k for k in weights), "no lora_AB"
        assert json.loads((directory / "adapter_config.json").read_text())["lora_use_mixer"] is True
    with check(f"{run.name}/mixer: moslava's answers with the adapters and merged"):
        file, question = files[0], QUESTIONS[0]
        got = program.ask(base, file, question, "--adapters", directory)
        equal(got, program.ask(run / "08-mixer-merged" / "hf", file, question), "answers")
        close(program.see(base, file, question, "-adapters", directory)["logits"],
              program.see(run / "08-mixer-merged" / "hf", file, question)["logits"], LOGITS, "logits")


class Mixed(torch.nn.Module):
    """y = Wx + b + s·B·M·A·x, from the equation and the file alone."""

    def __init__(self, base, weights, name, config):
        super().__init__()
        self.base, key = base, f"base_model.model.{name}.lora_"
        self.a, self.m, self.b = (weights[key + f"{part}.weight"].float() for part in ("A", "AB", "B"))
        rank = config["rank_pattern"].get(name, config["r"])
        self.scale = config["alpha_pattern"].get(name, config["lora_alpha"]) / (rank ** 0.5 if config["use_rslora"] else rank)
        assert self.a.shape[0] == rank

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.a.T @ self.m.T @ self.b.T)


def mix(model, directory):
    """Puts the adapters of a directory with mixers on a model, and returns what the file holds besides."""
    weights, config = load_file(str(directory / "adapter_model.safetensors")), json.loads((directory / "adapter_config.json").read_text())
    for name in config["target_modules"]:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, Mixed(model.get_submodule(name), weights, name, config))
    return {k.removeprefix("base_model.model."): v for k, v in weights.items() if ".lora_" not in k}


def check_equation(run, program, base, files):
    """The same directory in plain torch: logits equal to moslava's."""
    directory = run / "06-mixer-peft" / "peft"
    with check(f"{run.name}/mixer: logits of a torch module of the equation"):
        model = llava(base)
        result = model.load_state_dict(mix(model, directory), strict=False)
        equal(list(result.unexpected_keys), [], "parameters stored entire")
        for file, question in zip(files[:2], QUESTIONS):
            seen = program.see(base, file, question, "-adapters", directory)
            close(logits(model, seen), seen["logits"], LOGITS, "logits")


def drawn(model):
    """Adapters that do something: B and magnitudes away from where they start."""
    torch.manual_seed(3)
    with torch.no_grad():
        for k, p in model.named_parameters():
            if ".lora_B" in k:
                p.normal_(std=0.3)
            if ".lora_magnitude_vector" in k:
                p.mul_(1 + 0.2 * torch.randn_like(p))
    return model.eval()


def check_their_dora(run, program, base, work, files):
    """PEFT's DoRA with patterns of ranks and of alphas, in moslava."""
    with check(f"{run.name}/theirs: DoRA with patterns that PEFT saved"):
        from peft import LoraConfig, get_peft_model
        torch.manual_seed(4)
        config = LoraConfig(r=4, lora_alpha=10, use_dora=True, target_modules=["q_proj", "up_proj", "down_proj", "fc2"],
                            rank_pattern={"q_proj": 2, "layers.1.mlp.up_proj": 6}, alpha_pattern={"fc2": 3, ".*down_proj": 7})
        model = drawn(get_peft_model(llava(base), config))
        directory = work / f"{run.name}-their-dora"
        model.save_pretrained(str(directory))
        for file, question in zip(files[:2], QUESTIONS):
            want = logits(model, program.see(base, file, question))
            for flags in (), ("-merge",):
                seen = program.see(base, file, question, "-adapters", directory, *flags)
                close(seen["logits"], want, LOGITS, "logits " + " ".join(flags))


def check_theirs(run, program, base, work, files):
    """What PEFT saves, with its own start of A and a drawn B, in moslava."""
    with check(f"{run.name}/theirs: adapters that PEFT saved"):
        from peft import LoraConfig, get_peft_model
        torch.manual_seed(3)
        model = drawn(get_peft_model(llava(base), LoraConfig(r=4, lora_alpha=10, use_rslora=True, target_modules=["q_proj", "up_proj", "fc2"])))
        directory = work / f"{run.name}-theirs"
        model.save_pretrained(str(directory))
        for file, question in zip(files[:2], QUESTIONS):
            seen = program.see(base, file, question, "-adapters", directory)
            close(seen["logits"], logits(model, seen), LOGITS, "logits")


def main():
    programs, work, run = map(pathlib.Path, sys.argv[1:])
    torch.set_num_threads(1)
    program, files = Program(programs), pictures(work / "pictures")
    base = run / "01-base" / "hf"
    check_directory(f"{run.name}/lora", program, base, run / "03-lora-peft" / "peft", run / "04-lora-merged" / "hf", files)
    check_directory(f"{run.name}/folded", program, base, run / "07-mixer-folded" / "folded", run / "08-mixer-merged" / "hf", files)
    check_directory(f"{run.name}/dora", program, base, run / "10-dora-peft" / "peft", run / "11-dora-merged" / "hf", files)
    check_directory(f"{run.name}/dora folded", program, base, run / "13-mixdora-folded" / "folded", run / "14-mixdora-merged" / "hf", files)
    check_directory(f"{run.name}/pissa", program, base, run / "16-pissa-peft" / "peft", run / "17-pissa-merged" / "hf", files)
    check_mixer(run, program, base, files)
    check_equation(run, program, base, files)
    check_their_dora(run, program, base, work, files)
    check_theirs(run, program, base, work, files)


if __name__ == "__main__":
    main()
