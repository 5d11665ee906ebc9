package stages

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/safetensors"
	"moslava/pipelines/models"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// merge folds the adapters in for good: later stages find the note and do so when they load the model.
func (s *stage) merge() ([]string, error) {
	from, _ := s.dir.From(s.index)
	m, _, err := models.After(s.recipe, s.dir, from)
	if err != nil {
		return nil, err
	}
	if m.Adapters.Len() == 0 {
		return nil, fmt.Errorf("there are no adapters to merge")
	}
	return []string{models.MergedFile}, checkpoint.WriteJSON(s.path, models.MergedFile, map[string]int{"adapters": m.Adapters.Len()})
}

var dtypes = map[string]safetensors.DType{"float32": safetensors.F32, "bfloat16": safetensors.BF16, "float16": safetensors.F16}

// export writes the model for other programs.
func (s *stage) export() (_ []string, failed error) {
	c := s.Stage.Export
	from, _ := s.dir.From(s.index)
	r := s.recipe
	whole := c.Format == "hf" || c.Format == "towers"
	if models.WritesFull(s.Stage) && r.Model.Quantize != (recipe.Quantize{}) {
		// As PEFT's users do it: what was tuned on rounded weights is merged into those it was rounded from.
		fmt.Fprintf(s.out, "%s: the recipe quantizes the model; the full weights are written, adapters merged into them\n", s.Name)
		r = models.Unrounded(r)
	}
	dir, output := filepath.Join(s.path, c.Format), c.Format
	if c.Path != "" {
		release, err := s.target()
		if err != nil {
			return nil, err
		}
		defer func() { failed = errors.Join(failed, release()) }()
		if output, err = filepath.Abs(string(c.Path)); err != nil {
			return nil, err
		}
		dir = output
	}
	m, p, err := models.After(r, s.dir, from)
	if err != nil {
		return nil, err
	}
	outputs := []string{output}
	if whole && c.MergeInto == "rounded" {
		if err := s.mergeRounded(m, from); err != nil {
			return nil, err
		}
		outputs = append(outputs, roundingFile)
	}
	if whole {
		if err := m.MergeAdapters(); err != nil {
			return nil, err
		}
	}
	if err := wholeOrNot(dir, func(dir string) error { return s.write(dir, m, p) }); err != nil {
		return nil, err
	}
	fmt.Fprintf(s.out, "%s: wrote %s\n", s.Name, dir)
	return outputs, nil
}

// noteTokens tells what other programs have to do before they load adapters for a vocabulary that was extended.
func (s *stage) noteTokens(m *vlm.Model) {
	if m.Config.Grown() {
		fmt.Fprintf(s.out, "%s: tokens were added: in Python the base model needs resize_token_embeddings(%d) before "+
			"PeftModel.from_pretrained; AutoPeftModelForCausalLM does it by the tokenizer beside the adapters\n",
			s.Name, m.Config.Text.VocabSize)
	}
}

// wholeOrNot has a directory written beside its place, which it takes when it is whole: nothing half written lies where people upload from. One that is
// there already, as that of an earlier run or a mounted one, is written in.
func wholeOrNot(dir string, write func(dir string) error) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return atomicfile.WriteDir(dir, write)
	}
	return write(dir)
}

// write writes the model to a directory in the stage's format.
func (s *stage) write(dir string, m *vlm.Model, p *vlm.Processor) error {
	c := s.Stage.Export
	switch c.Format {
	case "xtuner":
		return m.SaveXTuner(dir, models.BaseName(s.recipe))
	case "peft", "folded":
		s.noteTokens(m)
		return m.ExportAdapters(dir, models.BaseName(s.recipe), c.Format == "folded", p)
	case "towers":
		return vlm.ExportTowers(dir, m, p, dtypes[c.DType])
	}
	return vlm.Export(dir, m, p, dtypes[c.DType])
}
