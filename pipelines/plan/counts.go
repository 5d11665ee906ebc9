package plan

import (
	"fmt"
	"io"
	"iter"

	"moslava/moslora"
)

// AdapterCount is what the adapters of one tower train.
type AdapterCount struct {
	Part    string  `json:"part"`    // vision or language
	Trained Factors `json:"trained"` // of the linears that get an adapter
	// Unread is what adapters would have on the linears that are targets, too, but whose output nothing reads, as those of a vision
	// tower above its feature layer: they would never get a gradient, and are left out.
	Unread Factors `json:"unread"`
}

// Factors counts the trained parameters of adapters on some linears.
type Factors struct {
	Linears    int `json:"linears"`
	AB         int `json:"a_and_b"`
	Mixers     int `json:"mixers"`
	Magnitudes int `json:"magnitudes"` // DoRA's
	Biases     int `json:"biases"`     // of B
}

// All is the sum of the kinds.
func (f Factors) All() int { return f.AB + f.Mixers + f.Magnitudes + f.Biases }

// plus adds what other linears have.
func (f Factors) plus(g Factors) Factors {
	return Factors{f.Linears + g.Linears, f.AB + g.AB, f.Mixers + g.Mixers, f.Magnitudes + g.Magnitudes,
		f.Biases + g.Biases}
}

// CountOf counts what adapters train.
func CountOf(adapters iter.Seq[*moslora.Adapter]) (f Factors) {
	for a := range adapters {
		f.Linears++
		for _, p := range a.Params() {
			switch p {
			case a.M:
				f.Mixers += p.Size()
			case a.Mag:
				f.Magnitudes += p.Size()
			case a.Bias:
				f.Biases += p.Size()
			default:
				f.AB += p.Size()
			}
		}
	}
	return f
}

// write tells people what is on every linear that is targeted, and what of it is left out.
func (c AdapterCount) write(out io.Writer) {
	fmt.Fprintf(out, "  adapters of %s: %s\n", c.Part, c.Trained.plus(c.Unread))
	if c.Unread.Linears > 0 {
		fmt.Fprintf(out, "    less %s, which nothing reads, so that no gradient comes: %s\n", c.Unread, c.Trained)
	}
}

// String is such as "167772160 + 917504 (mixers) on 224 layers".
func (f Factors) String() string {
	text := fmt.Sprint(f.AB)
	if f.Mixers > 0 {
		text += fmt.Sprintf(" + %d (mixers)", f.Mixers)
	}
	if f.Magnitudes > 0 {
		text += fmt.Sprintf(" + %d (magnitudes)", f.Magnitudes)
	}
	if f.Biases > 0 {
		text += fmt.Sprintf(" + %d (biases)", f.Biases)
	}
	return fmt.Sprintf("%s on %d layers", text, f.Linears)
}
