// Package suites makes a [Suite] of a file: items, the pictures they are about, and a version that changes whenever a
// score could. It reads the tables of MMBench and VLMEvalKit as pandas and VLMEvalKit's image_base.py do
// (open-compass/VLMEvalKit at ff8017cc, July 2024), rotates the options of circular questions as its vlmeval/tools.py
// CIRCULAR does, and reads the JSON files of MMMU, TextVQA and LLM-Adapters. A [Definition] says of a table what its
// columns do not. How an item is asked and how an answer is read is for package protocols.
package suites
