//go:build !race

package jinja

// slowdown leaves room for a busy machine: alone, the slowest of the hostile templates takes a third of a second.
const slowdown = 1
