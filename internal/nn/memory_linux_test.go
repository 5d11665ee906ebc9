package nn

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"moslava/internal/kernels"
)

// anonymous is the process's anonymous memory in KiB; mapped files, as a checkpoint's, are not in it.
func anonymous(t *testing.T) (kib int64) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Skip("no RssAnon in /proc/self/status: Linux 4.5 or later is needed")
	return 0
}

// peak is the most anonymous memory while f runs, less what there was before, in bytes, looked at every half millisecond.
func peak(t *testing.T, f func()) int {
	debug.FreeOSMemory()
	before := anonymous(t)
	var most atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			most.Store(max(most.Load(), anonymous(t)))
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond / 2):
			}
		}
	}()
	f()
	close(stop)
	<-done
	return int(most.Load()-before) << 10
}

// counted is a source as a checkpoint is: each tensor is made when it is asked for.
type counted struct{ kind kernels.Kind }

func (s counted) Tensor(_ string, shape []int, _ Init) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i%251) + 1
		if s.kind == kernels.F32 {
			data[i] += 1.0 / 3
		}
	}
	return data, nil
}

// TestReadingTakesLittleMoreThanTheModel: a model of 48 matrices, in half precision and in float32, read and frozen.
func TestReadingTakesLittleMoreThanTheModel(t *testing.T) {
	for _, kind := range []kernels.Kind{kernels.F16, kernels.F32} {
		var ps *Params
		most := peak(t, func() {
			var err error
			_, ps, err = Build(counted{kind}, func(s *Scope) *Linear {
				for i := range 47 {
					s.LinearNoBias(fmt.Sprint(i), 1024, 1536)
				}
				return s.LinearNoBias("last", 1024, 1536)
			})
			if err != nil {
				t.Fatal(err)
			}
			ps.Freeze()
		})
		size := 0
		for p := range ps.All() {
			size += p.Bytes()
		}
		if limit := size + size*3/10; most > limit {
			t.Errorf("%s: %d bytes at the peak, the packed weights take %d: more than 1.3 times that", kind, most, size)
		}
		t.Logf("%s: %.2f of %d MiB", kind, float64(most)/float64(size), size>>20)
	}
}
