// Package pytext reads and writes texts, numbers and lists as Python 3 does: str.split, str.lower, float, int and repr.
// Benchmarks are scored by Python programs, and what those make of an answer depends on such details.
package pytext
