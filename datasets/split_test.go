package datasets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// shared is a source of rows whose pictures others have, too; row 7 cannot be read.
type shared [][]string

func (s shared) Len() int     { return len(s) }
func (s shared) Close() error { return nil }
func (s shared) At(i int) (x Sample, err error) {
	if i == 7 {
		return x, errors.New("broken")
	}
	for _, p := range s[i] {
		x.Pictures = append(x.Pictures, Picture{Bytes: []byte(p)})
	}
	return x, nil
}

func TestSplitByPicture(t *testing.T) {
	var src shared
	for i := range 200 {
		src = append(src, []string{fmt.Sprint("p", i%40)})
	}
	src[3] = []string{"p3", "p5"} // links two pictures
	src[9] = nil
	var before []int32
	for _, workers := range []int{1, 5} {
		train, val, err := SplitByPicture(context.Background(), src, 0.1, 3, workers)
		if err != nil {
			t.Fatal(err)
		}
		if n := val.Len(); n < 20 || n > 30 || n+train.Len() != 200 {
			t.Errorf("%d rows held back of 200, %d left", n, train.Len())
		}
		side := map[string]int{}
		for k, s := range []*Subset{train, val} {
			for _, row := range s.Rows {
				if row == 7 {
					continue
				}
				for _, p := range src[row] {
					if was, ok := side[p]; ok && was != k {
						t.Errorf("picture %s is on both sides", p)
					}
					side[p] = k
				}
			}
		}
		if side["p3"] != side["p5"] {
			t.Error("pictures of one row are apart")
		}
		if before != nil && !slices.Equal(before, val.Rows) {
			t.Error("another split with other workers")
		}
		before = val.Rows
	}
	if _, val, err := SplitByPicture(context.Background(), src, 0, 3, 1); err != nil || val.Len() != 0 {
		t.Errorf("share 0 holds %v back, %v", val, err)
	}
	one := shared{{"a"}, {"a"}, {"a"}}
	if _, _, err := SplitByPicture(context.Background(), one, 0.1, 3, 1); err == nil {
		t.Error("all rows were held back")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped")
	cancel(stopped)
	if _, _, err := SplitByPicture(ctx, src, 0.1, 3, 1); !errors.Is(err, stopped) {
		t.Errorf("after an end: %v", err)
	}
}
