package run

import (
	"fmt"
	"os"
	"strings"
)

// A LockedError says that another process has the run directory open.
type LockedError struct {
	Path   string // of the lock file
	Holder string // what the holder wrote into it, such as "process 123 on host"
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is held by %s: one process at a time can work in a run directory", e.Path, e.Holder)
}

// holder is what this process writes into its lock file.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return fmt.Sprintf("process %d on %s\n", os.Getpid(), host)
}

// heldBy reads what the holder wrote; it is only for the message.
func heldBy(f *os.File) string {
	b := make([]byte, 256)
	n, _ := f.ReadAt(b, 0)
	if text := strings.TrimSpace(strings.ToValidUTF8(string(b[:n]), "?")); text != "" {
		return text
	}
	return "another process"
}
