"""Makes spm.model, a small SentencePiece model like LLaMA's, and spm.golden.json, what sentencepiece 0.2 makes of some texts.

    python make_spm.py
"""
import json
import os
import pathlib
import random

import sentencepiece as spm

HERE = pathlib.Path(__file__).parent
WORDS = "the cat sat on a mat and saw two red squares, three green circles; 12 34 aaaa aaa aa banana bananas ssss ééé 日本 été don't it's".split()
rng = random.Random(3)
corpus = [" ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 12))) for _ in range(2000)] + ["a" * n for n in range(1, 30)] + ["x" + " " * n + "y" for n in range(9)] * 3
os.chdir(HERE)  # the model holds the path it is trained to
spm.SentencePieceTrainer.train(sentence_iterator=iter(corpus), model_prefix="spm", vocab_size=420, model_type="bpe", byte_fallback=True,
                               character_coverage=0.999, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
                               allow_whitespace_only_pieces=True, user_defined_symbols=["<image>"], hard_vocab_limit=False, pad_id=-1, minloglevel=2)
(HERE / "spm.vocab").unlink()
sp = spm.SentencePieceProcessor(model_file=str(HERE / "spm.model"))
texts = ["", " ", "  ", "a", " a", "the cat", "  two  spaces ", "a" * 37, "x     y", "banana bananas ban", "🙂 日本語 é e\u0301", "12345", "tab\tnew\nline", "<image>", "<image>the cat <image> sat",
         "a<image>b", "don't it's", "ssssssss", "\u2581 mark", "unk \u1234\u5678"]
texts += ["".join(rng.choice(["a", "aa", "s", " ", "  ", "é", "1", "the", "cat", "🙂", "banana", "<image>", "\n", "本"]) for _ in range(rng.randint(1, 40))) for _ in range(300)]
json.dump([{"s": t, "ids": sp.encode(t), "text": sp.decode(sp.encode(t))} for t in texts], open(HERE / "spm.golden.json", "w"), ensure_ascii=False, separators=(",", ":"))
