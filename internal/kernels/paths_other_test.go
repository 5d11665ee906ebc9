//go:build (!amd64 && !arm64) || purego

package kernels

import "testing"

func eachPath(t *testing.T, f func(t *testing.T)) { t.Run("plain", f) }

func bothPaths(f func() []float32) (assembly, plain []float32) { return f(), f() }
