//go:build race

package jinja

// slowdown is what the race detector costs.
const slowdown = 20
