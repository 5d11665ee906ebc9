//go:build !race

package jinja

// slowdown is nothing without the race detector.
const slowdown = 1
