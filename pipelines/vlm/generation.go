package vlm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"moslava/internal/checkpoint"
	"moslava/internal/hfconfig"
	"moslava/internal/infile"
)

// GenerationFile says how a model's answers are generated.
const GenerationFile = "generation_config.json"

// maxGeneration bounds what is read of it and of config.json; they have a few kilobytes.
const maxGeneration = 16 << 20

// generation is what a model directory says about the generation of answers.
type generation struct {
	fields hfconfig.Fields // generation_config.json as it was read; nil without one
	eos    []int32         // ids that end an answer, by this file and config.json
	none   bool            // the file is there and names no such id, so that those of config.json do not count
}

// readGeneration reads generation_config.json, which need not be there, and config.json, whose eos_token_id counts at the top and in
// text_config, unless generation_config.json is there and names no id. rows is how many words the model has.
func readGeneration(dir string, rows int) (g generation, err error) {
	g.fields, err = readFields(filepath.Join(dir, GenerationFile))
	if err != nil {
		return g, err
	}
	config, err := readFields(filepath.Join(dir, ConfigFile))
	if err != nil {
		return g, err
	}
	var text hfconfig.Fields
	if config.Has("text_config") {
		if text, err = hfconfig.Parse(config["text_config"]); err != nil {
			return g, fmt.Errorf("%s: text_config: %w", filepath.Join(dir, ConfigFile), err)
		}
	}
	for _, in := range []struct {
		name   string
		fields hfconfig.Fields
	}{{GenerationFile, g.fields}, {ConfigFile, config}, {ConfigFile + ": text_config", text}} {
		ids, err := eosIDs(in.fields["eos_token_id"], rows)
		if err != nil {
			return g, fmt.Errorf("%s: eos_token_id %w", filepath.Join(dir, in.name), err)
		}
		g.eos = union(g.eos, ids)
		if g.fields != nil && len(g.eos) == 0 { // as in transformers, which reads config.json for want of the file
			g.none = true
			break
		}
	}
	return g, nil
}

// readFields reads a JSON object; a file that is not there has no fields.
func readFields(path string) (hfconfig.Fields, error) {
	raw, err := infile.Read(path, maxGeneration)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fields, err := hfconfig.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fields, nil
}

// eosIDs reads an eos_token_id: an id, a list of them, or nothing.
func eosIDs(raw json.RawMessage, rows int) (ids []int32, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var one *int32
	if json.Unmarshal(raw, &one) != nil {
		var many []*int32
		if json.Unmarshal(raw, &many) != nil || slices.Contains(many, nil) {
			return nil, fmt.Errorf("is %.60s, want an id or a list of ids", raw)
		}
		for _, id := range many {
			ids = append(ids, *id)
		}
	} else if one != nil {
		ids = []int32{*one}
	}
	for _, id := range ids {
		if id < 0 || int(id) >= rows {
			return nil, fmt.Errorf("has %d, want ids from 0 to %d: the model has %d words (correct the file, or remove the key)", id, rows-1, rows)
		}
	}
	return ids, nil
}

// union appends to ids those of more that they lack.
func union(ids, more []int32) []int32 {
	for _, id := range more {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// StopIDs are the ids that end an answer: first the token that closes an assistant's turn, if the template has one, then the eos_token_id
// of generation_config.json and config.json.
func (p *Processor) StopIDs() []int32 {
	var ids []int32
	if id, ok := p.Template.EndOfTurn(p.Tokenizer); ok {
		ids = append(ids, id)
	}
	return union(ids, p.generation.eos)
}

// eosAgrees is an export's config.json, whose eos_token_id is kept unless it did not count: then it is that of the export's generation_config.json, or none,
// so that whoever reads it stops where the model did.
func (p *Processor) eosAgrees(config []byte) ([]byte, error) {
	if !p.generation.none {
		return config, nil
	}
	var own json.RawMessage
	if stop := p.StopIDs(); len(stop) == 1 {
		own, _ = json.Marshal(stop[0])
	} else if len(stop) > 1 {
		own, _ = json.Marshal(stop)
	}
	set := func(f hfconfig.Fields) {
		if _, ok := f["eos_token_id"]; !ok {
			return
		}
		if delete(f, "eos_token_id"); own != nil {
			f["eos_token_id"] = own
		}
	}
	fields, err := hfconfig.Parse(config)
	if err != nil {
		return nil, err
	}
	set(fields)
	if fields.Has("text_config") {
		text, err := hfconfig.Parse(fields["text_config"])
		if err != nil {
			return nil, err
		}
		set(text)
		if fields["text_config"], err = json.Marshal(text); err != nil {
			return nil, err
		}
	}
	return json.Marshal(fields)
}

// saveGeneration writes generation_config.json: the source's, with the ids that end an answer.
func (p *Processor) saveGeneration(dir string) error {
	gen := map[string]any{}
	for name, v := range p.generation.fields {
		gen[name] = v
	}
	if p.generation.fields == nil {
		gen["do_sample"] = false
	}
	stop := p.StopIDs()
	given, err := eosIDs(p.generation.fields["eos_token_id"], p.Config.Text.VocabSize)
	if err != nil {
		return err
	}
	if all := union(slices.Clone(given), stop); len(all) == 1 && len(given) == 0 {
		gen["eos_token_id"] = all[0]
	} else if len(all) > len(given) {
		gen["eos_token_id"] = all
	}
	if len(stop) > 0 && !p.generation.fields.Has("pad_token_id") {
		gen["pad_token_id"] = stop[0]
	}
	return checkpoint.WriteJSON(dir, GenerationFile, gen)
}
