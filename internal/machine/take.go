package machine

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
)

// Go ends the process with a trace of all goroutines when the system refuses it memory, and nothing can be done about it then. So those
// who take much ask first.

const (
	arena = 64 << 20  // what Go's heap grows by at least
	least = 1 << 20   // less is not asked for
	start = 4 * arena // what a program takes without asking is well below
)

// A ShortError says that a resource limit leaves too little memory.
type ShortError struct {
	Bytes int64
	Room  Room
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("out of memory: %s more are needed, and %s leaves %s: raise it, or take less", Text(e.Bytes), e.Room.Limit, Text(e.Room.Bytes))
}

// limited says whether this process has a limit of its own, which does not come and go.
var limited = sync.OnceValue(func() bool { return len(limits()) > 0 })

// Take says whether the heap can grow by so many bytes under the process's own limits (ulimit). It costs nothing where there are none.
func Take(bytes int) error {
	if bytes < least || !limited() {
		return nil
	}
	room, _ := smallest(limits())
	n := int64(bytes)
	need := (n+arena-1)/arena*arena + arena // the heap grows by whole arenas, and small things need one, too
	if room.Bytes >= need || idle() >= n+n/4+least {
		return nil
	}
	runtime.GC()
	if idle() >= n+n/4+least {
		return nil
	}
	return &ShortError{need, room}
}

// Spare says whether the heap can still take the little that any piece of work takes, which nobody asks for: asked once
// before it begins.
func Spare() error {
	if !limited() {
		return nil
	}
	room, _ := smallest(limits())
	if room.Bytes >= arena || idle() >= arena/2 {
		return nil
	}
	return &ShortError{arena, room}
}

// Begin says whether there is enough for a program to begin at all.
func Begin() error {
	if room, err := smallest(limits()); err == nil && room.Bytes < start {
		return &ShortError{start, room}
	}
	return nil
}

// idle is what the heap has of the system and does not use.
func idle() (n int64) {
	s := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	for _, s := range s {
		n += int64(s.Value.Uint64())
	}
	return n
}
