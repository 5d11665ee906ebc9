// Package machine says what this machine has left for a process: memory and room on disks. It knows what the system,
// control groups and resource limits say. How much a computation takes, and what is done if that is too much, is for
// its callers.
package machine

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
)

// Room is how many bytes there are, and what sets the limit, such as "the control group /job (memory.max)".
type Room struct {
	Bytes int64
	Limit string
}

// ErrUnknown says that the system does not tell.
var ErrUnknown = errors.New("this system does not say how much there is")

// Memory is how much more memory this process can take: the smallest of what the system has available, what its control groups and
// resource limits leave, and GOMEMLIMIT. The error is ErrUnknown where nothing of it can be read.
func Memory() (Room, error) {
	rooms := memory()
	if n := debug.SetMemoryLimit(-1); n != math.MaxInt64 { // a negative limit changes nothing
		rooms = append(rooms, Room{n, "GOMEMLIMIT"})
	}
	return smallest(rooms)
}

func smallest(rooms []Room) (Room, error) {
	if len(rooms) == 0 {
		return Room{}, ErrUnknown
	}
	out := rooms[0]
	for _, r := range rooms[1:] {
		if r.Bytes < out.Bytes {
			out = r
		}
	}
	out.Bytes = max(out.Bytes, 0)
	return out, nil
}

// Text writes a number of bytes for people: 631 MiB, 12.4 GiB.
func Text(bytes int64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}
