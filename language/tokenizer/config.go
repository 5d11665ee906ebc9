package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// file is tokenizer.json. Truncation and padding are read by nobody: transformers too sets them per call.
type file struct {
	Added         []AddedToken `json:"added_tokens"`
	Normalizer    *component   `json:"normalizer"`
	PreTokenizer  *component   `json:"pre_tokenizer"`
	PostProcessor *component   `json:"post_processor"`
	Decoder       *component   `json:"decoder"`
	Model         *modelConfig `json:"model"`
}

// exactKeys refuses keys in other letters than they should have: encoding/json would read them, the Rust library does not.
func exactKeys(b []byte) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(b, &given); err != nil {
		return err
	}
	for _, want := range []string{"added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"} {
		for key := range given {
			if key != want && strings.EqualFold(key, want) {
				return fmt.Errorf("%q found, %q expected", key, want)
			}
		}
	}
	return nil
}

// component is the union of the fields that the supported normalizers, pre-tokenizers, post-processors and decoders
// have; Type says which of them count.
type component struct {
	Type string `json:"type"`

	Normalizers   []component `json:"normalizers"`
	PreTokenizers []component `json:"pretokenizers"`
	Processors    []component `json:"processors"`
	Decoders      []component `json:"decoders"`

	Pattern          *patternConfig `json:"pattern"`
	Behavior         string         `json:"behavior"`
	Invert           bool           `json:"invert"`
	Content          *string        `json:"content"`
	Prepend          *string        `json:"prepend"`
	StripLeft        bool           `json:"strip_left"`
	StripRight       bool           `json:"strip_right"`
	IndividualDigits bool           `json:"individual_digits"`
	AddPrefixSpace   *bool          `json:"add_prefix_space"`
	UseRegex         *bool          `json:"use_regex"`
	Replacement      string         `json:"replacement"`
	PrependScheme    string         `json:"prepend_scheme"`
	Split            *bool          `json:"split"`
	Start            int            `json:"start"`
	Stop             int            `json:"stop"`
	Suffix           string         `json:"suffix"`

	Single        []templatePiece          `json:"single"`
	SpecialTokens map[string]templateToken `json:"special_tokens"`
	Cls           *idPair                  `json:"cls"`
	Sep           *idPair                  `json:"sep"`
}

type patternConfig struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

type templatePiece struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

type templateToken struct {
	IDs []int32 `json:"ids"`
}

// idPair is ["token", id].
type idPair struct {
	Token string
	ID    int32
}

// UnmarshalJSON reads the two-element array.
func (p *idPair) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 2 {
		return fmt.Errorf("[token, id] expected, found %d elements", len(parts))
	}
	if err := json.Unmarshal(parts[0], &p.Token); err != nil {
		return err
	}
	return json.Unmarshal(parts[1], &p.ID)
}

type modelConfig struct {
	Type         string            `json:"type"`
	Dropout      *float64          `json:"dropout"`
	Vocab        json.RawMessage   `json:"vocab"`
	Merges       []json.RawMessage `json:"merges"`
	UnkToken     *string           `json:"unk_token"`
	Suffix       *string           `json:"end_of_word_suffix"`
	Prefix       *string           `json:"continuing_subword_prefix"`
	ByteFallback bool              `json:"byte_fallback"`
	FuseUnk      bool              `json:"fuse_unk"`
	IgnoreMerges bool              `json:"ignore_merges"`
}

// unsupported names a component this package does not implement.
func unsupported(field, kind, supported string) error {
	if kind == "" {
		return fmt.Errorf("%s: type is missing", field)
	}
	return fmt.Errorf("%s: type %q is not supported (supported: %s)", field, kind, supported)
}

func missing(field, key string) error { return fmt.Errorf("%s.%s is missing", field, key) }

// deref is the string behind p, "" for null.
func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
