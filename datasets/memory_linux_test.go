package datasets

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// anonymous is the process's anonymous memory in KiB; mapped files are not in it.
func anonymous(t testing.TB) (kib int) {
	t.Helper()
	debug.FreeOSMemory()
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

// generate writes n rows, every second with a picture of 1 KiB.
func generate(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rows")
	picture := bytes.Repeat([]byte{7}, 1024)
	err := WriteArrow(dir, func(yield func(Sample, error) bool) {
		for i := range n {
			s := Sample{ID: fmt.Sprint(i), Turns: []Turn{{From: Human, Value: "a question of some length, " + fmt.Sprint(i)}, {From: GPT, Value: "an answer"}}}
			if i%2 == 0 {
				s.Turns[0].Value, s.Pictures = ImageMarker+s.Turns[0].Value, []Picture{{Bytes: picture}}
			}
			if !yield(s, nil) {
				return
			}
		}
	}, WriteOptions{RowsPerShard: 5000})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// readAll loads two shuffled epochs and gives the growth of anonymous memory over
// what it was before the source was opened.
func readAll(t testing.TB, dir string, n int) int {
	t.Helper()
	before := anonymous(t)
	src := mustOpen(t, dir)
	samples := 0
	for b, err := range Load(t.Context(), src, spell{}, LoadOptions{BatchSize: 64, Epochs: 2}, Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		samples = b.Counts.Samples
	}
	if samples != 2*n {
		t.Fatalf("%d samples, want %d", samples, 2*n)
	}
	return anonymous(t) - before
}

// TestMemory: writing and reading twenty thousand rows takes no more anonymous
// memory than a few batches do.
func TestMemory(t *testing.T) {
	const n = 20000
	warm := generate(t, 500)
	readAll(t, warm, 500)
	before := anonymous(t)
	dir := generate(t, n)
	if grown := anonymous(t) - before; grown > 8<<10 {
		t.Errorf("writing %d rows left %d KiB more", n, grown)
	}
	if grown := readAll(t, dir, n); grown > 4<<10 {
		t.Errorf("reading %d rows left %d KiB more", n, grown)
	}
}

// BenchmarkMemory reads 100,000 rows and reports the growth of anonymous memory.
func BenchmarkMemory(b *testing.B) {
	const n = 100000
	dir := generate(b, n)
	b.ResetTimer()
	for b.Loop() {
		b.ReportMetric(float64(readAll(b, dir, n)), "KiB-grown")
	}
}
