package kernels

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHuge asks for huge pages. A kernel that has none says so, and nothing is lost.
func adviseHuge(b []byte) {
	const page = 2 << 20
	at := uintptr(unsafe.Pointer(&b[0]))
	skip := int(-at & (page - 1))
	if n := (len(b) - skip) &^ (page - 1); n > 0 {
		_ = unix.Madvise(b[skip:skip+n], unix.MADV_HUGEPAGE)
	}
}
