package vlm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/pipelines/vlm/families"
)

// sources are the checkpoints that a model is put together from; those of parts that are drawn are nil.
type sources struct {
	tensors                     nn.Source
	vision, language, projector *checkpoint.Dir
}

// sources sends the parts of the model that cfg describes to where they come from. oldVocab is how many rows the decoder's tables have.
func (t assembly) sources(cfg *Config, oldVocab int) (s *sources, err error) {
	fresh := nn.Random(t.Seed)
	s = &sources{tensors: fresh}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	parts := nn.Mux{VisionPrefix: nn.Whole(VisionPrefix, fresh), LanguagePrefix: nn.Whole(LanguagePrefix, fresh),
		ProjectorPrefix: nn.Whole(ProjectorPrefix, fresh)}
	if t.ProjectorFrom != "" {
		if s.projector, err = OpenProjector(t.ProjectorFrom); err != nil {
			return s, err
		}
		parts[ProjectorPrefix] = nn.Whole(ProjectorPrefix, nn.From(s.projector))
	}
	if !t.Random {
		if t.Vision != "" {
			if s.vision, err = checkpoint.Open(t.Vision); err != nil {
				return s, err
			}
			if err = refuseQuantized(s.vision, families.IsBesideTower); err != nil {
				return s, err
			}
			parts[VisionPrefix] = nn.From(s.vision.Rename(families.TowerStored(&cfg.Vision)))
		}
		if s.language, err = checkpoint.Open(t.Language); err != nil {
			return s, err
		}
		if err = refuseQuantized(s.language, families.IsBesideDecoder); err != nil {
			return s, err
		}
		parts[LanguagePrefix] = grown{nn.From(s.language.Rename(families.DecoderStored(&cfg.Text))), oldVocab}
	}
	s.tensors = parts
	return s, nil
}

func (s *sources) close() {
	for _, d := range []*checkpoint.Dir{s.vision, s.language, s.projector} {
		if d != nil {
			d.Close()
		}
	}
}

// unexpected lists the tensors that no part has a place for, with where they are. err is what building the model came to.
func (s *sources) unexpected(cfg *Config, err error) (out []string) {
	misshapen := checkpoint.Misshapen(err)
	for _, p := range []struct {
		dir    *checkpoint.Dir
		beside func(name string) bool
	}{
		{s.vision, families.IsBesideTower},
		{s.language, func(name string) bool {
			return families.IsBesideDecoder(name) || cfg.Text.ReadsPast(name)
		}},
		{s.projector, func(name string) bool { return !families.IsConnector(name) }},
	} {
		if p.dir == nil {
			continue
		}
		for _, name := range p.dir.Unused(func(name string) bool { return checkpoint.IsBuffer(name) || misshapen[name] || p.beside(name) }) {
			out = append(out, name+" in "+p.dir.Path())
		}
	}
	return out
}

// projectorFiles are the names under which a directory holds a projector, beside those of whole models.
var projectorFiles = []string{"projector.safetensors", "mm_projector.bin", "trained.safetensors", "adapter_model.safetensors",
	"non_lora_trainables.bin"}

// OpenProjector opens the tensors of a projector: a file (LLaVA's mm_projector.bin, or safetensors), XTuner's projector/, what
// a stage of a run left behind, or a whole model's directory in LLaVA's own layout or in that of transformers. Its tensors are
// asked for by their published names, multi_modal_projector.linear_1.weight and so on.
func OpenProjector(path string) (*checkpoint.Dir, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	open := checkpoint.OpenFile
	if info.IsDir() {
		if err := checkXTuner(path); err != nil {
			return nil, err
		}
		open = checkpoint.Open
		for _, file := range projectorFiles {
			if _, err := os.Stat(filepath.Join(path, file)); err == nil {
				path, open = filepath.Join(path, file), checkpoint.OpenFile
				break
			}
		}
	}
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	for _, name := range d.Names() {
		if families.IsConnector(name) {
			return d.Rename(families.ConnectorStored), nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s: no projector: none of its %d tensors is named as one", path, len(d.Names())), d.Close())
}

// checkXTuner refuses what XTuner's ProjectorConfig can say and a projector here cannot be.
func checkXTuner(dir string) error {
	var c struct {
		ModelType string `json:"model_type"`
		Act       string `json:"hidden_act"`
		Depth     *int   `json:"depth"`
		Bias      *bool  `json:"bias"`
	}
	err := checkpoint.ReadJSON(dir, ConfigFile, &c)
	if errors.Is(err, os.ErrNotExist) || err == nil && c.ModelType != "projector" {
		return nil
	}
	switch {
	case err != nil:
		return err
	case c.Act != "" && c.Act != "gelu":
		return fmt.Errorf("%s: config.json: hidden_act is %q, only gelu is supported", dir, c.Act)
	case c.Depth != nil && *c.Depth != 1 && *c.Depth != 2:
		return fmt.Errorf("%s: config.json: depth is %d, only 1 and 2 are supported", dir, *c.Depth)
	case c.Bias != nil && !*c.Bias:
		return fmt.Errorf("%s: config.json: bias is false, only projectors with biases are supported", dir)
	}
	return nil
}
