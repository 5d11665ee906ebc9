//go:build !unix

package jinja

import "time"

var start = time.Now()

// processorTime is the time that has passed: the system is not asked.
func processorTime() time.Duration { return time.Since(start) }
