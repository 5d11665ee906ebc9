package checkpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/safetensors"
)

// A MissingError says that a tensor is not in a checkpoint.
type MissingError struct {
	Name    string   // as asked for
	Path    string   // directory or file that was searched
	Tried   []string // other names it could have had there
	Nearest string   // the most similar name that is there, or ""
}

func (e *MissingError) Error() string {
	msg := fmt.Sprintf("%s: no tensor %q", e.Path, e.Name)
	if len(e.Tried) > 0 {
		msg += fmt.Sprintf(" (nor %q)", e.Tried)
	}
	if e.Nearest != "" {
		msg += fmt.Sprintf("; the nearest is %q", e.Nearest)
	}
	return msg
}

// A ShapeError says that a tensor has another shape than asked for.
type ShapeError struct {
	Name      string // as asked for
	Stored    string // its name in the file
	File      string // path of the file
	Got, Want []int
}

func (e *ShapeError) Error() string {
	name := fmt.Sprintf("%q", e.Name)
	if e.Stored != e.Name {
		name += fmt.Sprintf(" (stored as %q)", e.Stored)
	}
	return fmt.Sprintf("%s: tensor %s has shape %v, want %v", e.File, name, e.Got, e.Want)
}

// Rename returns a view of d in which a tensor may be asked for under a name
// other than the one in the file: when wanted itself is not there, the names
// candidates(wanted) returns are tried in order. Views share their files and
// their record of use with d. A candidate is looked up as d would look it up,
// so renamings can be stacked.
func (d *Dir) Rename(candidates func(wanted string) []string) *Dir {
	stacked := candidates
	if inner := d.candidates; inner != nil {
		stacked = func(wanted string) []string {
			list := inner(wanted)
			for _, c := range candidates(wanted) {
				list = append(append(list, c), inner(c)...)
			}
			return list
		}
	}
	return &Dir{store: d.store, candidates: stacked}
}

// stored finds the name of the wanted tensor in the files.
func (d *Dir) stored(wanted string) (name string, f *safetensors.File, tried []string) {
	if f := d.byName[wanted]; f != nil {
		return wanted, f, nil
	}
	if d.candidates == nil {
		return "", nil, nil
	}
	tried = d.candidates(wanted)
	for _, c := range tried {
		if f := d.byName[c]; f != nil {
			return c, f, nil
		}
	}
	return "", nil, tried
}

// Info describes the named tensor, under the name it has in the file. It
// does not count as use.
func (d *Dir) Info(name string) (safetensors.Info, bool) {
	found, f, _ := d.stored(name)
	if f == nil {
		return safetensors.Info{}, false
	}
	return f.Info(found)
}

// Has tells whether there is a tensor of that name.
func (d *Dir) Has(name string) bool {
	_, f, _ := d.stored(name)
	return f != nil
}

// Shape returns the shape of the named tensor; the flag tells whether there is
// one.
func (d *Dir) Shape(name string) ([]int, bool) {
	info, ok := d.Info(name)
	return info.Shape, ok
}

// DType returns the element type the named tensor is stored in; the flag tells
// whether there is one.
func (d *Dir) DType(name string) (safetensors.DType, bool) {
	info, ok := d.Info(name)
	return info.DType, ok
}

// Float32 returns a copy of the named tensor in float32, row-major. The error
// is a *MissingError when it is not there, a *ShapeError when its shape is not
// exactly the wanted one, a *NotFiniteError when an element is NaN or infinite, and otherwise that of safetensors.File.Float32.
func (d *Dir) Float32(name string, shape []int) ([]float32, error) {
	found, f, err := d.take(name, shape)
	if err != nil {
		return nil, err
	}
	data, err := f.Float32(found)
	if err != nil {
		return nil, err
	}
	if i := notFinite(data); i >= 0 {
		return nil, &NotFiniteError{Name: found, File: f.Path(), At: i, Value: data[i]}
	}
	return data, nil
}

// View is Float32 without the copy where that is possible. The slice is
// read-only and gone after Close: see safetensors.File.View.
func (d *Dir) View(name string, shape []int) ([]float32, error) {
	found, f, err := d.take(name, shape)
	if err != nil {
		return nil, err
	}
	return f.View(found)
}

// Raw describes the named tensor, under the name it has in the file, and
// returns its bytes in place: read-only and gone after Close.
func (d *Dir) Raw(name string) (safetensors.Info, []byte, error) {
	info, ok := d.Info(name)
	if !ok {
		_, _, err := d.take(name, nil)
		return info, nil, err
	}
	found, f, err := d.take(name, info.Shape)
	if err != nil {
		return info, nil, err
	}
	raw, err := f.Raw(found)
	return info, raw, err
}

// take finds the named tensor, checks its shape and records its use.
func (d *Dir) take(name string, shape []int) (string, *safetensors.File, error) {
	found, f, tried := d.stored(name)
	if f == nil {
		return "", nil, &MissingError{Name: name, Path: d.path, Tried: tried, Nearest: nearest(name, d.names)}
	}
	if info, _ := f.Info(found); !slices.Equal(info.Shape, shape) {
		return "", nil, &ShapeError{Name: name, Stored: found, File: f.Path(), Got: info.Shape, Want: slices.Clone(shape)}
	}
	d.mu.Lock()
	d.used[found] = true
	d.mu.Unlock()
	return found, f, nil
}

// Unused returns the names, as they are in the files and sorted, of the
// tensors that no Float32, View or Raw has asked for, less those ignore
// accepts. A nil ignore accepts none.
func (d *Dir) Unused(ignore func(name string) bool) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var unused []string
	for _, name := range d.names {
		if !d.used[name] && (ignore == nil || !ignore(name)) {
			unused = append(unused, name)
		}
	}
	return unused
}

// IsBuffer recognises tensors that older versions of transformers saved
// although they hold no weights: position numbers and rotary frequencies,
// which follow from the configuration.
func IsBuffer(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch last {
	case "position_ids":
		return true
	case "inv_freq", "cos_cached", "sin_cached":
		return strings.HasSuffix(name, "rotary_emb."+last)
	}
	return false
}

// nearest returns the name that shares the most with wanted at both ends,
// which finds other prefixes, other layer numbers and slips of the pen alike,
// if that is at least half of wanted.
func nearest(wanted string, names []string) string {
	best, bestScore := "", 0
	for _, name := range names {
		score := commonEnds(wanted, name)
		if c := cmp.Compare(score, bestScore); c > 0 || c == 0 && len(name) < len(best) {
			best, bestScore = name, score
		}
	}
	if 2*bestScore < len(wanted) {
		return ""
	}
	return best
}

// commonEnds returns how many bytes a and b share at the start and at the end,
// counting none twice.
func commonEnds(a, b string) int {
	limit := min(len(a), len(b))
	n := 0
	for n < limit && a[n] == b[n] {
		n++
	}
	for m := 1; n < limit && a[len(a)-m] == b[len(b)-m]; m++ {
		n++
	}
	return n
}
