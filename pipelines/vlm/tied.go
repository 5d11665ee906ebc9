package vlm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"moslava/internal/checkpoint"
	"moslava/internal/hfconfig"
	"moslava/language"
	"moslava/pipelines/vlm/families"
)

// A decoder's output layer may share the embedding's table. It does so no longer where a file holds another head, or where an adapter or a
// stage changes one of them alone; configurations that are written say what is so.

// untie notes that the head has a table of its own.
func (c *Config) untie() error {
	c.Text.TieWordEmbeddings = false
	return c.setText("tie_word_embeddings", false)
}

// setText sets a field of the decoder's configuration as it is written.
func (c *Config) setText(field string, value any) error {
	text := hfconfig.Fields{}
	var err error
	if raw := c.raw["text_config"]; len(raw) > 0 && string(raw) != "null" {
		if text, err = hfconfig.Parse(raw); err != nil {
			return err
		}
	}
	if text[field], err = json.Marshal(value); err != nil {
		return err
	}
	c.raw = maps.Clone(c.raw)
	if c.raw["text_config"], err = json.Marshal(text); err != nil {
		return err
	}
	if _, top := c.raw[field]; top {
		c.raw[field] = text[field]
	}
	return nil
}

// compareTables unties a configuration that says tied while the file holds a head that differs from the embedding, as transformers 5.23 does
// (tie_weights of modeling_utils.py). d has the tensors under their wanted names, those of the decoder below prefix.
func (c *Config) compareTables(d *checkpoint.Dir, prefix string) error {
	apart, err := tablesDiffer(&c.Text, d, prefix)
	if err != nil || !apart {
		return err
	}
	return c.untie()
}

// tablesDiffer reports whether the file of a decoder that is called tied holds another head.
func tablesDiffer(c *language.Config, d *checkpoint.Dir, prefix string) (bool, error) {
	names := c.Names()
	embed, head := prefix+"model."+names.Embed+".weight", prefix+names.Head+".weight"
	if !c.TieWordEmbeddings || !d.Has(embed) || !d.Has(head) {
		return false, nil
	}
	e, a, errE := d.Raw(embed)
	h, b, errH := d.Raw(head)
	if err := errors.Join(errE, errH); err != nil {
		return false, err
	}
	if !slices.Equal(e.Shape, h.Shape) {
		return false, fmt.Errorf("%s: tie_word_embeddings is true, and %s has shape %v, %s %v", d.Path(), embed, e.Shape, head, h.Shape)
	}
	if e.DType == h.DType {
		return !bytes.Equal(a, b), nil
	}
	x, errE := d.Float32(embed, e.Shape)
	y, errH := d.Float32(head, h.Shape)
	return !slices.Equal(x, y), errors.Join(errE, errH)
}

// compareStored is compareTables for an outline, of a directory that need not have weights.
func (c *Config) compareStored(dir string) error {
	if !c.Text.TieWordEmbeddings {
		return nil
	}
	d, err := checkpoint.Open(dir)
	if err != nil {
		return nil // whoever reads the weights says what is wrong
	}
	defer d.Close()
	if !c.HasVision() {
		return c.compareTables(d.Rename(families.DecoderStored(&c.Text)), "")
	}
	return c.compareTables(d.Rename(c.Stored), LanguagePrefix)
}

// settle brings the configuration in line with what adapters have made of the decoder.
func (m *Model) settle() error {
	if m.Config.Text.TieWordEmbeddings && m.Language.Head.Tied() == nil {
		return m.Config.untie()
	}
	return nil
}

// Untied gives a tied decoder's head a table of its own.
func (m *Model) Untied() error {
	if m.Language.Head.Tied() != nil {
		m.Params.Untie(m.Language.Head)
	}
	return m.settle()
}
