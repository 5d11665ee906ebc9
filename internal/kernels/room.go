package kernels

import (
	"sync"
	"unsafe"
)

// Packed weights lie together in chunks that the system is asked to back with huge pages: a matrix of its
// own is smaller than such a page, and a row's product, which reads every weight once, then waits for the
// translation of addresses.

const (
	chunkBytes = 16 << 20
	leastRoom  = 64 << 10 // smaller ones are not worth it
)

var chunk struct {
	sync.Mutex
	left []byte // of the last chunk
}

// room returns n zeros. What lies in one chunk is freed together.
func room[T float32 | uint32 | byte](n int) []T {
	bytes := n * int(unsafe.Sizeof(*new(T)))
	if bytes < leastRoom {
		return make([]T, n)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&roomBytes(bytes)[0])), n)
}

func roomBytes(n int) []byte {
	if n > chunkBytes/2 {
		b := make([]byte, n)
		adviseHuge(b)
		return b
	}
	size := (n + 63) &^ 63
	chunk.Lock()
	defer chunk.Unlock()
	if len(chunk.left) < size {
		chunk.left = make([]byte, chunkBytes)
		adviseHuge(chunk.left)
	}
	b := chunk.left[:n:n]
	chunk.left = chunk.left[size:]
	return b
}
