package datacheck

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"iter"
	"math"
	"slices"

	"moslava/datasets"
)

// A sum is the first half of a SHA-256.
type sum [16]byte

// A mark is the sum of something that a row has. 24 bytes.
type mark struct {
	sum  sum
	row  int32
	part int32 // 1: the row is held out; of suites: which
}

// sortMarks brings equal sums together, in the order of rows.
func sortMarks(list []mark) {
	slices.SortFunc(list, func(a, b mark) int { return cmp.Or(bytes.Compare(a.sum[:], b.sum[:]), cmp.Compare(a.row, b.row)) })
}

// groups yields the runs of equal sums in sorted marks.
func groups(list []mark) iter.Seq[[]mark] {
	return func(yield func([]mark) bool) {
		for len(list) > 0 {
			n := 1
			for n < len(list) && list[n].sum == list[0].sum {
				n++
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

func half(h hash.Hash) (s sum) {
	copy(s[:], h.Sum(nil))
	return s
}

func sumOf(text string) sum {
	h := sha256.Sum256([]byte(text))
	return sum(h[:16])
}

// pictureSum is that of the pixels the tower gets: the same picture in another file format without loss, or with other metadata, has the same.
func pictureSum(im *datasets.Image) sum {
	h := sha256.New()
	for _, t := range im.Tiles {
		tileSum(h, &t)
	}
	return half(h)
}

func tileSum(h hash.Hash, t *datasets.Tile) {
	var buf [4096]byte
	b := binary.LittleEndian.AppendUint32(buf[:0], uint32(t.H))
	b = binary.LittleEndian.AppendUint32(b, uint32(t.W))
	for _, v := range t.Pixels {
		if len(b)+4 > len(buf) {
			h.Write(b)
			b = b[:0]
		}
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	h.Write(b)
}

// sampleSum is that of all that the model reads and learns of a sample.
func sampleSum(e *datasets.Example, pictures []sum) sum {
	h := sha256.New()
	var b []byte
	for ; e != nil; e = e.Rejected {
		for i, id := range e.IDs {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
			b = binary.LittleEndian.AppendUint32(b, uint32(e.Labels[i]))
		}
	}
	h.Write(b)
	for _, p := range pictures {
		h.Write(p[:])
	}
	return half(h)
}
