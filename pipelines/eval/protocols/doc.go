// Package protocols says how an item of a suite becomes a prompt and how an answer is read. A [Protocol] is one
// benchmark's rules as one program has them: LLaVA's scripts, lmms-eval, MMMU's own parser, or a version of VLMEvalKit
// with the prompts of its vlmeval/vlm/llava/llava_xtuner.py (at ff8017cc, July 2024, for the default one), each rule
// under the name that it has upstream. A [Verdict] is an answered row with what was read. Rules read; only a model that
// matches answers with options is a judge, and what it is asked stands here, too.
package protocols
