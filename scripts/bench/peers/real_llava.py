"""The real-weights LLaVA that the peers run: DINOv2-small -> 2-layer GELU projector -> SmolLM2-135M-Instruct.

    python real_llava.py --write-projector FILE.safetensors

The towers are what scripts/weights/real_weights.py writes. hidden_states[-2] without the class token, 256 image tokens at
224 px; a projector of linear 384->576, exact GELU, linear 576->576, drawn from a fixed seed; <image> is token 49152 and the
vocabulary padded to 49216 by the mean of the other rows. Arithmetic is float32 unless asked otherwise.
"""
import argparse
import pathlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, AutoTokenizer, LlavaConfig, LlavaForConditionalGeneration

IMAGE_TOKEN, IMAGE_TOKENS, SEED = "<image>", 256, 20240617
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)



def load_tokenizer(real):
    tokenizer = AutoTokenizer.from_pretrained(str(real / "smollm2-135m-instruct"))
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]})
    assert tokenizer.convert_tokens_to_ids(IMAGE_TOKEN) == 49152
    return tokenizer


def projector_tensors(vision_dim=384, text_dim=576, scale_1=1.0, scale_2=0.375):
    """The projector's float16 weights: normal, std = scale/sqrt(inputs), torch's CPU generator, seed SEED."""
    g = torch.Generator().manual_seed(SEED)

    def normal(*shape, std):
        return (torch.randn(*shape, generator=g, dtype=torch.float32) * std).half()

    return {"linear_1.weight": normal(text_dim, vision_dim, std=scale_1 / vision_dim ** 0.5),
            "linear_1.bias": normal(text_dim, std=0.02),
            "linear_2.weight": normal(text_dim, text_dim, std=scale_2 / text_dim ** 0.5),
            "linear_2.bias": normal(text_dim, std=0.02)}


def build_llava(real, dtype=torch.float32, projector=None):
    """The assembled model, in evaluation mode. projector: tensors to use instead of the seeded ones."""
    text = AutoConfig.from_pretrained(str(real / "smollm2-135m-instruct"))
    vision = AutoConfig.from_pretrained(str(real / "dinov2-small"))
    old_vocab = text.vocab_size
    text.vocab_size = (old_vocab + 1 + 63) // 64 * 64
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=old_vocab,
                         projector_hidden_act="gelu", vision_feature_layer=-2, multimodal_projector_bias=True,
                         vision_feature_select_strategy="default", image_seq_length=IMAGE_TOKENS,
                         tie_word_embeddings=True)
    text.dtype = vision.dtype = config.dtype = torch.float32    # or the text model is built in the files' float16
    model = LlavaForConditionalGeneration(config)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    state = {}       # through AutoModel, which maps the files' names to this transformers' module names
    for prefix, part in (("vision_tower", "dinov2-small"), ("language_model", "smollm2-135m-instruct")):
        loaded = AutoModel.from_pretrained(str(real / part), dtype=torch.float32)
        state.update({f"model.{prefix}.{k}": v for k, v in loaded.state_dict().items()})
    for k, v in (projector or projector_tensors()).items():
        state["model.multi_modal_projector." + k] = v.float()
    name = "model.language_model.embed_tokens.weight"
    words = state[name]
    mean = words.double().mean(0, keepdim=True).float()
    state[name] = torch.cat([words, mean.repeat(text.vocab_size - old_vocab, 1)])
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    assert model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    assert torch.equal(model.lm_head.weight[-1:], mean)
    model = model.to(dtype).eval()
    for module in model.modules():               # .to() also casts the rotary frequencies, from_pretrained does not
        if getattr(module, "inv_freq", None) is not None and dtype == torch.bfloat16:
            module.inv_freq = module.original_inv_freq = type(module)(module.config).inv_freq
    return model



def crop_uint8(path):
    """BitImageProcessor's geometry with Pillow: shortest edge to 256 (bicubic), centre crop 224."""
    image = Image.open(path).convert("RGB")
    w, h = image.size
    short = min(w, h)
    w, h = (256, int(256 * h / w)) if w == short else (int(256 * w / h), 256)
    image = image.resize((w, h), Image.BICUBIC)
    left, top = (w - 224) // 2, (h - 224) // 2
    return image.crop((left, top, left + 224, top + 224))


def normalise(image):
    """uint8 224x224 RGB -> float32 [1,3,224,224]: (v/255 - mean)/std, worked in float64 and rounded once."""
    v = (np.asarray(image, np.float64) / 255 - np.array(MEAN)) / np.array(STD)
    return torch.tensor(v.transpose(2, 0, 1)[None].astype(np.float32))


def encode(tokenizer, question, answer=None):
    """Token ids and labels (-100 on everything but the answer and its <|im_end|>)."""
    text = tokenizer.apply_chat_template([{"role": "user", "content": IMAGE_TOKEN + "\n" + question}],
                                         tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(text.replace(IMAGE_TOKEN, IMAGE_TOKEN * IMAGE_TOKENS), add_special_tokens=False).input_ids
    tail = tokenizer(answer + "<|im_end|>", add_special_tokens=False).input_ids if answer else []
    return text, prompt + tail, [-100] * len(prompt) + tail


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--write-projector", type=pathlib.Path, required=True)
    save_file(projector_tensors(), str(p.parse_args().write_projector))


if __name__ == "__main__":
    main()
