package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"moslava/internal/infile"
)

// maxConfig bounds tokenizer_config.json, which lists added tokens by the thousand in some models.
const maxConfig = 32 << 20

// Load reads the chat template of a model directory: chat_template.jinja, else chat_template.json, else the
// chat_template of tokenizer_config.json (of a list of named ones, "default"). The special tokens it may use (bos_token,
// eos_token, ...) come from tokenizer_config.json and special_tokens_map.json. A directory without a template gives an
// error for which errors.Is(err, fs.ErrNotExist) holds; Named has templates for such models.
func Load(dir string) (*Template, error) {
	config := filepath.Join(dir, "tokenizer_config.json")
	settings, err := readObject(config)
	if err != nil {
		return nil, err
	}
	vars, err := SpecialTokens(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "chat_template.jinja")
	source, err := infile.Read(file, maxSource)
	if err == nil {
		return parse(file, string(source), vars)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file = filepath.Join(dir, "chat_template.json")
	own, err := readObject(file)
	if err != nil {
		return nil, err
	}
	raw := own["chat_template"]
	if len(raw) == 0 {
		file, raw = config, settings["chat_template"]
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, fmt.Errorf("%s: no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): %w", dir, fs.ErrNotExist)
	}
	text, err := templateField(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: chat_template: %w", file, err)
	}
	return parse(file, text, vars)
}

// SpecialTokens are the special tokens of a model directory, by the names under which a template sees them (bos_token, eos_token, ...).
func SpecialTokens(dir string) (map[string]string, error) {
	vars := map[string]string{}
	for _, file := range []string{"special_tokens_map.json", "tokenizer_config.json"} { // the last one wins
		fields, err := readObject(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		for _, key := range []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"} {
			token, err := specialToken(fields[key])
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", filepath.Join(dir, file), key, err)
			}
			if token != "" {
				vars[key] = token
			}
		}
	}
	return vars, nil
}

// templateField reads a template, or the one called default of [{"name": ..., "template": ...}, ...].
func templateField(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var named []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &named); err != nil {
		return "", fmt.Errorf("a string or a list of named templates expected: %w", err)
	}
	var names []string
	for _, n := range named {
		if n.Name == "default" {
			return n.Template, nil
		}
		names = append(names, n.Name)
	}
	return "", fmt.Errorf("none of the templates %q is called default", slices.Sorted(slices.Values(names)))
}

// specialToken reads "token" or {"content": "token"}; absent and null give "".
func specialToken(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var token struct {
		Content *string `json:"content"`
	}
	if err := json.Unmarshal(raw, &token); err != nil || token.Content == nil {
		return "", fmt.Errorf("%.60s found, a token or an object with its content expected", raw)
	}
	return *token.Content, nil
}

// readObject reads the fields of a JSON file; a file that is not there has none.
func readObject(path string) (map[string]json.RawMessage, error) {
	b, err := infile.Read(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fields, nil
}
