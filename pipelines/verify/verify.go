// Package verify runs a model on the inputs of a file of reference results and says how far its own are from them.
// Names and meaning of the tensors of such a file are in docs/formats.md; scripts/goldens/dump.py writes one. The
// package knows which part of a model each result is of, and its tolerance. It makes no references and changes no
// model.
package verify

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/autograd"
	"moslava/internal/compare"
	"moslava/internal/infile"
	"moslava/internal/safetensors"
	"moslava/pipelines/vlm"
)

// Options say how a golden is compared.
type Options struct {
	Config    string  // file of the configuration; empty: config.json of the model
	Tol       float64 // allowed of max|got-want| / max|want|; 0: what the tolerance.json beside the golden says, or DefaultTol
	MaxPixels int     // the largest picture that is read; 0: preprocess.DefaultMaxPixels
	Pictures  string  // directory with pictures of a golden of image processors that are not beside it
}

// A Row is one tensor of the golden and what came of it.
type Row struct {
	Name           string
	MaxAbs, MaxRel float64 // max|got-want|, and that by max|want|
	Bound          float64 // of MaxRel, or of MaxAbs if Absolute; 0 means that all must be equal
	Absolute       bool
	OK             bool
	Note           string // why there is no comparison, or what is special about it
}

// A Report is the comparison of all results of a golden.
type Report struct{ Rows []Row }

// Failed counts the rows that are not as they should be.
func (r *Report) Failed() (n int) {
	for _, row := range r.Rows {
		if !row.OK {
			n++
		}
	}
	return n
}

// run is a comparison under way.
type run struct {
	golden *safetensors.File
	tol    tolerances
	given  float64 // Options.Tol
	rows   map[string]Row
}

// Run loads the model in dir, which is a Hugging Face directory of a vision tower, of a decoder or of a LLaVA model,
// and compares every result in the golden with its own. If the golden is of image processors, dir is a directory with
// their configurations, or one such file. Tensors of the golden that it does not know fail, and so does a golden
// without results. A golden that ends in .json has conversations that went through the whole processor of a model in
// dir. The error is of reading and running; differences are in the report.
func Run(dir, golden string, opt Options) (report *Report, err error) {
	defer autograd.Catch(&err)
	if strings.HasSuffix(golden, conversationsEnding) {
		return conversations(dir, golden, opt)
	}
	g, err := safetensors.Open(golden)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	r := &run{golden: g, given: opt.Tol, rows: map[string]Row{}}
	if ofProcessors(g) {
		err = r.processors(dir, opt)
	} else {
		err = r.model(dir, opt)
	}
	if err != nil {
		return nil, err
	}
	return r.report()
}

// model compares the results of a tower, a decoder or both.
func (r *run) model(dir string, opt Options) error {
	if opt.Config == "" {
		opt.Config = filepath.Join(dir, vlm.ConfigFile)
	}
	raw, err := infile.Read(opt.Config, vlm.MaxConfig)
	if err != nil {
		return err
	}
	kind, err := vlm.Kind(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.Config, err)
	}
	if opt.Pictures != "" {
		return fmt.Errorf("pictures in %s: %s has no tensor of bytes (NAME%s), so that no picture is read", opt.Pictures, r.golden.Path(), levels)
	}
	if r.tol, err = readTolerances(filepath.Join(filepath.Dir(r.golden.Path()), "tolerance.json"), opt.Tol); err != nil {
		return err
	}
	switch kind {
	case "vision":
		return r.vision(dir, opt.Config)
	case "language":
		return r.language(dir, opt.Config)
	default:
		return r.whole(dir, opt.Config)
	}
}

// report puts the rows in the order of names, those that nothing was compared with among them.
func (r *run) report() (*Report, error) {
	out := new(Report)
	for _, name := range r.golden.Names() {
		row, ok := r.rows[name]
		switch {
		case isInput(name):
			continue
		case !ok:
			row = Row{Name: name, Note: "not compared: unknown to this kind of model"}
		}
		out.Rows = append(out.Rows, row)
		delete(r.rows, name)
	}
	extra := make([]string, 0, len(r.rows))
	for name := range r.rows {
		extra = append(extra, name)
	}
	slices.Sort(extra)
	for _, name := range extra {
		out.Rows = append(out.Rows, r.rows[name])
	}
	if len(out.Rows) == 0 {
		return nil, fmt.Errorf("%s: no results to compare with, only %s", r.golden.Path(), strings.Join(r.golden.Names(), ", "))
	}
	return out, nil
}

// isInput tells inputs from results.
func isInput(name string) bool {
	name = strings.TrimPrefix(name, otherSize)
	return strings.HasPrefix(name, "input.") || strings.HasPrefix(name, "generate.") && strings.HasSuffix(name, ".input_ids")
}

func (r *run) has(name string) bool {
	_, ok := r.golden.Info(name)
	return ok
}

// shape is that of an input, which must be there and have so many dimensions.
func (r *run) shape(name string, rank int) ([]int, error) {
	info, ok := r.golden.Info(name)
	if !ok {
		return nil, fmt.Errorf("%s: no tensor %q", r.golden.Path(), name)
	}
	if len(info.Shape) != rank {
		return nil, fmt.Errorf("%s: tensor %q has shape %v, want %d dimensions", r.golden.Path(), name, info.Shape, rank)
	}
	return info.Shape, nil
}

// check compares a result of the given shape.
func (r *run) check(name string, got []float64, shape []int) {
	r.checkAt(name, got, shape, nil, 1)
}

// checkAt compares some of the rows of a result: row i of got, of so many elements, with row at[i] of what is wanted; all of them if
// at is nil. A tensor that the golden does not have is passed over.
func (r *run) checkAt(name string, got []float64, shape []int, at []int, width int) {
	info, ok := r.golden.Info(name)
	if !ok {
		return
	}
	if !slices.Equal(info.Shape, shape) {
		r.fail(name, "shape is %v, want %v", shape, info.Shape)
		return
	}
	want, err := r.golden.Float64(name)
	if err != nil {
		r.fail(name, "%v", err)
		return
	}
	if at != nil {
		some := make([]float64, 0, len(at)*width)
		for _, k := range at {
			some = append(some, want[k*width:][:width]...)
		}
		want = some
	}
	bound := r.tol.of(name)
	d := compare.Of(got, want, bound*compare.MaxAbs(want))
	r.rows[name] = Row{Name: name, MaxAbs: d.MaxAbs, MaxRel: d.Rel(), Bound: bound, OK: d.Off == 0}
}

// checkWithin compares with a bound on the difference itself.
func (r *run) checkWithin(name string, got []float64, shape []int, bound float64, note string) {
	info, _ := r.golden.Info(name)
	if !slices.Equal(info.Shape, shape) {
		r.fail(name, "shape is %v, want %v", shape, info.Shape)
		return
	}
	want, err := r.golden.Float64(name)
	if err != nil {
		r.fail(name, "%v", err)
		return
	}
	d := compare.Of(got, want, bound)
	r.rows[name] = Row{Name: name, MaxAbs: d.MaxAbs, MaxRel: d.Rel(), Bound: bound, Absolute: true, OK: d.Off == 0, Note: note}
}

// checkInts compares integers, all of which must be equal.
func (r *run) checkInts(name string, got []int64) {
	if !r.has(name) {
		return
	}
	want, err := r.golden.Int64(name)
	if err != nil {
		r.fail(name, "%v", err)
		return
	}
	r.rows[name] = comparedInts(name, got, want)
}

// comparedInts compares integers, all of which must be equal.
func comparedInts(name string, got, want []int64) Row {
	if len(got) != len(want) {
		return Row{Name: name, Note: fmt.Sprintf("%d integers, want %d", len(got), len(want))}
	}
	row := Row{Name: name, OK: true}
	largest := 0.0
	for i, w := range want {
		if got[i] != w && row.OK {
			row.OK, row.Note = false, fmt.Sprintf("at %d got %d, want %d", i, got[i], w)
		}
		row.MaxAbs, largest = max(row.MaxAbs, abs(got[i]-w)), max(largest, abs(w))
	}
	if !row.OK {
		row.MaxRel = row.MaxAbs / largest
	}
	return row
}

// comparedText compares texts, which must be equal.
func comparedText(name, got, want string) Row {
	if got == want {
		return Row{Name: name, OK: true}
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return Row{Name: name, Note: fmt.Sprintf("at byte %d got %.40q, want %.40q", at, got[at:], want[at:])}
}

func abs(v int64) float64 { return max(float64(v), -float64(v)) }

func (r *run) fail(name, format string, args ...any) {
	r.rows[name] = Row{Name: name, Note: fmt.Sprintf(format, args...)}
}

// numbered are the tensors prefix0suffix, prefix1suffix and so on that the golden has.
func (r *run) numbered(prefix, suffix string) (n int) {
	for r.has(fmt.Sprint(prefix, n, suffix)) {
		n++
	}
	return n
}

var errNoImages = errors.New("a golden of a vision tower without input.pixel_values")
