package verify

import (
	"fmt"
	"strconv"
	"strings"

	"moslava/internal/autograd"
	"moslava/internal/compare"
	"moslava/internal/nn"
	"moslava/pipelines/vlm"
	"moslava/vision"
)

// otherSize is in front of the same results for images of a second size.
const otherSize = "other."

// tower is a vision tower with its parameters.
type tower struct {
	*vision.Tower
	params *nn.Params
	dir    string
}

func (r *run) vision(dir, config string) error {
	t, ps, err := vlm.LoadTower(dir, config)
	if err != nil {
		return err
	}
	if !r.has("input.pixel_values") {
		return errNoImages
	}
	for _, prefix := range []string{"", otherSize} {
		if r.has(prefix + "input.pixel_values") {
			if err := r.tower(tower{t, ps, dir}, prefix); err != nil {
				return err
			}
		}
	}
	return nil
}

// pixels are images [n, 3, h, w].
type pixels struct {
	images [][]float32
	h, w   int
}

func (r *run) pixels(name string) (px pixels, err error) {
	shape, err := r.shape(name, 4)
	if err != nil {
		return px, err
	}
	if shape[0] == 0 || shape[1] != 3 {
		return px, fmt.Errorf("%s: tensor %q has shape %v, want [images, 3, height, width]", r.golden.Path(), name, shape)
	}
	all, err := r.golden.Float32(name)
	if err != nil {
		return px, err
	}
	px.h, px.w = shape[2], shape[3]
	for size := 3 * px.h * px.w; len(all) > 0; all = all[size:] {
		px.images = append(px.images, all[:size:size])
	}
	return px, nil
}

// tower compares the results for the images of one size.
func (r *run) tower(t tower, prefix string) error {
	px, err := r.pixels(prefix + "input.pixel_values")
	if err != nil {
		return err
	}
	states, err := r.hidden(t.Tower, px, prefix+"hidden.")
	if err != nil {
		return err
	}
	if err := r.outputs(t, prefix, states[len(states)-1], len(px.images)); err != nil {
		return err
	}
	table := t.PositionTable(px.h, px.w)
	r.check(prefix+"position_embeddings", compare.Widen(table), []int{1, len(table) / t.Config.HiddenSize, t.Config.HiddenSize})
	for _, name := range r.golden.Names() {
		if layer, ok := strings.CutPrefix(name, prefix+"features."); ok {
			n, err := strconv.Atoi(layer)
			if err != nil {
				return fmt.Errorf("%s: tensor %q: want features. and the number of a layer", r.golden.Path(), name)
			}
			if err := r.features(t, px, prefix, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// hidden compares all hidden states.
func (r *run) hidden(t *vision.Tower, px pixels, name string) ([]*autograd.Var, error) {
	layers := make([]int, t.Config.NumHiddenLayers+1)
	for i := range layers {
		layers[i] = i
	}
	states, err := t.Hidden(nil, px.images, px.h, px.w, layers)
	if err != nil {
		return nil, err
	}
	for i, s := range states {
		r.check(fmt.Sprint(name, i), compare.Widen(s.Floats()), []int{len(px.images), s.Rows() / len(px.images), t.Config.HiddenSize})
	}
	return states, nil
}

// features compares what is selected of one layer, L and its gradients.
func (r *run) features(t tower, px pixels, prefix string, layer int) error {
	name := fmt.Sprintf("%sfeatures.%d", prefix, layer)
	shape, err := r.shape(name, 3)
	if err != nil {
		return err
	}
	t.params.Train(func(string) bool { return true })
	for p := range t.params.All() {
		p.Var().ZeroGrad()
	}
	tape := new(autograd.Tape)
	states, err := t.Hidden(tape, px.images, px.h, px.w, []int{layer})
	if err != nil {
		return err
	}
	f := states[0]
	tokens := f.Rows() / len(px.images)
	dropped := tokens - shape[1] // the class token, or with registers all that is no patch
	if dropped < 0 || dropped > 0 && dropped != 1 && shape[1] != t.Config.Patches(px.h, px.w) {
		r.fail(name, "shape is %v, the tower has %d tokens an image", shape, tokens)
		return nil
	}
	if dropped > 0 {
		var at []int32
		for i := range f.Rows() {
			if i%tokens >= dropped {
				at = append(at, int32(i))
			}
		}
		f = tape.SelectRows(f, at)
	}
	got := []int{len(px.images), shape[1], t.Config.HiddenSize}
	r.check(name, compare.Widen(f.Floats()), got)
	return r.probe(t, tape, f, got, prefix, layer)
}

// probe compares L, which is the sum of features by probe, and its gradients.
func (r *run) probe(t tower, tape *autograd.Tape, f *autograd.Var, shape []int, prefix string, layer int) error {
	grads := fmt.Sprintf("%sgrad.%d.", prefix, layer)
	l := fmt.Sprintf("%sL.%d", prefix, layer)
	if !r.has(prefix + "input.probe") {
		return nil
	}
	probe, err := r.golden.Float32(prefix + "input.probe")
	if err != nil {
		return err
	}
	if len(probe) != len(f.Floats()) {
		return fmt.Errorf("%s: input.probe has %d elements, features of layer %d have %v", r.golden.Path(), len(probe), layer, shape)
	}
	sum := 0.0
	for i, v := range f.Floats() {
		sum += float64(v) * float64(probe[i])
	}
	r.check(l, []float64{sum}, []int{1})
	if err := tape.BackwardFrom(f, autograd.New(probe, f.Shape()...)); err != nil {
		return err
	}
	return r.gradients(t.params, grads, own)
}
