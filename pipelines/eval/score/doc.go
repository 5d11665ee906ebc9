// Package score makes a [Result] of items and verdicts. It needs no model: scoring again what is in files gives the
// same. A circular question counts when every pass is right, as in VLMEvalKit's vlmeval/evaluate/multiple_choice.py
// (open-compass/VLMEvalKit at ff8017cc, July 2024) under exact matching; yes/no tables are those of its
// vlmeval/evaluate/yes_or_no.py, and sheets those of MME, MMMU, MathVista and TextVQA. Two runs are compared question
// by question with McNemar's exact test.
package score
