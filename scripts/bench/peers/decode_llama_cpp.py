#!/usr/bin/env python3
"""llama.cpp on the SmolLM2 GGUF: prompt tokens/s and decoding tokens/s.

    python decode_llama_cpp.py MODEL.gguf [--prompt 300] [--new 64] [--repeats 7]
    python decode_llama_cpp.py MODEL.gguf --convert f16|f32 --to OUT.gguf

Through llama-cpp-python, so a decoded token pays one Python call (llama_decode and an argmax over the logits);
the C library's own `llama-bench` would not. --convert rewrites a quantised file with every weight matrix as float16
or float32 (norms stay float32) with the gguf library, metadata copied, so the three files are the same model.
"""
import argparse
import ctypes
import pathlib
import time

import numpy as np

import measure


def convert(source, target, kind):
    import gguf
    reader = gguf.GGUFReader(str(source))
    writer = gguf.GGUFWriter(str(target), reader.fields["general.architecture"].contents())
    skip = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")
    for name, field in reader.fields.items():
        if not name.startswith(skip):
            sub = field.types[1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if kind == "f16" else gguf.LlamaFileType.ALL_F32)
    for t in reader.tensors:
        value = np.asarray(gguf.dequantize(t.data, t.tensor_type), np.float32).reshape([int(d) for d in reversed(t.shape)])
        writer.add_tensor(t.name, value.astype(np.float16) if kind == "f16" and value.ndim == 2 else value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=pathlib.Path)
    p.add_argument("--convert", choices=["f16", "f32"])
    p.add_argument("--to", type=pathlib.Path)
    p.add_argument("--prompt", type=int, default=300)
    p.add_argument("--new", type=int, default=64)
    p.add_argument("--repeats", type=int, default=7)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    if a.convert:
        convert(a.model, a.to, a.convert)
        return
    import llama_cpp
    llm = llama_cpp.Llama(str(a.model), n_ctx=512, n_batch=512, n_ubatch=512, n_threads=a.threads,
                          n_threads_batch=a.threads, logits_all=False, verbose=False)
    vocabulary = llm.n_vocab()
    prompt = np.random.default_rng(1).integers(20, vocabulary, a.prompt).tolist()
    context, batch = llm._ctx.ctx, llama_cpp.llama_batch_init(512, 0, 1)

    def decode(tokens, start):
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, start + i, 1, 0
            batch.logits[i] = i == len(tokens) - 1
        assert llama_cpp.llama_decode(context, batch) == 0
        return np.ctypeslib.as_array(ctypes.cast(llama_cpp.llama_get_logits_ith(context, -1),
                                                 ctypes.POINTER(ctypes.c_float)), (vocabulary,))

    prefill, generate, ids, load, others = [], [], None, measure.OtherLoad(), []
    for _ in range(a.repeats + 1):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        t0 = time.perf_counter()
        logits = decode(prompt, 0)
        token = int(logits.argmax())
        t1 = time.perf_counter()
        out = []
        for i in range(a.new):
            out.append(token)
            token = int(decode([token], a.prompt + i).argmax())
        t2 = time.perf_counter()
        prefill.append(t1 - t0)
        generate.append(t2 - t1)
        others.append(load.cores())
        assert ids in (None, out)
        ids = out
    prefill, generate = measure.spread(prefill[1:]), measure.spread(generate[1:])
    measure.report(what="llama_cpp", model=a.model.name, file_mib=round(a.model.stat().st_size / 2**20, 1), threads=a.threads,
                  prompt_tokens=a.prompt, new_tokens=a.new, prompt_s=prefill, decode_s=generate,
                  prompt_tok_per_s={"median": round(a.prompt / prefill["median"], 1), "best": round(a.prompt / prefill["min"], 1)},
                  decode_tok_per_s={"median": round(a.new / generate["median"], 1), "best": round(a.new / generate["min"], 1)},
                  other_cores_each=others[1:], peak_rss_mib=measure.peak_rss_mib(),
                  system_info=llama_cpp.llama_print_system_info().decode().strip(),
                  versions={"llama_cpp_python": llama_cpp.__version__})


if __name__ == "__main__":
    main()
