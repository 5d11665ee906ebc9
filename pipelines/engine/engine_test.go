package engine

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"moslava/language"
	"moslava/language/chat"
	"moslava/pipelines/vlm"
)

// small is a model with random weights, frozen.
func small(t *testing.T) (*vlm.Model, *vlm.Processor) {
	t.Helper()
	m, p, err := vlm.Open(vlm.Spec{Towers: vlm.Towers{Vision: "../stages/testdata/tiny/vision", Language: "../stages/testdata/tiny/language",
		Projector: "mlp2x_gelu", FeatureLayers: []int{-1}, Strategy: "default"}}, vlm.Options{Random: true, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	m.Params.Freeze()
	return m, p
}

func drawing(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		img.SetNRGBA(i%32, i/32, color.NRGBA{uint8(i*7) + shade, uint8(i/32*8) ^ shade, shade, 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// requests are n of all kinds: with no picture, one, two, the same ones, greedy, sampled and searched for, long and short.
func requests(t *testing.T, r *rand.Rand, n int) []Request {
	pictures := [][]byte{drawing(t, 0), drawing(t, 90), drawing(t, 200)}
	words := []string{"what", "is", "it", "the", "circle", "left", "of", "square"}
	out := make([]Request, n)
	for i := range out {
		var view [][]byte
		for range r.IntN(3) {
			view = append(view, pictures[r.IntN(len(pictures))])
		}
		var text []string
		for range 1 + r.IntN(12) {
			text = append(text, words[r.IntN(len(words))])
		}
		q := strings.Join(text, " ")
		if r.IntN(2) == 0 {
			q = "what is it what is the circle left of the square it is " + q // a beginning that others have
		}
		g := language.Generation{MaxNew: 1 + r.IntN(9)}
		switch r.IntN(4) {
		case 0:
			g.Sampling = language.Sampling{Temperature: 0.8, TopP: 0.9, Seed: r.Uint64()}
		case 1:
			g.Beams = 3
		}
		out[i] = Request{Messages: vlm.Turn(q, len(view)), Pictures: view, Generation: g}
		if r.IntN(6) == 0 {
			out[i].First = []int32{3, 5}
		}
	}
	return out
}

// held is the memory of slots that are open, and whether one sequence alone may have it.
func (e *Engine) held() (bytes int, alone bool) {
	for _, t := range e.active {
		bytes += t.sequence.bytes
	}
	for _, s := range e.ended {
		bytes += s.bytes
	}
	return bytes, len(e.active) == 1 && len(e.ended) == 0
}

// TestRequestsComeAndGo: of 1, 3 and 16 requests that are submitted at any time, some of which are cancelled, each gets what it
// gets alone, to the bit. Memory stays within its bounds, and cancelled requests leave nothing behind.
func TestRequestsComeAndGo(t *testing.T) {
	m, p := small(t)
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 7))
		n := []int{1, 3, 16}[seed%3]
		rs := requests(t, r, n)
		limits := Limits{CacheBytes: 1 << (18 + r.IntN(6)), PictureBytes: 1 << (10 + r.IntN(12))}
		e := New(m, p, limits)
		tickets, cancels := make([]*Ticket, n), make([]context.CancelFunc, n)
		cancelled := make([]bool, n)
		submitted := 0
		for more := true; more || submitted < n; {
			for submitted < n && r.IntN(3) > 0 {
				var ctx context.Context
				ctx, cancels[submitted] = context.WithCancel(t.Context())
				tickets[submitted] = e.Submit(ctx, rs[submitted])
				submitted++
			}
			if i := r.IntN(n); r.IntN(8) == 0 && i < submitted {
				cancels[i]()
				cancelled[i] = true
			}
			more = e.Step()
			if held, alone := e.held(); held > limits.CacheBytes && !alone {
				t.Fatalf("seed %d: %d bytes of keys and values, the limit is %d", seed, held, limits.CacheBytes)
			}
			kept := 0
			for _, pic := range e.pictures.kept {
				kept += 4 * len(pic.features)
			}
			if kept > limits.PictureBytes {
				t.Fatalf("seed %d: %d bytes of pictures are kept, the limit is %d", seed, kept, limits.PictureBytes)
			}
		}
		if len(e.pictures.using) != 0 {
			t.Errorf("seed %d: %d pictures are in use after the last request", seed, len(e.pictures.using))
		}
		for i, ticket := range tickets {
			got := ticket.Reply()
			cancels[i]()
			if errors.Is(got.Err, context.Canceled) && cancelled[i] {
				continue
			}
			want, err := New(m, p, Limits{}).Do(t.Context(), rs[i:i+1])
			if err != nil || got.Err != nil {
				t.Fatalf("seed %d: request %d: %v among others, %v alone", seed, i, got.Err, err)
			}
			if !slices.Equal(got.IDs, want[0].IDs) || !slices.Equal(got.First, want[0].First) {
				t.Errorf("seed %d: request %d: %v and %v among others, %v and %v alone", seed, i, got.IDs, got.First, want[0].IDs, want[0].First)
			}
		}
	}
}

// TestBeginningsAreShared: a prompt that goes on from one that was read costs its rest alone, and a picture passes the tower once.
func TestBeginningsAreShared(t *testing.T) {
	m, p := small(t)
	e := New(m, p, Limits{})
	picture := drawing(t, 7)
	ask := func(q string) {
		t.Helper()
		if _, err := e.Do(t.Context(), []Request{{Messages: vlm.Turn(q, 1), Pictures: [][]byte{picture}, Generation: language.Generation{MaxNew: 2}}}); err != nil {
			t.Fatal(err)
		}
	}
	ask("what is it")
	read, err := e.prompt(Request{Messages: vlm.Turn("what is the circle", 1), Pictures: [][]byte{picture}})
	if err != nil {
		t.Fatal(err)
	}
	if _, shared, _ := e.beginning(read); shared < len(read.pictures[0].rows) {
		t.Errorf("%d positions are shared, the picture has %d", shared, len(read.pictures[0].rows))
	}
	if read.pictures[0].features == nil {
		t.Error("the picture's features are not kept")
	}
	ask("what is the circle")
	if err := e.Idle(); err != nil || len(e.ended) != 0 || len(e.pictures.kept) != 0 {
		t.Errorf("%d sequences and %d pictures are kept in an idle engine, error %v", len(e.ended), len(e.pictures.kept), err)
	}
}

// TestErrorsAreTheirOwn: what is wrong with one request is said of that one.
func TestErrorsAreTheirOwn(t *testing.T) {
	m, p := small(t)
	e := New(m, p, Limits{})
	good := Request{Messages: vlm.Turn("what is it", 0), Generation: language.Generation{MaxNew: 3}}
	broken := Request{Messages: vlm.Turn("what is it", 1), Pictures: [][]byte{[]byte("no picture")}, Generation: language.Generation{MaxNew: 3}}
	a, b := e.Submit(t.Context(), good), e.Submit(t.Context(), broken)
	for e.Step() {
	}
	if r := a.Reply(); r.Err != nil || len(r.IDs) != 3 {
		t.Errorf("%+v beside a broken request", r)
	}
	if r := b.Reply(); r.Err == nil {
		t.Error("no error of a broken picture")
	}
	_, err := e.Do(t.Context(), []Request{good, good, broken, good})
	if f := (*FailedError)(nil); !errors.As(err, &f) || f.Index != 2 {
		t.Errorf("error %v, want one of request 2", err)
	}
	searched := good
	searched.Beams, searched.Token = 2, func(int32) {}
	if _, err := e.Do(t.Context(), []Request{searched}); err == nil || !strings.Contains(err.Error(), "beams") {
		t.Errorf("error %v of a search that tells ids", err)
	}
}

// TestCancelledWhileLooking: a request whose context ends while its pictures pass the tower ends with the cause.
func TestCancelledWhileLooking(t *testing.T) {
	m, p := small(t)
	e := New(m, p, Limits{})
	read, err := e.prompt(Request{Messages: vlm.Turn("what", 1), Pictures: [][]byte{drawing(t, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.look(ctx, read); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestAnswersAboutTiles: what a question about a picture of several tiles is answered with, beside others, is what the ids and tiles of its
// prompt are continued with.
func TestAnswersAboutTiles(t *testing.T) {
	m, p, err := vlm.Open(vlm.Spec{Dir: "../vlm/testdata/smolvlm"}, vlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Params.Freeze()
	b, err := os.ReadFile("../vlm/testdata/pictures/dog.png")
	if err != nil {
		t.Fatal(err)
	}
	var requests []Request
	for _, q := range []string{"What is it?", "Why?"} {
		requests = append(requests, Request{Messages: []chat.Message{{Role: "user", Content: chat.ImageMarker + q}}, Pictures: [][]byte{b},
			Generation: language.Generation{MaxNew: 6}})
	}
	replies, err := New(m, p, Limits{}).Do(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		ids, images, err := p.Prompt(r.Messages, r.Pictures)
		if err != nil {
			t.Fatal(err)
		}
		x, err := m.Embed(nil, ids, images)
		if err != nil {
			t.Fatal(err)
		}
		c := m.Language.NewCache(1, len(ids)+r.MaxNew)
		h, err := m.Language.Extend(c, []language.Chunk{{X: x}})
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Language.Generate(t.Context(), c, []int{0}, h, r.Generation)
		if err != nil || !slices.Equal(replies[i].IDs, want[0]) {
			t.Errorf("request %d: %v, want %v (%v)", i, replies[i].IDs, want, err)
		}
	}
}
