package progress

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that tests move on.
type clock struct{ t time.Time }

func (c *clock) now() time.Time        { return c.t }
func (c *clock) sleep(d time.Duration) { c.t = c.t.Add(d) }
func columns(n int) func() int         { return func() int { return n } }
func plain(w *bytes.Buffer, total int) (*Bar, *clock) {
	c := &clock{time.Unix(1e9, 0)}
	return start(w, "tune", total, false, nil, c.now), c
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	b, c := plain(&out, 100)
	for i := range 50 {
		c.sleep(time.Second)
		b.Step(1, fmt.Sprintf("loss %.2f", 5/float64(i+1)))
	}
	b.Note("row 7 was\nskipped")
	b.Done()
	b.Done()
	b.Step(1, "late")
	want := `tune  10/100 (10%)  1m30s left  loss 0.50
tune  20/100 (20%)  1m20s left  loss 0.25
tune  30/100 (30%)  1m10s left  loss 0.17
tune  40/100 (40%)  1m00s left  loss 0.12
tune  50/100 (50%)  50s left  loss 0.10
row 7 was skipped
tune  50/100 (50%)  in 50s  loss 0.10
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestResumed: rounds done by an earlier process count, but not as if they had taken no time.
func TestResumed(t *testing.T) {
	var out bytes.Buffer
	b, c := plain(&out, 1000)
	b.Skip(900)
	c.sleep(20 * time.Second)
	b.Step(10, "")
	if want := "tune  910/1000 (91%)  3m00s left\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestFewLines(t *testing.T) {
	var out bytes.Buffer
	b, c := plain(&out, 36000)
	for range 36000 {
		c.sleep(time.Second)
		b.Step(1, "")
	}
	b.Done()
	if n := strings.Count(out.String(), "\n"); n < 50 || n > 150 {
		t.Errorf("%d lines in ten hours", n)
	}
	if want := "tune  36000/36000 (100%)  in 10h00m\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("ends with %q, want %q", out.String()[out.Len()-60:], want)
	}
}

func TestUnknownTotal(t *testing.T) {
	var out bytes.Buffer
	b, c := plain(&out, 0)
	c.sleep(12 * time.Second)
	b.Step(5, "x")
	b.Done()
	if want := "tune  5  x\ntune  5  in 12s  x\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTerminal(t *testing.T) {
	for _, total := range []int{10, 0} {
		for _, width := range []int{30, 80, 200} {
			var out bytes.Buffer
			c := &clock{time.Unix(1e9, 0)}
			b := start(&out, "align", total, true, columns(width), c.now)
			b.Skip(2)
			for range 3 {
				c.sleep(time.Second)
				b.Step(1, "loss 1.25  512 tok/s")
			}
			b.Note("a note")
			b.Done()
			text := out.String()
			want := []string{"a note\n", "align  5/10 (50%)  in 3.0s  loss 1.25  512 tok/s\n"}
			if total == 0 {
				want[1] = "align  5  in 3.0s  loss 1.25  512 tok/s\n"
			}
			if width == 200 && total > 0 {
				want = append(want, "(5/10)", "align  loss 1.25  512 tok/s  5.0s left", " 50% |")
			}
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("total %d, width %d: %q is not in %q", total, width, w, text)
				}
			}
			for _, frame := range strings.Split(text, "\r") {
				frame, drawn := strings.CutSuffix(frame, "\x1b[0K")
				if n := len([]rune(frame)); drawn && n >= width {
					t.Errorf("total %d: %d columns on a terminal of %d: %q", total, n, width, frame)
				}
			}
			if n := strings.Count(text, "\n"); n != 2 {
				t.Errorf("total %d, width %d: %d line ends in %q", total, width, n, text)
			}
		}
	}
}

// TestFileIsNoTerminal: New on a file writes lines, no control characters.
func TestFileIsNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := New(f, "export\x1b[2J", 1)
	b.Step(1, "\r\n")
	b.Done()
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if s := string(got); strings.ContainsAny(s, "\x1b\r") || !strings.HasPrefix(s, "export [2J  1/1 (100%)  in 0.0s") {
		t.Errorf("got %q", s)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }

func TestBrokenWriterAndGoroutines(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		b := start(broken{}, "x", 5, terminal, columns(80), time.Now)
		var wg sync.WaitGroup
		for range 20 { // more than the total
			wg.Go(func() { b.Step(1, "s"); b.Note("n") })
		}
		wg.Wait()
		b.Done()
		if b.done != 20 {
			t.Errorf("%d done", b.done)
		}
	}
}

func TestRound(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 4210 * time.Millisecond: "4.2s", 10 * time.Second: "10s", 185 * time.Second: "3m05s", 7625 * time.Second: "2h07m",
	} {
		if got := round(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
