"""Makes generation.golden.json: ids and assistant masks of transformers 5.23 for templates with {% generation %} blocks.

    python make_generation.py
"""
import json
import pathlib

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
BASE = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}BLOCK{% else %}{{ m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
TEMPLATES = {
    "turn": BASE.replace("BLOCK", "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"),
    "turn and line break": BASE.replace("BLOCK", "{% generation %}{{ m['content'] }}<|im_end|>{{ '\n' }}{% endgeneration %}"),
    "content alone": BASE.replace("BLOCK", "{%- generation -%}{{ m['content'] }}{%- endgeneration -%}{{ '<|im_end|>\n' }}"),
    "last turn alone": BASE.replace("BLOCK", "{% if loop.last %}{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}"),
}
TALKS = [
    [("user", "Hi there"), ("assistant", "Hello, world.")],
    [("system", "Be brief."), ("user", "One?"), ("assistant", "1"), ("user", "Two 🙂?"), ("assistant", "2\n\n  and more ")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("user", "e"), ("assistant", "the <|im_start|> mark")],
]
core = Tokenizer.from_file(str(HERE / "../../tokenizer/testdata/bytelevel.json"))
tok = PreTrainedTokenizerFast(tokenizer_object=core)
rows = []
for name, template in TEMPLATES.items():
    for talk in TALKS:
        messages = [{"role": r, "content": c} for r, c in talk]
        out = tok.apply_chat_template(messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        rows.append({"name": name, "template": template, "messages": messages, "ids": out["input_ids"], "mask": out["assistant_masks"]})
json.dump(rows, open(HERE / "generation.golden.json", "w"), ensure_ascii=False, indent=0)
