"""Writes beams.json: ids that transformers generates with num_beams=4 for the models beside this file. Run with: python beams.py"""
import json, os
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from safetensors.torch import load_file

torch.manual_seed(0); torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
cases = []
for name in ["llama-tiny", "llama-tied", "qwen2-tiny", "mistral-tiny"]:
    cfg = AutoConfig.from_pretrained(os.path.join(here, name))
    model = AutoModelForCausalLM.from_config(cfg, dtype=torch.float32)
    model.load_state_dict(load_file(os.path.join(here, name, "model.safetensors")), strict=False); model.tie_weights(); model.eval()
    g = torch.Generator().manual_seed(len(name))
    for prompt_len, new, scale in [(3, 8, 1.0), (9, 32, 1.0), (5, 32, 1.0), (5, 20, 1.0)]:
        prompt = torch.randint(1, cfg.vocab_size, (1, prompt_len), generator=g)
        stops = []
        for attempt in range(3):  # without a stop id, then with ids that the search itself comes upon
            out = model.generate(prompt, attention_mask=torch.ones_like(prompt), num_beams=4, do_sample=False, max_new_tokens=new, min_new_tokens=0,
                                 length_penalty=1.0, early_stopping=False, eos_token_id=stops or None, pad_token_id=0, bos_token_id=None,
                                 return_dict_in_generate=True, output_scores=True)
            ids = out.sequences[0, prompt_len:].tolist()
            cases.append({"model": name, "prompt": prompt[0].tolist(), "max_new": new, "stop": list(stops), "ids": ids, "score": out.sequences_scores[0].item()})
            stops = [ids[len(ids) // 2]] if attempt == 0 else stops + [ids[max(0, len(ids) // 3 - 1)]]
            if attempt == 1 and stops[1] == stops[0]: stops[1] = (stops[0] + 1) % cfg.vocab_size
with open(os.path.join(here, "beams.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases", sum(len(c["ids"]) < c["max_new"] for c in cases), "stopped early")
