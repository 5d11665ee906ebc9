//go:build !unix

package atomicfile

// syncDirectory does nothing where directories cannot be opened for syncing.
func syncDirectory(string) error { return nil }
