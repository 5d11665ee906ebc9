package datasets

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"moslava/internal/pytext"
)

// Words is LLaVA's length of a sample (train.py, modality_lengths): how many words its turns have, as Python's str.split
// counts them, markers of pictures included.
func Words(s Sample) (int, error) {
	n := words(s.Text)
	for _, t := range s.Turns {
		n += words(t.Value)
	}
	return n, nil
}

func words(text string) (n int) {
	inside := false
	for _, r := range text {
		space := pytext.IsSpace(r)
		if !space && !inside {
			n++
		}
		inside = !space
	}
	return n
}

// WithoutPictures has rows come without the content of pictures that are files, which is what lengths of texts are
// measured on: a byte stands for it.
func (o Options) WithoutPictures() Options {
	o.fetch = func([]string, string) ([]byte, error) { return []byte{0}, nil }
	return o
}

// Lengths measures the rows of a source, for a Grouping: at least 1 each, negative without a picture. Rows that cannot be read or
// measured count as texts of length 1: what becomes of them is Load's business. It ends with the context's cause.
func Lengths(ctx context.Context, src Source, workers int, measure func(Sample) (int, error)) ([]int32, error) {
	out := make([]int32, src.Len())
	var next atomic.Int64
	var wg sync.WaitGroup
	const some = 256 // rows to a turn of a worker
	for range max(1, workers) {
		wg.Go(func() {
			for ctx.Err() == nil {
				lo := int(next.Add(some)) - some
				if lo >= len(out) {
					return
				}
				for i := lo; i < min(lo+some, len(out)); i++ {
					out[i] = lengthOf(src, i, measure)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

func lengthOf(src Source, row int, measure func(Sample) (int, error)) (n int32) {
	defer func() {
		if recover() != nil { // of a source or of a template; Load tells of it
			n = -1
		}
	}()
	s, err := src.At(row)
	if err != nil {
		return -1
	}
	m, err := measure(s)
	if err != nil {
		return -1
	}
	n = int32(min(max(m, 1), math.MaxInt32))
	if len(s.Pictures) == 0 {
		n = -n
	}
	return n
}
