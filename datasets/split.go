package datasets

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// SplitByPicture holds back a share of a source's rows for validation as Split does, so that no picture is on both sides: rows that share one by
// its bytes, directly or by way of other rows, stay together. Groups of rows are held back in the order of a hash of the seed and their pictures,
// until they have round(share * rows) rows, at least one if share is above 0; a group that goes beyond that is held back whole. Rows without
// a picture, and those that cannot be read, go by their number. Every row is read, by so many workers. It ends with the context's cause.
func SplitByPicture(ctx context.Context, src Source, share float64, seed uint64, workers int) (train, validation *Subset, err error) {
	if train, validation, err = Split(src, share, seed); err != nil || share == 0 {
		return train, validation, err
	}
	pictures, err := pictureSums(ctx, src, workers)
	if err != nil {
		return nil, nil, err
	}
	groups := linked(pictures)
	sums := make([][sha256.Size]byte, len(groups))
	at := make([]int, len(groups))
	for i, rows := range groups {
		sums[i], at[i] = groupSum(seed, rows, pictures), i
	}
	slices.SortFunc(at, func(a, b int) int {
		return cmp.Or(bytes.Compare(sums[a][:], sums[b][:]), cmp.Compare(groups[a][0], groups[b][0]))
	})
	n := src.Len()
	want := max(1, int(math.Round(share*float64(n))))
	held := make([]bool, n)
	count := 0
	for _, g := range at {
		if count >= want {
			break
		}
		for _, row := range groups[g] {
			held[row] = true
		}
		count += len(groups[g])
	}
	if count >= n {
		return nil, nil, fmt.Errorf("validation share %v of %d rows by picture leaves none to train on: %s", share, n, fewGroups(len(groups)))
	}
	train, validation = &Subset{Source: src}, &Subset{Source: src}
	for i, h := range held {
		if h {
			validation.Rows = append(validation.Rows, int32(i))
		} else {
			train.Rows = append(train.Rows, int32(i))
		}
	}
	return train, validation, nil
}

func fewGroups(n int) string {
	if n == 1 {
		return "all of them share pictures with one another"
	}
	return fmt.Sprintf("they are %d groups that share no picture", n)
}

// pictureSums are the SHA-256 of the pictures of each row; none for rows without one, and for those that cannot be read.
func pictureSums(ctx context.Context, src Source, workers int) ([][][sha256.Size]byte, error) {
	out := make([][][sha256.Size]byte, src.Len())
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, workers) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(out) {
					return
				}
				s, err := src.At(i)
				if err != nil {
					continue // what becomes of it is Load's business
				}
				for _, p := range s.Pictures {
					out[i] = append(out[i], sha256.Sum256(p.Bytes))
				}
			}
		})
	}
	wg.Wait()
	return out, context.Cause(ctx)
}

// linked puts rows together that share pictures, by union and find. Rows are in ascending order, groups in that of their first rows.
func linked(pictures [][][sha256.Size]byte) [][]int32 {
	root := make([]int32, len(pictures))
	find := func(i int32) int32 {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	first := map[[sha256.Size]byte]int32{}
	for i := range pictures {
		root[i] = int32(i)
		for _, sum := range pictures[i] {
			if j, seen := first[sum]; seen {
				a, b := find(int32(i)), find(j)
				root[max(a, b)] = min(a, b)
			} else {
				first[sum] = int32(i)
			}
		}
	}
	at := map[int32]int{}
	var out [][]int32
	for i := range pictures {
		r := find(int32(i))
		g, ok := at[r]
		if !ok {
			g = len(out)
			at[r] = g
			out = append(out, nil)
		}
		out[g] = append(out[g], int32(i))
	}
	return out
}

// groupSum says when a group is held back: it depends on the seed and the lowest of its pictures' sums, or its row's number.
func groupSum(seed uint64, rows []int32, pictures [][][sha256.Size]byte) [sha256.Size]byte {
	key := binary.LittleEndian.AppendUint64(nil, seed)
	var least []byte
	for _, row := range rows {
		for i := range pictures[row] {
			if sum := pictures[row][i][:]; least == nil || bytes.Compare(sum, least) < 0 {
				least = sum
			}
		}
	}
	if least == nil {
		least = binary.LittleEndian.AppendUint64(nil, uint64(rows[0]))
	}
	return sha256.Sum256(append(key, least...))
}

// Of are the same rows of another source, which has to have as many.
func (s *Subset) Of(src Source) *Subset { return &Subset{src, s.Rows} }
