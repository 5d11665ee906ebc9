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
from transformers import LlavaForConditionalGeneration

from ours import QUESTIONS, Program, pictures
from report import check, close, equal

LOGITS = 1e-4  # absolute
# PEFT names the keys of adapter_config.json that are moslava's own, and goes on without them.
KNOWN = re.compile(r"Unexpected keyword arguments \['lora_use_mixer', 'mixer'\] for class LoraConfig")


def llava(directory):
    return LlavaForConditionalGeneration.from_pretrained(str(directory), dtype=torch.float32).eval()


def attach(base, directory):
    """The adapters on the base model, with every tensor of the file in its place."""
    base = llava(base)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, str(directory)).eval()
    said = [str(w.message) for w in said if issubclass(w.category, UserWarning) and not KNOWN.match(str(w.message))]
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
        model = attach(base, adapters)
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


def check_theirs(run, program, base, work, files):
    """What PEFT saves, with its own start of A and a drawn B, in moslava."""
    with check(f"{run.name}/theirs: adapters that PEFT saved"):
        from peft import LoraConfig, get_peft_model
        torch.manual_seed(3)
        model = get_peft_model(llava(base), LoraConfig(r=4, lora_alpha=10, use_rslora=True, target_modules=["q_proj", "up_proj", "fc2"])).eval()
        with torch.no_grad():
            for k, p in model.named_parameters():
                if ".lora_B" in k:
                    p.normal_(std=0.3)
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
    check_mixer(run, program, base, files)
    check_theirs(run, program, base, work, files)


if __name__ == "__main__":
    main()
