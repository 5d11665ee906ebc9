// Package interrupt ends the work of a command when the user asks for it, within about a second, whatever the work is.
//
// The first signal says what happens now and ends the context. Work that looks at its context ends by itself: training saves the
// last finished step. Work that does not, because it waits for a pipe or is in the midst of a long computation, is ended with the
// process when its time is up, unless it has something to save. That is safe because every file is replaced in one step, so that a
// process may be killed at any time. The second signal ends the process at once.
package interrupt

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Grace is how long work without anything to save may take to end by itself. To give gigabytes back takes the system a while, too, within the second
// that is promised.
const Grace = 500 * time.Millisecond

// A Signal is the cause of a context that a signal has ended. It counts as context.Canceled.
type Signal struct{ syscall.Signal }

func (s Signal) Error() string {
	switch s.Signal {
	case syscall.SIGTERM:
		return "terminated"
	case syscall.SIGHUP:
		return "hung up"
	}
	return "interrupted"
}

// Is makes errors.Is(err, context.Canceled) true.
func (s Signal) Is(target error) bool { return target == context.Canceled }

// Code is the status that shells expect of a process that the signal has ended: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP.
func (s Signal) Code() int { return 128 + int(s.Signal) }

// Work is what a signal interrupts.
type Work struct {
	Answer func() string // what the first signal says that happens now, such as "saving answers"
	Kept   string        // what the process says if it has to end before the work does; may be empty
	Saves  bool          // ends by itself soon after its context and saves then: the process waits for it
	// Save, where the work saves, is called when its time is up: it is in the midst of something long then. Save saves what there is in its stead and says so,
	// after which nothing can change any more, or says that this is no moment for it. The process ends with what it says.
	Save func() (kept string, ok bool)
}

// Handler is what Handle needs.
type Handler struct {
	Out   io.Writer      // for messages; whoever reads it need not keep up
	Clean func()         // removes what is half written, before the process ends early
	Exit  func(code int) // os.Exit

	mu     sync.Mutex
	work   []*Work // the last one is what goes on now
	cancel context.CancelCauseFunc
	done   chan struct{}
}

type key struct{}

// Handle begins to catch SIGINT, SIGTERM and, unless the process was told to ignore it (nohup), SIGHUP, which comes when a terminal or
// connection is closed. It returns the context that they end. stop gives the signals free.
func Handle(parent context.Context, h *Handler) (ctx context.Context, stop func()) {
	ctx, h.cancel = context.WithCancelCause(context.WithValue(parent, key{}, h))
	h.done = make(chan struct{})
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(ch, syscall.SIGHUP)
	}
	go h.wait(ch)
	return ctx, sync.OnceFunc(func() {
		signal.Stop(ch)
		close(h.done)
		h.cancel(nil)
	})
}

// Begin says what goes on under ctx from now until end is called. Work may begin within other work. Without a Handle above, nothing happens.
func Begin(ctx context.Context, w Work) (end func()) {
	h, ok := ctx.Value(key{}).(*Handler)
	if !ok {
		return func() {}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &w
	h.work = append(h.work, p)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if i := slices.Index(h.work, p); i >= 0 {
			h.work = slices.Delete(h.work, i, i+1)
		}
	}
}

// wait answers the signals.
func (h *Handler) wait(ch <-chan os.Signal) {
	var first Signal
	select {
	case s := <-ch:
		first = toSignal(s)
	case <-h.done:
		return
	}
	up := time.NewTimer(Grace)
	below := ""
	if f, ok := h.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		below = "\n" // the bar and ^C
	}
	h.say(below+"moslava: %s; again to stop at once\n", h.now().Answer())
	h.cancel(first)
	saved := make(chan string, 1) // what work says that has been saved in its stead
	for {
		select {
		case s := <-ch:
			if s != syscall.SIGHUP { // that may come twice, of the shell and of the system
				h.end(toSignal(s))
			}
		case <-up.C:
			switch w := h.now(); {
			case !w.Saves:
				h.endWith(first, w.Kept)
				up.Reset(again)
			case w.Save != nil:
				go func() { // and the second signal is heard meanwhile
					if kept, ok := w.Save(); ok {
						saved <- kept
					} else {
						up.Reset(again)
					}
				}()
			default:
				up.Reset(again)
			}
		case kept := <-saved:
			h.endWith(first, kept)
		case <-h.done:
			return
		}
	}
}

// again is when work that was waited for is looked at again.
const again = 20 * time.Millisecond

// endWith ends the process and says what is kept.
func (h *Handler) endWith(s Signal, kept string) {
	if kept != "" {
		h.say("moslava: %v: %s\n", s, kept)
	} else {
		h.say("moslava: %v\n", s)
	}
	h.end(s)
}

// patience is how long a message may take: a pipe that nobody reads must hold up neither the end nor the second signal.
const patience = 100 * time.Millisecond

func (h *Handler) say(format string, args ...any) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		fmt.Fprintf(h.Out, format, args...)
	}()
	select {
	case <-said:
	case <-time.After(patience):
	}
}

// now is what goes on.
func (h *Handler) now() Work {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.work); n > 0 {
		return *h.work[n-1]
	}
	return Work{Answer: func() string { return "stopping" }}
}

func (h *Handler) end(s Signal) {
	if h.Clean != nil {
		h.Clean()
	}
	h.Exit(s.Code())
}

func toSignal(s os.Signal) Signal {
	if s, ok := s.(syscall.Signal); ok {
		return Signal{s}
	}
	return Signal{syscall.SIGINT}
}
