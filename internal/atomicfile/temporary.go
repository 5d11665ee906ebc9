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

// commit renames a temporary file or directory, which is none any more then. Either RemoveTemporary finds all of it under the temporary
// name, or nothing.
func commit(tmp, path string) error {
	halfWritten.Lock()
	defer halfWritten.Unlock()
	err := os.Rename(tmp, path)
	if err == nil {
		delete(halfWritten.paths, tmp)
	}
	return err
}

// RemoveTemporary removes what this process has half written. It is for a process that ends now: nothing can be
// begun or finished afterwards, and whoever tries waits for the end.
func RemoveTemporary() {
	halfWritten.Lock() // for good
	for path := range halfWritten.paths {
		os.RemoveAll(path)
	}
}
