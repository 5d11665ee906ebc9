package inspect

import (
	"math"
	"os"
	"path/filepath"

	"moslava/internal/gguf"
)

// gguf describes the header and the tensors of a GGUF file. Shapes are outermost first, as those of other files.
func (r *Report) gguf(opt Options) error {
	f, err := gguf.Open(r.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := os.Stat(r.Path)
	if err != nil {
		return err
	}
	r.Kind, r.Types, r.Metadata = "gguf", map[string]int{}, map[string]string{}
	r.Files = []File{{Name: filepath.Base(r.Path), Bytes: info.Size()}}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		r.Metadata[key] = v.String()
	}
	for _, name := range f.Names() {
		t, _ := f.Info(name)
		r.Tensors = append(r.Tensors, Tensor{name, t.Type.String(), append([]int{}, t.Shape...), t.Bytes()})
		r.Types[t.Type.String()] += t.Len()
		r.Parameters += t.Len()
		if !opt.Check {
			continue
		}
		data, err := f.Float32(name)
		if err != nil {
			return err
		}
		for i, v := range data {
			if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
				r.warn("%s has %g at element %d", name, v, i)
				break
			}
		}
		r.zero(name, data)
	}
	if arch, found, err := f.Text("general.architecture"); err != nil || !found || arch != "llama" && arch != "qwen2" {
		r.warn("general.architecture is %q; moslava convert reads llama and qwen2", arch)
	}
	return nil
}
