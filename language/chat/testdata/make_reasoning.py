"""Writes reasoning.golden.json: what transformers draws with templates of the kinds that models which reason have.

    python make_reasoning.py        transformers 5.23

The templates are this project's own, with the structure of published ones: they open reasoning in the generation prompt and drop it from all
answers (as DeepSeek-R1's distilled models do), from all but the last (QwQ), or write it themselves around the last answer (Qwen3); keep it
(SmolLM3); or close it in the generation prompt (as where reasoning is switched off).
"""
import json
import pathlib

import transformers
from transformers.utils.chat_template_utils import render_jinja_template

TURN = "{{ '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>\\n' }}"
CUT = "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
LOOP = "{% for m in messages %}{% set content = m.content %}{% if m.role == 'assistant' %}"
ASK = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
OPEN = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
CLOSED = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n</think>' }}{% endif %}"
END = "{% endif %}" + TURN + "{% endfor %}"

TEMPLATES = {
    "dropped": LOOP + CUT + END + OPEN,
    "dropped from earlier": LOOP + "{% if not loop.last %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}" + END + OPEN,
    "written around the last": "{% set ns = namespace(asked=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.asked = loop.index0 %}{% endif %}{% endfor %}" + LOOP +
        "{% set reasoning = '' %}{% if '</think>' in content %}{% set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
        "{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
        "{% if loop.index0 > ns.asked %}{% set content = '<think>\\n' + reasoning + '\\n</think>\\n\\n' + content %}{% endif %}" + END + ASK,
    "kept": LOOP + "{% set content = content.lstrip('\\n') %}{# </think> #}" + END + ASK,
    "dropped, plain prompt": LOOP + CUT + END + ASK,
    "closed": LOOP + CUT + END + CLOSED,
}
TURNS = {
    "one": ["Q1", "A1"],
    "one reasoned": ["Q1", "<think>\nR1\n</think>\n\nA1"],
    "one reasoned, tight": ["Q1", "<think>R1</think>A1"],
    "one of the tag's word": ["Q1", "think"],
    "two": ["Q1", "A1", "Q2", "A2"],
    "two reasoned": ["Q1", "<think>\nR1\n</think>\n\nA1", "Q2", "<think>\nR2\n</think>\n\nA2"],
}


def main():
    rows = []
    for name, template in TEMPLATES.items():
        for kind, texts in TURNS.items():
            messages = [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]
            draw = lambda some, prompt: render_jinja_template([some], chat_template=template, add_generation_prompt=prompt)[0][0]
            rows.append({"name": name, "kind": kind, "template": template, "messages": messages, "whole": draw(messages, False), "prompt": draw(messages[:-1], True)})
    out = {"transformers": transformers.__version__, "rows": rows}
    pathlib.Path(__file__).with_name("reasoning.golden.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
