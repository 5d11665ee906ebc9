package vlm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/internal/safetensors"
	"moslava/moslora"
)

// XTuner's directories of a tuned LLaVA (xtuner/model/llava.py): PEFT adapters of each tower, under the names that a tower has by itself, and the
// projector as a model of its own with the layers model.0 and model.2.
const (
	xtunerLanguage  = "llm_adapter"
	xtunerVision    = "visual_encoder_adapter"
	xtunerProjector = "projector"
)

// xtunerTowers are the directories of the towers, and the prefix that is cut off their names.
var xtunerTowers = []struct{ dir, prefix string }{{xtunerLanguage, LanguagePrefix}, {xtunerVision, VisionPrefix}}

// xtunerLayers pairs the names of the projector's parameters.
var xtunerLayers = []struct{ ours, theirs string }{{"linear_1.", "model.0."}, {"linear_2.", "model.2."}}

// isXTuner reports whether dir has one of XTuner's directories.
func isXTuner(dir string) bool {
	return slices.ContainsFunc([]string{xtunerLanguage, xtunerVision, xtunerProjector}, func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err == nil && info.IsDir()
	})
}

// SaveXTuner writes adapters and projector as XTuner does. Mixers stand beside A and B, as the MoSLoRA authors' XTuner has them. A tower without
// adapters has no directory: XTuner would write it whole.
func (m *Model) SaveXTuner(dir, base string) error {
	if err := m.CheckExport(FormatXTuner, nil); err != nil {
		return err
	}
	for _, t := range xtunerTowers {
		part := m.Adapters.Under(func(module string) bool { return strings.HasPrefix(module, t.prefix) })
		if part.Len() == 0 {
			continue
		}
		to := filepath.Join(dir, t.dir)
		if err := atomicfile.MkdirAll(to); err != nil {
			return err
		}
		opt := moslora.SaveOptions{Base: base, Name: func(module string) string { return strings.TrimPrefix(module, t.prefix) }}
		m.saveBeside(&opt, part)
		err := part.Save(to, opt)
		if err != nil {
			return err
		}
	}
	return m.saveXTunerProjector(filepath.Join(dir, xtunerProjector))
}

func (m *Model) saveXTunerProjector(dir string) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for p := range m.Params.All() {
		if name, ok := strings.CutPrefix(p.Name, ProjectorPrefix); ok {
			for _, l := range xtunerLayers {
				name = strings.Replace(name, l.ours, l.theirs, 1)
			}
			tensors = append(tensors, safetensors.Tensor{Name: name, Shape: p.Shape, Data: p.Floats()})
		}
	}
	if err := checkpoint.Save(dir, tensors, maxShard, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	c, depth := m.Config.Projector, 2
	if c.Type == "linear" {
		depth = 1
	}
	return checkpoint.WriteJSON(dir, ConfigFile, map[string]any{"architectures": []string{"ProjectorModel"}, "model_type": "projector",
		"visual_hidden_size": c.In, "llm_hidden_size": c.Out, "depth": depth, "hidden_act": c.Act, "bias": c.Bias, "torch_dtype": "float32"})
}

// loadXTuner attaches what SaveXTuner, or XTuner, has written. After an error the model is as it was.
func (m *Model) loadXTuner(dir string) error {
	var parts []*moslora.Saved
	for _, t := range xtunerTowers {
		from := filepath.Join(dir, t.dir)
		if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
			continue
		}
		saved, err := moslora.Load(from, func(name string) string { return m.PublishedName(t.prefix + name) })
		if err != nil {
			return err
		}
		parts = append(parts, saved)
	}
	whole, err := m.readXTunerProjector(filepath.Join(dir, xtunerProjector))
	if err != nil {
		return err
	}
	return m.attachAll(parts, whole)
}

// readXTunerProjector reads the projector under the program's names; none if there is no directory.
func (m *Model) readXTunerProjector(dir string) (out []*nn.Param, err error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var c struct {
		Depth int    `json:"depth"`
		Act   string `json:"hidden_act"`
	}
	if err := checkpoint.ReadJSON(dir, ConfigFile, &c); err != nil {
		return nil, err
	}
	if want := m.Config.Projector; (c.Depth == 1) != (want.Type == "linear") || c.Depth == 2 && c.Act != want.Act {
		return nil, fmt.Errorf("%s/%s: depth is %d and hidden_act %q, the model's projector is %s with %q", dir, ConfigFile, c.Depth, c.Act, want.Type, want.Act)
	}
	ckpt, err := checkpoint.Open(dir)
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	for _, key := range ckpt.Names() {
		name := key
		for _, l := range xtunerLayers {
			name = strings.Replace(name, l.theirs, l.ours, 1)
		}
		shape, _ := ckpt.Shape(key)
		data, err := ckpt.Float32(key, shape)
		if err != nil {
			return nil, err
		}
		out = append(out, nn.NewParam(ProjectorPrefix+name, data, shape...))
	}
	return out, nil
}
