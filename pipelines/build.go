package pipelines

import (
	"runtime"

	"moslava/internal/kernels"
	"moslava/pipelines/run"
)

// Build says which program this is; see run.Versions.
type Build struct {
	Program  string `json:"moslava"` // version and commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"` // instruction set that products are computed with
	Threads  int    `json:"threads"`
}

// ThisBuild describes the running program on this machine.
func ThisBuild() Build {
	v := run.Versions()
	return Build{Program: v["moslava"], Go: v["go"], Platform: v["platform"], Kernels: kernels.ISA(), Threads: runtime.GOMAXPROCS(0)}
}
