package analysis

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"moslava/internal/atomicfile"
	"moslava/internal/spreadsheet"
	"moslava/pipelines/report"
)

// block is the layers of a tower at one depth.
type block struct {
	tower  string
	depth  int
	layers []Layer
}

// blocks groups layers, vision first, by depth; what is outside blocks comes last.
func blocks(layers []Layer) []block {
	var out []block
	for _, l := range layers {
		i := slices.IndexFunc(out, func(b block) bool { return b.tower == l.Tower && b.depth == l.Depth })
		if i < 0 {
			i = len(out)
			out = append(out, block{tower: l.Tower, depth: l.Depth})
		}
		out[i].layers = append(out[i].layers, l)
	}
	slices.SortFunc(out, func(a, b block) int {
		if a.tower != b.tower {
			return -cmp.Compare(a.tower, b.tower)
		}
		return cmp.Compare(uint(a.depth), uint(b.depth)) // -1 is the largest
	})
	return out
}

// mean of what is known of a number; NaN if nothing is.
func (b block) mean(of func(Layer) float64) float64 {
	sum, n := 0.0, 0
	for _, l := range b.layers {
		if v := of(l); !math.IsNaN(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / float64(n)
}

// column is one number of a layer, in tables, files and plots.
type column struct {
	name, title string
	of          func(Layer) float64
}

var columns = []column{
	{"effective_rank", "effective rank", func(l Layer) float64 { return l.EffectiveRank }},
	{"largest_singular_value", "largest σ", func(l Layer) float64 { return l.Singular[0] }},
	{"update_norm", "update", func(l Layer) float64 { return l.Update }},
	{"update_over_weight", "over weight", func(l Layer) float64 { return l.Relative }},
	{"mixer_drift", "mixer drift", func(l Layer) float64 { return l.Drift }},
	{"mixer_gram", "‖MᵀM-I‖", func(l Layer) float64 { return l.Gram }},
	{"mixer_polar", "‖M-U‖", func(l Layer) float64 { return l.Polar }},
	{"similarity_first", "φ(1,1)", func(l Layer) float64 { return corner(l.Similarity, false) }},
	{"similarity_all", "φ(r,r)", func(l Layer) float64 { return corner(l.Similarity, true) }},
}

func corner(phi [][]float64, last bool) float64 {
	switch {
	case len(phi) == 0:
		return math.NaN()
	case last:
		row := phi[len(phi)-1]
		return row[len(row)-1]
	}
	return phi[0][0]
}

// WriteTable writes the means of each tower's blocks for people; a number that is not known of any layer has no column.
func WriteTable(out io.Writer, layers []Layer) error {
	bs := blocks(layers)
	cs := slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return !slices.ContainsFunc(layers, func(l Layer) bool { return !math.IsNaN(c.of(l)) })
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "tower\tdepth\tlayers\trank\t")
	for _, c := range cs {
		fmt.Fprint(w, c.title, "\t")
	}
	fmt.Fprintln(w)
	for _, b := range bs {
		depth := strconv.Itoa(b.depth)
		if b.depth < 0 {
			depth = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t", b.tower, depth, len(b.layers), ranks(b.layers))
		for _, c := range cs {
			if v := b.mean(c.of); math.IsNaN(v) {
				fmt.Fprint(w, "\t")
			} else {
				fmt.Fprintf(w, "%.4g\t", v)
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// ranks lists the ranks of layers.
func ranks(layers []Layer) string {
	var out []int
	for _, l := range layers {
		if !slices.Contains(out, l.Rank) {
			out = append(out, l.Rank)
		}
	}
	slices.Sort(out)
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(out), " ", ","), "[]")
}

// Files in the directory of an analysis, beside the plots.
const (
	LayersFile     = "layers.csv"     // a row for each layer
	SingularFile   = "singular.csv"   // a row for each singular value of each layer
	SimilarityFile = "similarity.csv" // a row for each i and j of each layer
)

// WriteFiles writes tables and plots to a directory.
func WriteFiles(dir string, layers []Layer) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	for name, rows := range map[string][][]string{LayersFile: layerRows(layers), SingularFile: singularRows(layers), SimilarityFile: similarityRows(layers)} {
		if len(rows) < 2 {
			continue
		}
		err := atomicfile.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
			out := csv.NewWriter(w)
			return errorOf(out.WriteAll(spreadsheet.GuardAll(rows)), out)
		})
		if err != nil {
			return err
		}
	}
	return plots(dir, layers)
}

func errorOf(err error, out *csv.Writer) error {
	if err != nil {
		return err
	}
	return out.Error()
}

// num writes a number, nothing if it is not known.
func num(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 9, 64)
}

func layerRows(layers []Layer) [][]string {
	head := []string{"module", "tower", "depth", "rank", "in", "out", "mixer"}
	for _, c := range columns {
		head = append(head, c.name)
	}
	rows := [][]string{head}
	for _, l := range layers {
		row := []string{l.Module, l.Tower, strconv.Itoa(l.Depth), strconv.Itoa(l.Rank), strconv.Itoa(l.In), strconv.Itoa(l.Out), string(l.Mixer)}
		for _, c := range columns {
			row = append(row, num(c.of(l)))
		}
		rows = append(rows, row)
	}
	return rows
}

func singularRows(layers []Layer) [][]string {
	rows := [][]string{{"module", "i", "singular_value"}}
	for _, l := range layers {
		for i, v := range l.Singular {
			rows = append(rows, []string{l.Module, strconv.Itoa(i + 1), num(v)})
		}
	}
	return rows
}

func similarityRows(layers []Layer) [][]string {
	rows := [][]string{{"module", "i", "j", "phi"}}
	for _, l := range layers {
		for i, row := range l.Similarity {
			for j, v := range row {
				rows = append(rows, []string{l.Module, strconv.Itoa(i + 1), strconv.Itoa(j + 1), num(v)})
			}
		}
	}
	return rows
}

// plots draws one picture a number over depth, the mean spectrum of each tower, and the mean similarity of each tower.
func plots(dir string, layers []Layer) error {
	bs := blocks(layers)
	for _, c := range columns {
		p := report.Plot{Title: c.title + ", mean over a block's layers", X: "depth", Y: c.title}
		known := false
		for _, tower := range towers(layers) {
			s := report.Series{Name: tower, Line: true}
			for _, b := range bs {
				if v := b.mean(c.of); b.tower == tower && b.depth >= 0 && !math.IsNaN(v) {
					s.X, s.Y, known = append(s.X, float64(b.depth)), append(s.Y, v), true
				}
			}
			p.Series = append(p.Series, s)
		}
		if !known {
			continue
		}
		if err := p.Write(dir, c.name); err != nil {
			return err
		}
	}
	spectrum := report.Plot{Title: "Singular values of the update, mean over layers", X: "i", Y: "σ"}
	for _, tower := range towers(layers) {
		var all []Layer
		for _, l := range layers {
			if l.Tower == tower {
				all = append(all, l)
			}
		}
		s := report.Series{Name: tower, Line: true}
		for i := range all[0].Singular {
			at := block{layers: slices.DeleteFunc(slices.Clone(all), func(l Layer) bool { return len(l.Singular) <= i })}
			s.X, s.Y = append(s.X, float64(i+1)), append(s.Y, at.mean(func(l Layer) float64 { return l.Singular[i] }))
		}
		spectrum.Series = append(spectrum.Series, s)
		if phi := meanSimilarity(all); phi != nil {
			h := report.Heat{Title: "φ(i, j) of " + tower + ", mean over layers", X: "j, of the other run", Y: "i, of this one", Values: phi}
			if err := h.Write(dir, "similarity-"+tower); err != nil {
				return err
			}
		}
	}
	return spectrum.Write(dir, "spectrum")
}

func towers(layers []Layer) (out []string) {
	for _, b := range blocks(layers) {
		if !slices.Contains(out, b.tower) {
			out = append(out, b.tower)
		}
	}
	return out
}

// meanSimilarity is the mean of the tables that have the size of the first; nil if there is none.
func meanSimilarity(layers []Layer) [][]float64 {
	var sum [][]float64
	n := 0.0
	for _, l := range layers {
		if l.Similarity == nil || sum != nil && (len(l.Similarity) != len(sum) || len(l.Similarity[0]) != len(sum[0])) {
			continue
		}
		if sum == nil {
			sum = make([][]float64, len(l.Similarity))
			for i := range sum {
				sum[i] = make([]float64, len(l.Similarity[0]))
			}
		}
		for i, row := range l.Similarity {
			for j, v := range row {
				sum[i][j] += v
			}
		}
		n++
	}
	for _, row := range sum {
		for j := range row {
			row[j] /= n
		}
	}
	return sum
}
