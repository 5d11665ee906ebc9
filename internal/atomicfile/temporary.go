package atomicfile

import (
	"os"
	"sync"
)

// halfWritten are the files and directories that this process has begun and not finished.
var halfWritten = struct {
	sync.Mutex
	paths map[string]bool
}{paths: map[string]bool{}}

// Temporary notes that path, a file or a directory that is about to be made, is half written until done is called.
func Temporary(path string) (done func()) {
	halfWritten.Lock()
	defer halfWritten.Unlock()
	halfWritten.paths[path] = true
	return func() {
		halfWritten.Lock()
		defer halfWritten.Unlock()
		delete(halfWritten.paths, path)
	}
}

// RemoveTemporary removes what this process has half written. It is for a process that ends now: nothing can be
// begun or finished afterwards, and whoever tries waits for the end.
func RemoveTemporary() {
	halfWritten.Lock() // for good
	for path := range halfWritten.paths {
		os.RemoveAll(path)
	}
}
