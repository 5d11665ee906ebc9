package nn

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
)

// stout is small with rows of 64.
func stout(tied bool) func(*Scope) *small {
	return func(s *Scope) *small {
		m := &small{embed: s.Embedding("embed", 20, 64)}
		b := s.In("blocks", 0)
		m.up, m.down = b.Linear("up", 64, 128), b.LinearNoBias("down", 128, 64)
		m.norm, m.layer = b.RMSNorm("norm", 64, 1e-5), b.LayerNorm("layer", 64, 1e-5)
		if m.head = s.Head("lm_head", 64, 20); tied {
			m.head = s.TiedHead("lm_head", m.embed)
		}
		return m
	}
}

func kinds(linears, tables kernels.Kind) Storage {
	return func(name string) kernels.Kind {
		if strings.HasPrefix(name, "blocks") {
			return linears
		}
		return tables
	}
}

// TestStored: a rounded model computes what the plain one with the rounded weights computes.
func TestStored(t *testing.T) {
	for _, tied := range []bool{false, true} {
		for _, linears := range []kernels.Kind{kernels.NF4, kernels.NF4Single, kernels.BF16} {
			m, ps, err := BuildStored(Random(7), kinds(linears, kernels.BF16), stout(tied))
			if err != nil {
				t.Fatal(err)
			}
			plain, all, err := Build(Random(7), stout(tied))
			if err != nil {
				t.Fatal(err)
			}
			for p := range all.All() {
				q := ps.Get(p.Name)
				rounded := len(p.Shape) > 1
				if q.Rounded() != rounded || rounded == slices.Equal(q.Floats(), p.Floats()) {
					t.Errorf("%s is rounded: %v", p.Name, q.Rounded())
				}
				if rounded && q.Bytes() >= p.Bytes() {
					t.Errorf("%s takes %d bytes, plain %d", p.Name, q.Bytes(), p.Bytes())
				}
				if err := p.Set(q.Floats(), p.Shape); err != nil {
					t.Fatal(err)
				}
			}
			ps.Freeze()
			all.Freeze()
			if want := plain.logits(nil); !slices.Equal(m.logits(nil), want) {
				t.Errorf("tied %v, %s: other logits", tied, linears)
			}
			if got := m.up.Weight.asked(); got != linears {
				t.Errorf("%s would be packed again as %s", linears, got)
			}
			if err := m.up.Weight.Set(m.down.Weight.Floats(), []int{128, 64}); err != nil || !m.up.Weight.Rounded() {
				t.Errorf("Set: %v, still rounded %v", err, m.up.Weight.Rounded())
			}
		}
	}
}

func TestStoredErrors(t *testing.T) {
	_, _, err := BuildStored(Random(7), kinds(kernels.NF4, kernels.F32), newSmall(false))
	for _, want := range []string{"blocks.0.up.weight has rows of 6 elements", "blocks.0.down.weight has rows of 9 elements"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	m, _, err := BuildStored(Random(7), kinds(kernels.F32, kernels.BF16), stout(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{-1, 20} {
		err := func() (err error) {
			defer autograd.Catch(&err)
			m.embed.Forward(nil, []int32{0, id})
			return nil
		}()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("id %d at position 1", id)) {
			t.Errorf("id %d: %v", id, err)
		}
	}
}
