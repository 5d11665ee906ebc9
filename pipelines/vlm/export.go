package vlm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/internal/safetensors"
	"moslava/pipelines/vlm/families"
)

// maxShard is how large a weights file becomes before it is split, as transformers has it.
const maxShard = 5 << 30

// Export writes the model, its adapters merged beforehand, as a directory of its family that transformers
// loads: weights under their published names, configuration, tokenizer, chat template and processor settings. A decoder alone becomes
// a directory of its own model type.
func Export(dir string, m *Model, p *Processor, dtype safetensors.DType) error {
	if m.Adapters.Len() > 0 {
		return fmt.Errorf("export: %d adapters are not merged", m.Adapters.Len())
	}
	if err := m.CheckExport(FormatModel, p); err != nil {
		return err
	}
	if !m.Config.HasVision() {
		return exportDecoder(dir, m, p, dtype)
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	list := tensors(m.Params, "", dtype)
	tower, err := m.exportPositions(p, list)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for i := range list {
		list[i].Name = m.Config.FileName(list[i].Name)
	}
	if err := checkpoint.Save(dir, list, maxShard, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	fields := map[string]any{"architectures": []string{m.Config.Family.Architecture}, "dtype": torchName(dtype),
		"vision_config": tower}
	if name := m.Config.Family.SeqLength; name != "" {
		fields[name] = p.imageSeqLength()
	}
	cfg, err := m.Config.JSON(fields)
	if err != nil {
		return err
	}
	if cfg, err = p.eosAgrees(cfg); err != nil {
		return err
	}
	if err := p.Save(dir); err != nil {
		return err
	}
	return writeIndented(dir, ConfigFile, bytes.TrimSpace(cfg)) // last: without it the directory is no model yet
}

// ExportTowers writes vision tower and decoder as directories of their own, dir/vision and
// dir/language: what Towers take. The image token stays in the vocabulary.
func ExportTowers(dir string, m *Model, p *Processor, dtype safetensors.DType) error {
	if err := m.CheckExport(FormatTowers, p); err != nil {
		return err
	}
	to := filepath.Join(dir, "vision")
	if err := atomicfile.MkdirAll(to); err != nil {
		return err
	}
	list := tensors(m.Params, VisionPrefix, dtype)
	for i := range list {
		list[i].Name = m.Config.Vision.FileName(list[i].Name)
	}
	if err := checkpoint.Save(to, list, maxShard, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	raw, err := m.Config.towerJSON()
	if err != nil {
		return err
	}
	px, err := p.Pixels.JSON()
	if err != nil {
		return err
	}
	if err := writeText(to, "preprocessor_config.json", px); err != nil {
		return err
	}
	if err := writeIndented(to, ConfigFile, raw); err != nil {
		return err
	}
	return exportDecoder(filepath.Join(dir, "language"), m, p, dtype)
}

// exportDecoder writes the decoder as transformers has it by itself: names of tensors and configuration are those of its model type.
func exportDecoder(dir string, m *Model, p *Processor, dtype safetensors.DType) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	if err := checkpoint.Save(dir, tensors(m.Params, LanguagePrefix, dtype), maxShard, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	cfg, err := m.Config.decoderFields()
	if err != nil {
		return err
	}
	for _, stale := range []string{"torch_dtype", "transformers_version"} {
		delete(cfg, stale)
	}
	if cfg["dtype"], err = json.Marshal(torchName(dtype)); err != nil {
		return err
	}
	raw, err := json.Marshal(cfg)
	if err == nil {
		raw, err = p.eosAgrees(raw)
	}
	if err != nil {
		return err
	}
	if err := p.saveText(dir); err != nil {
		return err
	}
	return writeIndented(dir, ConfigFile, raw)
}

// tensors lists the parameters under a prefix, without it.
func tensors(ps *nn.Params, prefix string, dtype safetensors.DType) []safetensors.Tensor {
	var out []safetensors.Tensor
	for q := range ps.All() {
		if name, ok := strings.CutPrefix(q.Name, prefix); ok {
			out = append(out, safetensors.Tensor{Name: name, DType: dtype, Shape: q.Shape,
				Load: func() ([]float32, error) { return q.Floats(), nil }})
		}
	}
	return out
}

// Save writes tokenizer, chat template and processor settings.
func (p *Processor) Save(dir string) error {
	px, err := p.Cutter.JSON(p.Pixels)
	if err != nil {
		return err
	}
	if err := writeText(dir, "preprocessor_config.json", px); err != nil {
		return err
	}
	processor := p.Config.Family.Processor(&p.Config.Model)
	processor["image_processor"] = json.RawMessage(px) // transformers 5 keeps it here, 4 beside it
	if k, ok := p.Cutter.(families.Keeper); ok {
		for name, v := range k.Kept() {
			processor[name] = v
		}
	}
	if err := checkpoint.WriteJSON(dir, "processor_config.json", processor); err != nil {
		return err
	}
	return p.saveText(dir)
}

// saveText writes tokenizer.json, tokenizer_config.json, generation_config.json and the chat template.
func (p *Processor) saveText(dir string) error {
	if err := p.saveTokenizer(dir); err != nil {
		return err
	}
	return p.saveGeneration(dir)
}

// saveTokenizer writes tokenizer.json, tokenizer_config.json and the chat template.
func (p *Processor) saveTokenizer(dir string) error {
	tok, err := p.Tokenizer.JSON()
	if err != nil {
		return err
	}
	if err := writeText(dir, "tokenizer.json", tok); err != nil {
		return err
	}
	cfg := map[string]any{
		// Not the class a decoder's own file may name: transformers 5 rebuilds some of those from
		// the vocabulary alone and loses the pre-tokeniser.
		"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
		"model_max_length": p.Config.Text.MaxPositionEmbeddings,
	}
	if p.Config.HasVision() {
		cfg["image_token"] = p.Config.imageToken()
	}
	var special []string
	for _, id := range p.Config.Added {
		if p.Tokenizer.IsSpecial(id) {
			special = append(special, p.Tokenizer.Token(id))
		}
	}
	if len(special) > 0 { // transformers 5 calls them extra_special_tokens, and reads the older name, which 4 has
		cfg["additional_special_tokens"] = special
	}
	src, vars := p.templateText()
	for name, v := range vars {
		cfg[name] = v
	}
	if src != "" { // transformers 5 reads the file, processors nothing else; older programs read the field
		cfg["chat_template"] = src
		if err := writeText(dir, TemplateFile, []byte(src)); err != nil {
			return err
		}
	}
	return checkpoint.WriteJSON(dir, "tokenizer_config.json", cfg)
}

// TemplateFile holds a model's chat template.
const TemplateFile = "chat_template.jinja"

// templateText is the chat template for other programs, and the special tokens it sees.
func (p *Processor) templateText() (text string, vars map[string]string) {
	if p.Config.HasVision() {
		return p.Template.Portable()
	}
	return p.Template.Source()
}

func (p *Processor) imageSeqLength() int {
	h, w, fixed := p.Pixels.Size()
	if !fixed {
		h, w = p.Config.Vision.ImageSize, p.Config.Vision.ImageSize
	}
	return p.Config.ImageTokens(h, w)
}

func torchName(d safetensors.DType) string {
	switch d {
	case safetensors.F16:
		return "float16"
	case safetensors.BF16:
		return "bfloat16"
	default:
		return "float32"
	}
}

func writeText(dir, name string, b []byte) error {
	return atomicfile.WriteBytes(filepath.Join(dir, name), b)
}

// writeIndented writes JSON with its numbers as they are spelled: transformers takes 1 for no float.
func writeIndented(dir, name string, raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	return writeText(dir, name, b.Bytes())
}
