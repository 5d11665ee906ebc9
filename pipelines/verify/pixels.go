package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/compare"
	"moslava/internal/infile"
	"moslava/internal/safetensors"
	"moslava/vision/preprocess"
)

// levels is the ending of a tensor with the bytes of a picture before rescaling and normalising. A golden that has one is of image processors.
const levels = ".u8"

// halfTol is allowed of normalised values in float16, which is off by up to 0.00098 below 4.
const halfTol = 1e-3

func ofProcessors(g *safetensors.File) bool {
	return slices.ContainsFunc(g.Names(), func(name string) bool { return strings.HasSuffix(name, levels) })
}

// processors are the configurations and pictures of a golden.
type processors struct {
	run       *run
	config    string // a file; else a directory has them
	dir       string
	pictures  []string // directories, in the order in which they are searched
	order     preprocess.Order
	maxPixels int
	loaded    map[string]*preprocess.Config
	applied   map[string]applied // by tensor name without the ending
}

// applied is what a configuration makes of a picture, or why there is nothing.
type applied struct {
	bytes, values []float64 // [3, H, W]
	shape         []int
	err           error
}

// processors compares pictures as image processors leave them. model is a preprocessor_config.json or a directory of such.
func (r *run) processors(model string, opt Options) error {
	p := &processors{run: r, dir: model, maxPixels: opt.MaxPixels, loaded: map[string]*preprocess.Config{}, applied: map[string]applied{}}
	if info, err := os.Stat(model); err != nil {
		return err
	} else if !info.IsDir() {
		p.config = model
	}
	if opt.Config != "" {
		p.config = opt.Config
	}
	p.pictures = pictureDirs(opt, r.golden.Path())
	var err error
	if p.order, err = pillowOrder(r.golden); err != nil {
		return err
	}
	for _, name := range r.golden.Names() {
		info, _ := r.golden.Info(name)
		stem, isBytes := strings.CutSuffix(name, levels)
		if len(info.Shape) != 3 || info.Shape[0] != 3 || isBytes != (info.DType == safetensors.U8) {
			continue // the report says that it was not compared
		}
		a, ok := p.applied[stem]
		if !ok {
			var err error
			if a, err = p.apply(stem); err != nil {
				return err
			}
			p.applied[stem] = a
		}
		switch {
		case a.err != nil:
			r.fail(name, "not compared: %v", a.err)
		case !slices.Equal(info.Shape, a.shape):
			r.fail(name, "shape is %v, want %v", a.shape, info.Shape)
		case isBytes:
			want, err := r.golden.Raw(name)
			if err != nil {
				return err
			}
			p.compare(name, a.bytes, widenBytes(want), 0)
		default:
			want, err := r.golden.Float64(name)
			if err != nil {
				return err
			}
			p.compare(name, a.values, want, valueBound(info.DType, compare.MaxAbs(want)))
		}
	}
	return nil
}

// valueBound is allowed of normalised values, the largest of which is given.
func valueBound(d safetensors.DType, largest float64) float64 {
	switch d {
	case safetensors.F16:
		if largest < 4 {
			return halfTol
		}
		return largest / 2000 // half a unit is at most 1/2048
	case safetensors.BF16:
		return largest / 250
	}
	return 1e-6 * largest
}

func (p *processors) compare(name string, got, want []float64, bound float64) {
	p.run.rows[name] = compared(name, got, want, bound, p.run.given)
}

// compared compares numbers with a bound on the difference itself or, if given is above 0, with that part of the
// largest of want.
func compared(name string, got, want []float64, bound, given float64) Row {
	row := Row{Name: name, Bound: bound, Absolute: true}
	if given > 0 {
		row.Bound, row.Absolute = given, false
		bound = row.Bound * compare.MaxAbs(want)
	}
	d := compare.Of(got, want, bound)
	row.MaxAbs, row.MaxRel, row.OK = d.MaxAbs, d.Rel(), d.Off == 0
	if !row.OK {
		row.Note = fmt.Sprintf("%d of %d elements", d.Off, len(want))
	}
	return row
}

// apply finds the configuration and the picture that a tensor belongs to. The error is of a configuration that cannot be read.
func (p *processors) apply(stem string) (a applied, err error) {
	c, picture, err := p.configuration(stem)
	if errors.Is(err, fs.ErrNotExist) {
		return applied{err: err}, nil
	}
	if err != nil {
		return a, err
	}
	path, err := p.picture(picture)
	if err != nil {
		return applied{err: err}, nil
	}
	b, err := infile.Read(path, infile.MaxPicture)
	if err != nil {
		return a, err
	}
	img, err := c.Decoder.Decode(b)
	if err != nil {
		return applied{err: fmt.Errorf("%s: %w", path, err)}, nil
	}
	u8, err := c.U8(img)
	if err != nil {
		return applied{err: fmt.Errorf("%s: %w", path, err)}, nil
	}
	values, h, w, err := c.Apply(img)
	if err != nil {
		return applied{err: fmt.Errorf("%s: %w", path, err)}, nil
	}
	planes := make([]float64, 3*h*w)
	for i, v := range u8.Pix {
		planes[i%3*h*w+i/3] = float64(v)
	}
	return applied{bytes: planes, values: compare.Widen(values), shape: []int{3, h, w}}, nil
}

// configuration is that of the longest beginning of stem, up to a dot, that with .json names a file of the directory; the rest names the
// picture. Without such a file it is the directory's preprocessor_config.json, or the one file that was given, and all of stem names the picture.
func (p *processors) configuration(stem string) (c *preprocess.Config, picture string, err error) {
	if p.config != "" {
		base := strings.TrimSuffix(filepath.Base(p.config), ".json")
		c, err = p.load(p.config, preprocess.LoadFile)
		return c, strings.TrimPrefix(stem, base+"."), err
	}
	for at := len(stem); ; {
		if at = strings.LastIndexByte(stem[:at], '.'); at <= 0 {
			break
		}
		path := filepath.Join(p.dir, stem[:at]+".json")
		if _, err := os.Stat(path); err == nil {
			c, err := p.load(path, preprocess.LoadFile)
			return c, stem[at+1:], err
		}
	}
	c, err = p.load(p.dir, preprocess.Load)
	return c, stem, err
}

func (p *processors) load(path string, load func(string) (*preprocess.Config, error)) (*preprocess.Config, error) {
	if c, ok := p.loaded[path]; ok {
		return c, nil
	}
	c, err := load(path)
	if err != nil {
		return nil, err
	}
	c.Order, c.Decoder.MaxPixels = p.order, p.maxPixels
	p.loaded[path] = c
	return c, nil
}

// picture is the file source.NAME with any ending, in --pictures or beside the golden; or, for the name jpeg, the first of the files that the
// golden's metadata names (`spec`, JSON with `images`): the cases of the goldens this program is tested with call a photograph so.
func (p *processors) picture(name string) (string, error) {
	path, err := findPicture(p.pictures, "source."+name)
	if path != "" || err != nil {
		return path, err
	}
	want := "source." + name + ".*"
	if first := p.firstImage(); name == "jpeg" && first != "" {
		for _, dir := range p.pictures {
			if path := filepath.Join(dir, first); exists(path) {
				return path, nil
			}
		}
		want = first
	}
	return "", noPicture(want, p.pictures)
}

func (p *processors) firstImage() string {
	var spec struct {
		Images []string `json:"images"`
	}
	if json.Unmarshal([]byte(p.run.golden.Metadata()["spec"]), &spec) != nil || len(spec.Images) == 0 || !filepath.IsLocal(spec.Images[0]) {
		return ""
	}
	return spec.Images[0]
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func widenBytes(b []byte) []float64 {
	out := make([]float64, len(b))
	for i, v := range b {
		out[i] = float64(v)
	}
	return out
}
