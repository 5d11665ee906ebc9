package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/gguf"
	"moslava/language/tokenizer"
)

// text is what a GGUF file says about tokens.
type text struct {
	tokenizer []byte // tokenizer.json
	tokens    []string
	special   map[string]int // role (bos, eos, unk, ...) to id
	template  any            // nil, a string or a list of named ones, as in tokenizer_config.json
	addBOS    bool
	addEOS    bool
}

// roles are GGUF's names of special tokens and transformers'.
var roles = [][2]string{{"bos", "bos"}, {"eos", "eos"}, {"unknown", "unk"}, {"padding", "pad"}, {"seperator", "sep"}, {"cls", "cls"}, {"mask", "mask"},
	{"eot", "eot"}, {"eom", "eom"}}

// readText reads the tokenizer; vocab is how many rows the embedding has.
func readText(f *gguf.File, vocab int) (*text, error) {
	pieces, err := readPieces(f, vocab)
	if err != nil {
		return nil, err
	}
	t := &text{special: map[string]int{}}
	for _, p := range pieces {
		t.tokens = append(t.tokens, p.Text)
	}
	for _, role := range roles {
		key := "tokenizer.ggml." + role[0] + "_token_id"
		id, found, err := f.Int(key)
		if err != nil {
			if v, _ := f.Value(key); v.String() == "4294967295" || v.String() == "-1" { // none
				continue
			}
			return nil, err
		}
		if found && id >= len(pieces) {
			return nil, fmt.Errorf("%s is %d, but there are %d tokens", key, id, len(pieces))
		}
		if found {
			t.special[role[1]] = id
		}
	}
	if t.template, err = readTemplates(f); err != nil {
		return nil, err
	}
	model, _, err := f.Text("tokenizer.ggml.model")
	if err != nil {
		return nil, err
	}
	switch model {
	case "gpt2":
		err = t.byteLevel(f, pieces)
	case "llama":
		err = t.sentencePiece(f, pieces)
	default:
		err = fmt.Errorf("tokenizer.ggml.model is %q; implemented are gpt2 and llama", model)
	}
	if err != nil {
		return nil, err
	}
	if _, err := tokenizer.Parse(t.tokenizer); err != nil {
		return nil, err
	}
	return t, nil
}

// readPieces reads tokens, types and scores. Tokens beyond the embedding are refused, rows without a token are not.
func readPieces(f *gguf.File, vocab int) ([]tokenizer.Piece, error) {
	const prefix = "tokenizer.ggml."
	tokens, found, err := f.Texts(prefix + "tokens")
	if err != nil || !found {
		return nil, cmpError(err, "%stokens is missing: the file has no tokenizer", prefix)
	}
	if len(tokens) > vocab {
		return nil, fmt.Errorf("%stokens has %d tokens, but the embedding %d rows", prefix, len(tokens), vocab)
	}
	types, hasTypes, err := f.Ints(prefix + "token_type")
	if err != nil {
		return nil, err
	}
	scores, hasScores, err := f.Floats(prefix + "scores")
	if err != nil {
		return nil, err
	}
	if hasTypes && len(types) != len(tokens) || hasScores && len(scores) != len(tokens) {
		return nil, fmt.Errorf("%stokens has %d entries, token_type %d and scores %d", prefix, len(tokens), len(types), len(scores))
	}
	pieces := make([]tokenizer.Piece, len(tokens))
	for i, text := range tokens {
		pieces[i] = tokenizer.Piece{Text: text, Kind: tokenizer.Normal}
		if hasTypes {
			pieces[i].Kind = tokenizer.Kind(types[i])
		}
		if hasScores {
			pieces[i].Score = float32(scores[i])
		}
	}
	return pieces, nil
}

// readTemplates reads the chat template, or all of them by name if there are several.
func readTemplates(f *gguf.File) (any, error) {
	const key = "tokenizer.chat_template"
	first, found, err := f.Text(key)
	if err != nil {
		return nil, err
	}
	var named []map[string]string
	if found {
		named = append(named, map[string]string{"name": "default", "template": first})
	}
	for _, k := range f.Keys() {
		name, ok := strings.CutPrefix(k, key+".")
		if !ok {
			continue
		}
		source, _, err := f.Text(k)
		if err != nil {
			return nil, err
		}
		named = append(named, map[string]string{"name": name, "template": source})
	}
	switch {
	case len(named) == 0:
		return nil, nil
	case len(named) == 1 && found:
		return first, nil
	}
	return named, nil
}

// affixes says which special tokens stand around a text; def is whether the beginning one does if the file does not say.
func (t *text) affixes(f *gguf.File, def bool) (prefix, suffix []int32, err error) {
	t.addBOS = def
	for _, a := range []struct {
		key, role string
		on        *bool
		to        *[]int32
	}{{"add_bos_token", "bos", &t.addBOS, &prefix}, {"add_eos_token", "eos", &t.addEOS, &suffix}} {
		on, found, err := f.Flag("tokenizer.ggml." + a.key)
		if err != nil {
			return nil, nil, err
		}
		if found {
			*a.on = on
		}
		if !*a.on {
			continue
		}
		id, ok := t.special[a.role]
		if !ok {
			return nil, nil, fmt.Errorf("tokenizer.ggml.%s is true, but there is no %s_token_id", a.key, a.role)
		}
		*a.to = []int32{int32(id)}
	}
	return prefix, suffix, nil
}

func (t *text) sentencePiece(f *gguf.File, pieces []tokenizer.Piece) (err error) {
	if _, found := f.Value("tokenizer.ggml.scores"); !found {
		return fmt.Errorf("tokenizer.ggml.scores is missing")
	}
	if v, found := f.Value("tokenizer.ggml.precompiled_charsmap"); found && v.Len() > 0 {
		return fmt.Errorf("tokenizer.ggml.precompiled_charsmap is %s, which is not implemented", v)
	}
	for _, key := range []string{"tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.escape_whitespaces"} {
		on, found, err := f.Flag(key)
		if err != nil || found && on != strings.Contains(key, "escape") {
			return cmpError(err, "%s is %v, which is not implemented", key, on)
		}
	}
	v := tokenizer.SentencePiece{AddSpace: true} // llama.cpp puts a space after special tokens as well
	v.Pieces = pieces
	if on, found, err := f.Flag("tokenizer.ggml.add_space_prefix"); err != nil {
		return err
	} else if found {
		v.AddSpace = on
	}
	if v.Prefix, v.Suffix, err = t.affixes(f, true); err != nil {
		return err
	}
	t.tokenizer, err = v.JSON()
	return err
}

func (t *text) byteLevel(f *gguf.File, pieces []tokenizer.Piece) (err error) {
	const key = "tokenizer.ggml.pre"
	name, found, err := f.Text(key)
	if err != nil || !found {
		return cmpError(err, "%s is missing: which pattern cuts texts into words is not known", key)
	}
	pre, ok := preTokenizers[name]
	if !ok {
		return fmt.Errorf("%s is %q, which is not implemented", key, name)
	}
	if on, _, err := f.Flag("tokenizer.ggml.add_space_prefix"); err != nil || on {
		return cmpError(err, "tokenizer.ggml.add_space_prefix is true, which is not implemented for gpt2 vocabularies")
	}
	v := tokenizer.ByteLevel{Splits: pre.splits, GPT2: pre.gpt2, NFC: pre.nfc, IgnoreMerges: pre.ignoreMerges}
	v.Pieces = slices.Clone(pieces)
	if v.Merges, found, err = f.Texts("tokenizer.ggml.merges"); err != nil || !found {
		return cmpError(err, "tokenizer.ggml.merges is missing")
	}
	if v.Prefix, v.Suffix, err = t.affixes(f, pre.bos); err != nil {
		return err
	}
	t.tokenizer, err = v.JSON()
	return err
}

// ids adds the special ids of config.json and generation_config.json.
func (t *text) ids(to map[string]any) {
	for _, role := range []string{"bos", "eos", "pad"} {
		if id, ok := t.special[role]; ok {
			to[role+"_token_id"] = id
		}
	}
}

// save writes tokenizer.json, tokenizer_config.json and generation_config.json.
func (t *text) save(dir string, context int) error {
	if err := atomicfile.WriteBytes(filepath.Join(dir, "tokenizer.json"), t.tokenizer); err != nil {
		return err
	}
	// The general class: transformers 5 rebuilds the tokenizers of some others from the vocabulary alone and loses the
	// pre-tokeniser.
	config := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false, "model_max_length": context,
		"add_bos_token": t.addBOS, "add_eos_token": t.addEOS}
	for _, role := range []string{"bos", "eos", "unk", "pad", "sep", "cls", "mask"} {
		if id, ok := t.special[role]; ok {
			config[role+"_token"] = t.tokens[id]
		}
	}
	if t.template != nil {
		config["chat_template"] = t.template
	}
	if err := checkpoint.WriteJSON(dir, "tokenizer_config.json", config); err != nil {
		return err
	}
	generation := map[string]any{}
	t.ids(generation)
	var stop []int
	for _, role := range []string{"eos", "eot", "eom"} {
		if id, ok := t.special[role]; ok && !slices.Contains(stop, id) {
			stop = append(stop, id)
		}
	}
	if len(stop) > 1 {
		generation["eos_token_id"] = stop
	}
	return checkpoint.WriteJSON(dir, "generation_config.json", generation)
}
