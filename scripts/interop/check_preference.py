"""Losses of preferences beside TRL's trainers, on one batch: loss, rewards and gradients.

    python check_preference.py PROGRAMS RUN WORK

PROGRAMS holds pairs; RUN is a run of text.yaml.
"""
import json
import pathlib
import re
import sys

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from ours import output
from report import check, close, equal

TOLERANCE = 1e-4
ROWS = [{"prompt": "is ice colder than steam?", "chosen": "yes, by far.", "rejected": "no"},
        {"prompt": "What is 2 + 3?", "chosen": "5", "rejected": "it is six, I think"},
        {"prompt": "Say a word.", "chosen": "word word word", "rejected": "a"}]


def policy(base, adapters):
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapters), is_trainable=True)
    for m in model.modules():
        if isinstance(m, torch.nn.Dropout):
            m.p = 0.0
    return model


def batch(seen):
    """Our sequences as TRL lays them: the chosen ones, then the rejected ones, padded on the right."""
    cuts = list(zip(seen["offsets"], seen["offsets"][1:]))
    cuts = cuts[::2] + cuts[1::2]
    longest = max(b - a for a, b in cuts)
    ids, mask, answers = (torch.zeros(len(cuts), longest, dtype=torch.long) for _ in range(3))
    for i, (a, b) in enumerate(cuts):
        ids[i, :b - a] = torch.tensor(seen["ids"][a:b])
        mask[i, :b - a] = 1
        answers[i, 1:b - a] = torch.tensor([int(x != -100) for x in seen["labels"][a:b - 1]])  # ours stand where they are predicted
    return ids, mask, answers


def compare(seen, model, loss, chosen, rejected):
    close(float(loss), seen["loss"], TOLERANCE, "loss")
    close(float(chosen), seen["chosen"], TOLERANCE, "rewards of the chosen answers")
    close(float(rejected), seen["rejected"], TOLERANCE, "rewards of the rejected answers")
    loss.backward()
    got = {}
    for name, p in model.named_parameters():
        if m := re.fullmatch(r"base_model\.model\.(.*)\.lora_([AB])\.default\.weight", name):
            got[m[1], m[2]] = p.grad.flatten().numpy()
    want = {}
    for name, g in seen["gradients"].items():
        module, factor = re.fullmatch(r"(?:language_model\.)?(.*)\.lora_([AB])(?:\.weight)?", name).groups()
        want[module, factor] = g
    equal(sorted(got), sorted(want), "parameters")
    largest = max(abs(g).max() for g in got.values())
    for k in want:
        close(got[k] / largest, torch.tensor(want[k]).numpy() / largest, TOLERANCE, f"gradient of {k}")


def check_dpo(kind, seen, base, adapters, work):
    model, tokenizer = policy(base, adapters), AutoTokenizer.from_pretrained(str(base))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    trainer = DPOTrainer(model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(ROWS),
                         args=DPOConfig(output_dir=str(work / kind), beta=0.3, loss_type=["sigmoid" if kind == "dpo" else kind], report_to=[],
                                        use_cpu=True, bf16=False, gradient_checkpointing=False, disable_dropout=True))
    # Adapters that are trained on are TRL's reference as well, in a copy; ours is the model without any.
    trainer.model.peft_config.pop("ref", None)
    ids, mask, answers = batch(seen)
    loss = trainer._compute_loss(trainer.model, {"input_ids": ids, "attention_mask": mask, "completion_mask": answers}, False)
    told = {k: v[-1] for k, v in trainer._metrics["train" if trainer.model.training else "eval"].items()}
    compare(seen, trainer.model, loss, told["rewards/chosen"], told["rewards/rejected"])


def check_orpo(seen, base, adapters, work):
    model, tokenizer = policy(base, adapters), AutoTokenizer.from_pretrained(str(base))
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    trainer = ORPOTrainer(model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(ROWS),
                          args=ORPOConfig(output_dir=str(work / "orpo"), beta=0.3, report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False))
    ids, mask, answers = batch(seen)
    n = len(ids) // 2
    labels = ids.masked_fill(answers == 0, -100)
    rows = {"chosen_input_ids": ids[:n], "chosen_attention_mask": mask[:n], "chosen_labels": labels[:n],
            "rejected_input_ids": ids[n:], "rejected_attention_mask": mask[n:], "rejected_labels": labels[n:]}
    loss, told = trainer.get_batch_loss_metrics(trainer.model, rows, "train")
    compare(seen, trainer.model, loss, told["rewards/chosen"], told["rewards/rejected"])


def main():
    programs, run, work = map(pathlib.Path, sys.argv[1:4])
    base, adapters = run / "01-base" / "hf", run / "03-lora-peft" / "peft"
    data = work / "pairs.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    torch.manual_seed(0)
    for kind in ("dpo", "ipo", "orpo"):
        with check(f"preference: {kind} is TRL's: loss, rewards and gradients of {len(ROWS)} pairs"):
            seen = json.loads(output(programs / "pairs", "-loss", kind, "-beta", "0.3", base, adapters, data))
            assert "error" not in seen, seen
            if kind == "orpo":
                check_orpo(seen, base, adapters, work)
            else:
                check_dpo(kind, seen, base, adapters, work)


if __name__ == "__main__":
    main()
