package interrupt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCauses: a signal is a cancelled context with the status that shells expect.
func TestCauses(t *testing.T) {
	for s, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		c := Signal{s}
		if !errors.Is(c, context.Canceled) || c.Code() != code {
			t.Errorf("%v: code %d", c, c.Code())
		}
	}
}

// TestSavedInItsStead: work that is in the midst of something long is saved from outside, as soon as it can be.
func TestSavedInItsStead(t *testing.T) {
	ctx, out, ends := handled(t)
	tries := 0
	defer Begin(ctx, Work{Answer: func() string { return "finishing step 3, saving" }, Saves: true, Save: func() (string, bool) {
		tries++
		return "step 2 is saved", tries == 3
	}})()
	send(t, syscall.SIGINT)
	if code := <-ends; code != 130 {
		t.Errorf("code %d", code)
	}
	if want := "moslava: finishing step 3, saving; again to stop at once\nmoslava: interrupted: step 2 is saved\ncleaned\n"; out.String() != want || tries != 3 {
		t.Errorf("after %d tries it says\n%s", tries, out)
	}
}

// TestHangUp: a terminal that is closed ends the work as SIGTERM does, also if it is said twice; who was told to ignore that (nohup) goes on.
func TestHangUp(t *testing.T) {
	ctx, out, ends := handled(t)
	end := Begin(ctx, Work{Answer: func() string { return "finishing step 3, saving" }, Saves: true})
	send(t, syscall.SIGHUP)
	<-ctx.Done()
	send(t, syscall.SIGHUP)
	select {
	case code := <-ends:
		t.Fatalf("ended with %d while it saves", code)
	case <-time.After(Grace + 200*time.Millisecond):
	}
	end()
	if code := <-ends; code != 129 || !strings.Contains(out.String(), "moslava: hung up\n") {
		t.Errorf("code %d, it says\n%s", code, out)
	}
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	ctx, out, _ = handled(t)
	send(t, syscall.SIGHUP)
	time.Sleep(50 * time.Millisecond)
	if ctx.Err() != nil || out.String() != "" {
		t.Errorf("ignored, and it says\n%s", out)
	}
}

type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// handled handles the signals of this process; ends receives what would have been the process's status.
func handled(t *testing.T) (ctx context.Context, out *text, ends chan int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs signals that a process can send itself: run on another system")
	}
	out, ends = new(text), make(chan int, 100)
	h := &Handler{Out: out, Clean: func() { out.Write([]byte("cleaned\n")) }, Exit: func(code int) { ends <- code }}
	ctx, stop := Handle(t.Context(), h)
	t.Cleanup(stop)
	return ctx, out, ends
}

func send(t *testing.T, s syscall.Signal) {
	t.Helper()
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestIdle: work that does not look at its context is ended when its time is up.
func TestIdle(t *testing.T) {
	ctx, out, ends := handled(t)
	outer := Begin(ctx, Work{Answer: func() string { return "outer" }})
	defer outer()
	inner := Begin(ctx, Work{Answer: func() string { return "saving answers" }, Kept: "they are kept"})
	defer inner()
	began := time.Now()
	send(t, syscall.SIGTERM)
	<-ctx.Done()
	if s := new(Signal); !errors.As(context.Cause(ctx), s) || s.Signal != syscall.SIGTERM {
		t.Errorf("cause %v", context.Cause(ctx))
	}
	if code := <-ends; code != 143 {
		t.Errorf("code %d", code)
	}
	if d := time.Since(began); d < Grace || d > Grace+5*time.Second {
		t.Errorf("after %v", d)
	}
	if want := "moslava: saving answers; again to stop at once\nmoslava: terminated: they are kept\ncleaned\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("it says\n%s", out)
	}
}

// TestSaves: work that saves is waited for, and the second signal ends it all the same.
func TestSaves(t *testing.T) {
	ctx, out, ends := handled(t)
	end := Begin(ctx, Work{Answer: func() string { return "finishing step 3, saving" }, Saves: true})
	send(t, syscall.SIGTERM)
	<-ctx.Done()
	select {
	case code := <-ends:
		t.Fatalf("ended with %d while it saves", code)
	case <-time.After(Grace + 200*time.Millisecond):
	}
	send(t, syscall.SIGINT)
	if code := <-ends; code != 130 {
		t.Errorf("code %d", code)
	}
	if !strings.HasPrefix(out.String(), "moslava: finishing step 3, saving; again to stop at once\ncleaned\n") {
		t.Errorf("it says\n%s", out)
	}
	end()
	if code := <-ends; code != 143 { // nothing holds it any more
		t.Errorf("code %d", code)
	}
}

// stuck is a pipe that nobody reads.
type stuck struct{ free chan struct{} }

func (s stuck) Write(b []byte) (int, error) { <-s.free; return len(b), nil }

// TestNobodyReads: a message that cannot be written holds nothing up, the second signal neither.
func TestNobodyReads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs signals that a process can send itself: run on another system")
	}
	for _, signals := range []int{1, 2} {
		ends := make(chan int, 100)
		s := stuck{make(chan struct{})}
		t.Cleanup(func() { close(s.free) })
		h := &Handler{Out: s, Exit: func(code int) { ends <- code }}
		ctx, stop := Handle(t.Context(), h)
		defer stop()
		if signals == 2 {
			defer Begin(ctx, Work{Answer: func() string { return "saving" }, Saves: true})()
		}
		began := time.Now()
		for range signals {
			send(t, syscall.SIGTERM)
			<-ctx.Done()
		}
		if code := <-ends; code != 143 {
			t.Errorf("code %d", code)
		}
		if d := time.Since(began); d > Grace+5*time.Second {
			t.Errorf("%d signals: after %v", signals, d)
		}
	}
}
