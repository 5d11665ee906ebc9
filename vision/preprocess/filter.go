package preprocess

import (
	"fmt"
	"math"
)

// Filter is a resampling filter by its number in Pillow (PIL.Image.Resampling), which preprocessor_config.json calls resample.
type Filter int

const (
	Nearest  Filter = 0
	Lanczos  Filter = 1
	Bilinear Filter = 2
	Bicubic  Filter = 3
	Box      Filter = 4
	Hamming  Filter = 5
)

var filterNames = [...]string{"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"}

func (f Filter) valid() bool { return f >= 0 && int(f) < len(filterNames) }

// String is the filter's name in lower case.
func (f Filter) String() string {
	if !f.valid() {
		return fmt.Sprintf("filter(%d)", int(f))
	}
	return filterNames[f]
}

// support is the reach of the filter at scale 1, in samples.
func (f Filter) support() float64 {
	return [...]float64{Nearest: 0, Lanczos: 3, Bilinear: 1, Bicubic: 2, Box: 0.5, Hamming: 1}[f]
}

// weight is the filter at distance x, written in the operation order of Pillow's Resample.c. The conversions keep compilers
// from fusing a product into a sum, which would round differently on some machines.
func (f Filter) weight(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
	case Bilinear:
		if x = math.Abs(x); x < 1 {
			return 1 - x
		}
	case Hamming:
		x = math.Abs(x)
		if x == 0 {
			return 1
		}
		if x < 1 {
			x *= math.Pi
			// Pillow writes both constants as 32-bit floats.
			return math.Sin(x) / x * (float64(float32(0.54)) + float64(float64(float32(0.46))*math.Cos(x)))
		}
	case Bicubic:
		const a = -0.5
		x = math.Abs(x)
		if x < 1 {
			return float64((float64((a+2)*x)-(a+3))*x)*x + 1
		}
		if x < 2 {
			return (float64((float64((x-5)*x)+8)*x) - 4) * a
		}
	case Lanczos:
		if -3 <= x && x < 3 {
			return sinc(x) * sinc(x/3)
		}
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// fixedBits is the precision of Pillow's fixed-point weights: 32 bits less 8 of the pixel less 2 of headroom.
const fixedBits = 32 - 8 - 2

// axis says how each output sample of one dimension is mixed from the samples of the picture.
type axis struct {
	first   []int   // [n] first sample of the picture that counts
	offset  []int   // [n+1] where an output's weights begin in weights
	weights []int32 // fixed point
	padding []int32 // [n] total weight that falls on the padding around the picture
	longest int     // most weights any output has
}

// span is one dimension of a picture on a larger canvas.
type span struct {
	canvas int // length of the whole
	start  int // where the picture begins
	size   int // length of the picture
}

// newAxis makes the weights for outputs from to end of a canvas resized to out samples (Pillow's precompute_coeffs and
// normalize_coeffs_8bpc). A canvas that keeps its length passes through, as in Pillow, where such a pass is left out.
func newAxis(f Filter, s span, out, from, end int) *axis {
	a := &axis{offset: make([]int, 1, end-from+1)}
	scale := float64(s.canvas) / float64(out)
	stretch := max(scale, 1)
	support := f.support() * stretch
	inverse := 1 / stretch
	var w []float64
	for o := from; o < end; o++ {
		if s.canvas == out {
			a.add(s, o, []int32{1 << fixedBits})
			continue
		}
		centre := (float64(o) + 0.5) * scale
		lo := max(int(centre-support+0.5), 0)
		hi := min(int(centre+support+0.5), s.canvas)
		w = w[:0]
		total := 0.0
		for x := lo; x < hi; x++ {
			v := f.weight((float64(x) - centre + 0.5) * inverse)
			w = append(w, v)
			total += v
		}
		a.add(s, lo, fixed(w, total))
	}
	return a
}

// fixed brings weights to a sum of one and to fixed point, rounding halves away from zero.
func fixed(w []float64, total float64) []int32 {
	k := make([]int32, len(w))
	for i, v := range w {
		if total != 0 {
			v /= total
		}
		v *= 1 << fixedBits
		if v < 0 {
			k[i] = int32(v - 0.5)
		} else {
			k[i] = int32(v + 0.5)
		}
	}
	return k
}

// add appends one output whose weights k begin at canvas sample lo, splitting off what falls on padding.
func (a *axis) add(s span, lo int, k []int32) {
	left := min(max(s.start-lo, 0), len(k))
	right := max(min(s.start+s.size-lo, len(k)), left)
	var padding int32
	for _, v := range k[:left] {
		padding += v
	}
	for _, v := range k[right:] {
		padding += v
	}
	a.padding = append(a.padding, padding)
	a.first = append(a.first, min(max(lo+left-s.start, 0), s.size))
	a.weights = append(a.weights, k[left:right]...)
	a.offset = append(a.offset, len(a.weights))
	a.longest = max(a.longest, right-left)
}

// at is the first sample and the weights of output i.
func (a *axis) at(i int) (first int, k []int32) {
	return a.first[i], a.weights[a.offset[i]:a.offset[i+1]]
}

// total is the sum of all weights of output i, those on padding included.
func (a *axis) total(i int) int32 {
	sum := a.padding[i]
	_, k := a.at(i)
	for _, v := range k {
		sum += v
	}
	return sum
}
