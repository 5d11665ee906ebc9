//go:build !linux

package study

// startPeak measures nothing on this system.
func startPeak() func() int64 { return func() int64 { return 0 } }
