package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/checkpoint"
	"moslava/internal/safetensors"
	"moslava/language"
	"moslava/moslora"
	"moslava/pipelines/vlm"
)

func (r *Report) file(opt Options) error {
	d, err := checkpoint.OpenFile(r.Path)
	if err != nil {
		return err
	}
	defer d.Close()
	r.Kind = "tensors"
	return r.tensors(d, opt)
}

// tensors describes all tensors of d, and with Check looks at their numbers.
func (r *Report) tensors(d *checkpoint.Dir, opt Options) error {
	r.Metadata = d.Metadata()
	r.Types = map[string]int{}
	for _, path := range d.Files() {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		r.Files = append(r.Files, File{Name: filepath.Base(path), Bytes: info.Size()})
	}
	for _, name := range d.Names() {
		info, _ := d.Info(name)
		r.Tensors = append(r.Tensors, Tensor{name, string(info.DType), append([]int{}, info.Shape...), info.Bytes})
		r.Types[string(info.DType)] += info.Len()
		if !checkpoint.IsBuffer(name) {
			r.Parameters += info.Len()
		}
		switch {
		case slices.Contains([]safetensors.DType{safetensors.F32, safetensors.F16, safetensors.BF16, safetensors.F64}, info.DType):
			if opt.Check {
				r.numbers(d, name, info.Shape)
			}
		case checkpoint.IsBuffer(name), r.Metadata["made_by"] != "": // reference results hold ids and bytes, too
		default:
			r.warn("%s is stored as %s; weights are read as F32, F16, BF16 or F64", name, info.DType)
		}
	}
	return nil
}

// numbers warns of what is odd about the elements of a tensor.
func (r *Report) numbers(d *checkpoint.Dir, name string, shape []int) {
	data, err := d.Float32(name, shape)
	var broken *checkpoint.NotFiniteError
	switch {
	case errors.As(err, &broken):
		r.warn("%s has %g at element %d", name, broken.Value, broken.At)
	case err != nil:
		r.warn("%v", err)
	default:
		r.zero(name, data)
	}
}

// zero warns of a tensor that has nothing but zeros.
func (r *Report) zero(name string, data []float32) {
	if len(data) > 0 && !slices.ContainsFunc(data, func(v float32) bool { return v != 0 }) {
		r.warn("%s is zero throughout", name)
	}
}

func (r *Report) adapters(opt Options) error {
	r.Kind = "adapters"
	config, weights, err := moslora.Files(r.Path)
	if err != nil {
		return err
	}
	if err := checkpoint.ReadJSON(r.Path, config, &r.Config); err != nil {
		return err
	}
	d, err := checkpoint.OpenFile(filepath.Join(r.Path, weights))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := r.tensors(d, opt); err != nil {
		return err
	}
	if _, err := moslora.Load(r.Path, func(name string) string { return name }); err != nil {
		r.warn("would not be read: %v", err)
	}
	return nil
}

// checkpoint compares the tensors with those that the configuration asks for.
func (r *Report) checkpoint(opt Options) error {
	if err := checkpoint.ReadJSON(r.Path, vlm.ConfigFile, &r.Config); err != nil {
		return err
	}
	d, err := checkpoint.Open(r.Path)
	if err != nil {
		return err
	}
	defer d.Close()
	if r.Kind, err = vlm.Kind(r.Config); err != nil {
		r.Kind = "tensors"
		r.warn("%s: %v", vlm.ConfigFile, err)
		return r.tensors(d, opt)
	}
	if err := r.tensors(d, opt); err != nil {
		return err
	}
	for _, w := range vlm.LeftoverQuantization(r.Path) {
		r.warn("%s", w)
	}
	fit, err := vlm.Compare(r.Path)
	if err != nil {
		r.warn("would not be loaded: %v", err)
		return nil
	}
	for _, e := range fit.Missing {
		r.warn("missing: %s", e.Name)
	}
	for _, e := range fit.Misshapen {
		r.warn("shape: %s is %v, want %v", e.Name, e.Got, e.Want)
	}
	for _, name := range fit.Unexpected {
		r.warn("unexpected: %s", name)
	}
	for _, name := range fit.Ignored {
		r.warn("not used: %s", name)
	}
	var c struct {
		Tie  bool `json:"tie_word_embeddings"`
		Text struct {
			Tie bool `json:"tie_word_embeddings"`
		} `json:"text_config"`
	}
	if json.Unmarshal(r.Config, &c) == nil && (c.Tie || c.Text.Tie) && slices.ContainsFunc(d.Names(), language.IsHead) {
		if slices.ContainsFunc(fit.Ignored, language.IsHead) {
			r.warn("the head is stored although tie_word_embeddings is true: it is the same as the embeddings, which are used in its place")
		} else {
			r.warn("the head is stored although tie_word_embeddings is true, and differs from the embeddings: both are used, as in transformers")
		}
	}
	_, err = os.Stat(filepath.Join(r.Path, "tokenizer.json"))
	_, other := os.Stat(filepath.Join(r.Path, "tokenizer.model"))
	if err != nil && other != nil && r.Kind != "vision" {
		r.warn("no tokenizer.json: %s cannot take text", fmt.Sprintf("a %s model", r.Kind))
	}
	return nil
}
