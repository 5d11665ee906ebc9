package autograd

import "testing"

func TestPoolClasses(t *testing.T) {
	for n := 1; n < 100_000; n += 1 + n/50 {
		c := class(n)
		if c < n || c > max(64, n+n/4+1) || class(c) != c {
			t.Fatalf("class(%d) is %d, class of that %d", n, c, class(c))
		}
		if next := class(c + 1); next <= c {
			t.Fatalf("class after %d is %d", c, next)
		}
	}
}

func TestPoolReusesBuffersUpToTwiceTheSize(t *testing.T) {
	var b buffers
	b.put(make([]float32, class(1000)))
	if got := b.get(600); cap(got) != class(1000) {
		t.Errorf("a buffer of %d for 600, want the one of %d", cap(got), class(1000))
	}
	b.put(make([]float32, class(5000)))
	if got := b.get(600); cap(got) != class(600) {
		t.Errorf("a buffer of %d for 600", cap(got))
	}
}

// TestPoolForgetsWhatItHandsOut: a buffer that nobody has any more must be the garbage collector's.
func TestPoolForgetsWhatItHandsOut(t *testing.T) {
	var b buffers
	b.put(make([]float32, class(1000)))
	b.get(1000)
	if l := b.free[class(1000)]; len(l) != 0 || l[:1][0] != nil {
		t.Errorf("the pool still has %d elements", len(l[:1][0]))
	}
}
