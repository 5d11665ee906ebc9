// Command peak prints what a loop of fused multiply-adds on registers alone reaches.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"moslava/internal/kernels"
	"moslava/scripts/bench/ours/real"
)

func main() {
	threads := flag.Int("threads", 2, "")
	seconds := flag.Float64("seconds", 1, "")
	flag.Parse()
	real.Threads(*threads)
	clock := real.Start()
	g := kernels.PeakFMA(*threads, time.Duration(*seconds*float64(time.Second)))
	_, others := clock.Stop()
	if err := real.Report(map[string]any{"what": "peak", "threads": *threads, "gflops": g, "other_cores": others}); err != nil {
		fmt.Fprintln(os.Stderr, "peak:", err)
		os.Exit(1)
	}
}
