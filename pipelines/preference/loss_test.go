package preference

import (
	"math"
	"testing"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

// model is a tiny one with adapters on both towers that are not zero.
func model(t *testing.T, kind string) *Model {
	t.Helper()
	m, err := vlm.OpenModel("../vlm/testdata/llava-tiny", vlm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Params.Train(func(string) bool { return false })
	cfg := moslora.Config{R: 4, Alpha: 8, Mixer: moslora.Orthogonal, Targets: []string{"q_proj", "v_proj"}}
	for _, part := range []string{"vision", "language"} {
		if err := m.AttachAdapters(part, cfg, 3); err != nil {
			t.Fatal(err)
		}
	}
	m.Adapters.Train(true)
	for a := range m.Adapters.All() {
		for i := range a.B.Floats() {
			a.B.Var().Floats()[i] = float32(i%7-3) * 0.02
		}
	}
	return &Model{Model: m, Kind: kind, Beta: 0.3}
}

// pairsOf are two pairs, the first with a picture.
func pairsOf(m *Model) *datasets.Batch {
	b := new(datasets.Batch)
	side := m.Config.Vision.ImageSize
	n := m.Config.ImageTokens(side, side)
	pixels := make([]float32, 3*side*side)
	for i := range pixels {
		pixels[i] = float32(i%11)/5 - 1
	}
	for pair := range 2 {
		for _, answer := range [][]int32{{5, 6, 7}, {8, 9}} {
			ids := []int32{1}
			var images []datasets.Image
			if pair == 0 {
				images = []datasets.Image{datasets.OneTile(datasets.Tile{Pixels: pixels, H: side, W: side}, 1, n)}
				for range n {
					ids = append(ids, m.Config.ImageToken)
				}
			}
			ids = append(ids, 3, int32(4+pair))
			labels := make([]int32, len(ids))
			for i := range labels {
				labels[i] = datasets.IgnoreIndex
			}
			b.Append(datasets.Example{IDs: append(ids, answer...), Labels: append(labels, answer...), Images: images})
		}
	}
	return b
}

// TestGradients: the derivative by an adapter's elements is that of differences, for each kind of loss.
func TestGradients(t *testing.T) {
	for _, kind := range Kinds() {
		m := model(t, kind)
		b := pairsOf(m)
		tape := new(autograd.Tape)
		v, _, err := m.Loss(tape, b)
		if err == nil {
			err = tape.Backward(v, 1)
		}
		if err != nil {
			t.Fatal(kind, err)
		}
		at := func() float64 {
			_, sum, err := m.Loss(&autograd.Tape{Values: true}, b)
			if err != nil {
				t.Fatal(err)
			}
			return sum
		}
		checked := 0
		for a := range m.Adapters.All() {
			p := a.B.Var()
			for _, i := range []int{0, p.Size() / 2} {
				const h = 1e-2
				was := p.Floats()[i]
				p.Floats()[i] = was + h
				up := at()
				p.Floats()[i] = was - h
				down := at()
				p.Floats()[i] = was
				want, got := (up-down)/(2*h), float64(p.GradFloats()[i])
				if math.Abs(want-got) > 2e-4+2e-3*math.Abs(want) {
					t.Errorf("%s: %s %d: gradient %g, differences give %g", kind, a.Module, i, got, want)
				}
				checked++
			}
		}
		if checked < 8 {
			t.Errorf("%d gradients checked", checked)
		}
	}
}

// TestReference: without a difference from the reference DPO's loss is ln 2 a pair, IPO's 1/(2β)², and rewards are zero; the model
// has its adapters again afterwards.
func TestReference(t *testing.T) {
	for kind, want := range map[string]float64{DPO: math.Ln2, IPO: 1 / (0.6 * 0.6)} {
		m := model(t, kind)
		b := pairsOf(m)
		for a := range m.Adapters.All() {
			clear(a.B.Var().Floats())
		}
		_, sum, err := m.Loss(new(autograd.Tape), b)
		if err != nil {
			t.Fatal(err)
		}
		if r := m.Take(); math.Abs(sum/2-want) > 1e-6 || r.Pairs != 2 || r.Chosen != 0 || r.Rejected != 0 || r.Preferred != 0 {
			t.Errorf("%s: loss %g a pair, want %g; %+v", kind, sum/2, want, r)
		}
		for a := range m.Adapters.All() {
			for i := range a.B.Floats() {
				a.B.Var().Floats()[i] = 0.05
			}
		}
		if _, again, err := m.Loss(new(autograd.Tape), b); err != nil || again == sum {
			t.Errorf("%s: adapters do nothing after the reference: %v", kind, err)
		}
		if r := m.Take(); r.Chosen == 0 || m.Take().Pairs != 0 {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

func TestRefusesWhatIsNoPair(t *testing.T) {
	m := model(t, DPO)
	b := pairsOf(m)
	b.Offsets = b.Offsets[:4]
	if _, _, err := m.Loss(nil, b); err == nil {
		t.Error("three sequences were taken for pairs")
	}
	b = pairsOf(m)
	for i := range b.Labels {
		b.Labels[i] = datasets.IgnoreIndex
	}
	if _, _, err := m.Loss(nil, b); err == nil {
		t.Error("an answer without targets was taken")
	}
}
