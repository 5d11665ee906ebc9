// Package eval asks a model the questions of a suite and keeps what it answers. [Run] takes a suite (package suites),
// asks an [Answerer] for every item as a protocol words it (package protocols), appends a verdict a row to a file that
// a later run resumes from, and has the verdicts counted (package score). What no rule reads a [Judge] may, where the
// protocol has one.
package eval
