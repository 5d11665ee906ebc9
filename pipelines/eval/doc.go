// Package eval measures a vision-language model on question suites: MMBench-style circular multiple choice, plain multiple
// choice, yes/no questions (POPE, MME), short answers (TextVQA, MMMU, MathVista) and the commonsense sets.
//
// A [Suite] is items plus pictures plus a version. A [Protocol] says how an item becomes a prompt and how an answer becomes a
// letter. [Run] asks an [Answerer] for every item and keeps one [Verdict] per row in an append-only JSONL file that a later
// run resumes from. [Score] turns items and verdicts into a [Result] and is pure: scoring again needs no model.
//
// The protocol "vlmevalkit-2024.06" mirrors open-compass/VLMEvalKit at commit ff8017cc (1 July 2024) with its exact_matching
// policy: prompts of vlmeval/vlm/llava/llava_xtuner.py, extraction of vlmeval/utils/matching_util.py, circular scoring of
// vlmeval/evaluate/multiple_choice.py, yes/no rating of vlmeval/evaluate/yes_or_no.py.
package eval
