package device

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
	c := NewCPU()
	large := c.Get(1000)
	c.Put(large)
	if got := c.Get(600); got.taken != class(1000) || &got.host[0] != &large.host[0] || len(got.host) != 600 {
		t.Errorf("a buffer of %d for 600, want the one of %d", got.taken, class(1000))
	}
	c.Put(c.Get(5000))
	if got := c.Get(600); got.taken != class(600) {
		t.Errorf("a buffer of %d for 600", got.taken)
	}
}

// TestPoolForgetsWhatItHandsOut: a buffer that nobody has any more must be the garbage collector's.
func TestPoolForgetsWhatItHandsOut(t *testing.T) {
	b := NewCPU()
	b.Put(b.Get(1000))
	b.Get(1000)
	if l := b.free[class(1000)]; len(l) != 0 || l[:1][0] != nil {
		t.Errorf("the pool still has %d elements", len(l[:1][0]))
	}
}

// TestPoolIsBounded: batches of many shapes leave no more behind than the most that was out at once, and an eighth or leastSlack.
func TestPoolIsBounded(t *testing.T) {
	const k = 1 << 14 // so that an eighth is more than leastSlack
	b := NewCount()
	use := func(sizes ...int) {
		var out []Buffer
		for _, n := range sizes {
			out = append(out, b.Get(k*n))
		}
		for _, s := range out {
			b.Put(s)
		}
	}
	most := 0
	for _, sizes := range [][]int{{9000, 300}, {2000, 2000, 2000, 2000}, {900, 900, 900, 900, 900, 900, 900}, {100, 9000}} {
		use(sizes...)
		out := 0
		for _, n := range sizes {
			out += class(k * n)
		}
		most = max(most, out)
		if have := b.use.Out + b.use.Free; have > most+most/8 {
			t.Errorf("after %v the pool has %d, at most %d were out at once", sizes, have, most)
		}
	}
	if most/8 <= leastSlack {
		t.Errorf("%d are too few to say anything of an eighth", most)
	}
	before := b.use
	use(9000, 300)
	use(9000, 300)
	if b.use.Free < before.Free {
		t.Errorf("one shape after the other: %d free, before it %d", b.use.Free, before.Free)
	}
}

// TestSmallPassesCollectNothing: what passes of inference of ever other lengths let go of is not worth a collection each time.
func TestSmallPassesCollectNothing(t *testing.T) {
	b := NewCPU()
	collected := 0
	b.collect = func() { collected++ }
	for n := range 1000 {
		x, y := b.Get(1000+17*n), b.Get(500+11*n)
		b.Put(x)
		b.Put(y)
	}
	if collected > 1 {
		t.Errorf("1000 passes are collected after %d times", collected)
	}
}
