// Package progress shows how far a long loop is: a bar on a terminal, a line now and then elsewhere. It knows how many
// rounds there are and how many are done, and not what a round is.
package progress

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"moslava/internal/terminal"
)

// A Bar shows one loop. Its methods may be called from several goroutines. What goes wrong
// with writing is passed over: nobody's work should end because nobody is looking.
type Bar struct {
	mu      sync.Mutex
	w       io.Writer
	name    string
	total   int // 0: unknown
	skipped int
	done    int // the skipped ones included
	suffix  string
	started time.Time
	now     func() time.Time
	width   func() int // of the terminal in columns

	bar    *progressbar.ProgressBar // nil where there is no terminal
	bars   int                      // its columns between the strokes
	frame  bytes.Buffer             // what bar writes
	last   time.Time                // when the last line or frame was written
	closed bool
}

// New begins to show a loop of total rounds on w; total 0 or less means that nobody knows. It is drawn as
// a bar if w is a terminal that can, and neither CI nor TERM=dumb is in the environment.
func New(w io.Writer, name string, total int) *Bar {
	w = terminal.Raw(w)
	f, _ := w.(*os.File)
	draws := terminal.Is(w) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
	width := func() int {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
		return 80
	}
	return start(w, name, total, draws, width, time.Now)
}

func start(w io.Writer, name string, total int, draws bool, width func() int, now func() time.Time) *Bar {
	b := &Bar{w: w, name: oneLine(name), total: max(total, 0), started: now(), now: now, width: width}
	b.last = b.started
	if draws {
		known := b.total
		if known == 0 {
			known = -1
		}
		b.bars = min(max(width()/4, 2), 24)
		b.bar = progressbar.NewOptions(known,
			progressbar.OptionSetWriter(&b.frame),
			progressbar.OptionSetWidth(b.bars),
			progressbar.OptionShowCount(),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetPredictTime(false), // does not know of skipped rounds; see left
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine that draws
			progressbar.OptionSetDescription(b.name))
		b.bar.RenderBlank()
		b.flush()
	}
	return b
}

// Skip counts n rounds as done that took no time, as a resumed run has them.
func (b *Bar) Skip(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n = max(n, 0); !b.closed {
		b.skipped += n
		b.done += n
		b.draw(true) // the first round may take long, and until then the bar would stand at nothing
	}
}

// Step counts n more rounds as done. The suffix, such as loss and tokens per second, is shown until the next.
func (b *Bar) Step(n int, suffix string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.done += max(n, 0)
	b.suffix = oneLine(suffix)
	if b.bar != nil {
		b.draw(false)
		return
	}
	// A line every ten seconds at first, ever more seldom later: about a hundred in ten hours.
	now := b.now()
	if now.Sub(b.last) >= max(10*time.Second, now.Sub(b.started)/20) {
		b.last = now
		b.line(b.count() + b.left())
	}
}

// Note writes a line of its own above the bar.
func (b *Bar) Note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.bar == nil {
		fmt.Fprintln(b.w, oneLine(text))
		return
	}
	b.clear()
	fmt.Fprintln(b.w, oneLine(text))
	b.draw(true)
}

// Done ends the display with a line that says how far the loop came and how long it took.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	if b.bar != nil {
		b.clear()
		b.bar.Exit()
	}
	b.line(b.count() + "  in " + round(b.now().Sub(b.started)))
}

// frameEvery is how often a bar is drawn: faster than anybody reads, slow enough for a slow connection.
const frameEvery = 100 * time.Millisecond

// draw brings the bar up to date, where there is one, if it is time to or must be.
func (b *Bar) draw(must bool) {
	now := b.now()
	if b.bar == nil || !must && now.Sub(b.last) < frameEvery {
		return
	}
	b.last = now
	text := b.name
	for _, part := range []string{b.suffix, strings.TrimSpace(b.left())} {
		if part != "" {
			text += "  " + part
		}
	}
	// What does not fit beside count and bar would wrap, and a wrapped line cannot be drawn over.
	count := 2*len(strconv.Itoa(max(b.done, b.total))) + len("(/)")
	if room := max(b.width()-b.bars-count-len("\r  50% ||  "), 4); len([]rune(text)) > room {
		text = string([]rune(text)[:room-1]) + "…"
	}
	if b.total > 0 {
		b.bar.Set(min(b.done, b.total))
	} else {
		b.bar.Set(b.done)
	}
	b.frame.Reset() // of the two frames that count and text make, the second shows both
	b.bar.Describe(text)
	b.flush()
}

func (b *Bar) clear() {
	b.frame.Reset()
	b.bar.Clear()
	b.flush()
}

func (b *Bar) flush() {
	b.w.Write(b.frame.Bytes())
	b.frame.Reset()
}

func (b *Bar) line(text string) {
	if b.suffix != "" {
		text += "  " + b.suffix
	}
	fmt.Fprintf(b.w, "%s  %s\n", b.name, text)
}

func (b *Bar) count() string {
	if b.total == 0 {
		return fmt.Sprint(b.done)
	}
	return fmt.Sprintf("%d/%d (%d%%)", b.done, b.total, 100*int64(b.done)/int64(b.total))
}

// left is how long the rest takes at the mean speed so far; empty as long as there is nothing to go by.
func (b *Bar) left() string {
	worked, rest := b.done-b.skipped, b.total-b.done
	elapsed := b.now().Sub(b.started)
	if b.total == 0 || worked <= 0 || rest <= 0 || elapsed <= 0 {
		return ""
	}
	seconds := elapsed.Seconds() / float64(worked) * float64(rest)
	if seconds > 1e8 {
		return "  years left"
	}
	return "  " + round(time.Duration(seconds*float64(time.Second))) + " left"
}

// round gives as many digits as anybody cares about: 4.2s, 3m05s, 2h07m.
func round(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// oneLine keeps text that comes from outside from moving the cursor.
func oneLine(text string) string {
	return strings.TrimSpace(terminal.Line(text))
}
