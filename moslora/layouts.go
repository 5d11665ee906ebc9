package moslora

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"moslava/internal/checkpoint"
	"moslava/internal/infile"
)

// Directories of adapters as other programs write them. What a file is follows from its names, and where names do not tell, from
// shapes; what neither tells is an error.
//
//	PEFT 0.21                           lora_A.weight [r, in], lora_B.weight [out, r], lora_magnitude_vector [out], lora_B.bias [out];
//	                                    of embeddings lora_embedding_A [r, V], lora_embedding_B [D, r], trainable_tokens_delta [n, D];
//	                                    also with the adapter's name in keys, lora_A.default.weight, as its state in memory has them
//	the authors' forks of PEFT          the same with lora_AB.weight [r, r], lora_use_mixer
//	PEFT's pull requests (2294 and others), and a package that came of them
//	                                    the same with lora_mixer.weight [r, r], use_moslora or peft_type MOSLORA
//	mlx-lm                              lora_a [in, r], lora_b [r, out], m [out]; adapters.safetensors
//	PaddleNLP 3.0 (merged 9331)         lora_A [in, r], lora_AB [r, r], lora_B [r, out], y = x·A·AB·B; lora_config.json

// Files of PaddleNLP.
const (
	paddleConfig  = "lora_config.json"
	paddleWeights = "peft_model.safetensors"
)

// Files of PEFT and PaddleNLP that hold pickles. The first is one of torch.save, which is read without running anything.
const (
	pickledWeights = "adapter_model.bin"
	paddlePickle   = "lora_model_state.pdparams"
)

// Files finds the names of the configuration and the weights of an adapter directory. As in PEFT, safetensors come before a pickle.
func Files(dir string) (config, weights string, err error) {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	config, weights = ConfigFile, WeightsFile
	if has(paddleConfig) {
		if has(ConfigFile) {
			return "", "", fmt.Errorf("%s holds both %s and %s: take one away to say whose adapters these are", dir, ConfigFile, paddleConfig)
		}
		config, weights = paddleConfig, paddleWeights
	}
	switch {
	case has(weights):
	case config == ConfigFile && has(mlxWeights):
		weights = mlxWeights
	case config == ConfigFile && has(pickledWeights):
		weights = pickledWeights
	case has(paddlePickle):
		return "", "", fmt.Errorf("%s holds %s and no %s: Paddle's pickles are not read; have PaddleNLP save it with safe_serialization", dir, paddlePickle, weights)
	}
	return config, weights, nil
}

// A role is what a tensor is to its module; the empty one is a parameter stored entire.
type role string

const (
	roleA role = "A"
	roleM role = "M"
	roleB role = "B"
	roleG role = "G" // DoRA's magnitude
	roleV role = "V" // bias of B
	roleT role = "T" // trained rows of a table
)

// endings are what follows a module's path in a file. Bare ones are PaddleNLP's, and those of a torch parameter that is no module.
var endings = []struct {
	text string
	role role
	bare bool
}{
	{suffixA, roleA, false}, {suffixB, roleB, false}, {suffixM, roleM, false}, {".lora_mixer.weight", roleM, false}, {suffixG, roleG, false},
	{".lora_magnitude_vector.weight", roleG, false}, {suffixV, roleV, false}, {suffixT, roleT, false},
	{suffixEmbedA, roleA, false}, {suffixEmbedB, roleB, false},
	{".lora_A", roleA, true}, {".lora_B", roleB, true}, {".lora_AB", roleM, true}, {".lora_mixer", roleM, true},
}

// suffixOf is the role's in this program.
var suffixOf = map[role]string{roleA: suffixA, roleM: suffixM, roleB: suffixB, roleG: suffixG, roleV: suffixV, roleT: suffixT}

// A and B of an embedding are no modules in PEFT.
const (
	suffixEmbedA = ".lora_embedding_A"
	suffixEmbedB = ".lora_embedding_B"
)

// baseLayer is the level at which PEFT keeps what an adapter is on; parameters there belong to the base.
const baseLayer = ".base_layer."

// rowsLayer is the level of trained rows, whose base is a table.
const rowsLayer = ".token_adapter"

// Levels of a module that is trained whole: its copy, which PEFT writes under the module's own name as well where it
// saves tables entire, as it does after they were resized; and what was there before, which nothing reads.
const (
	copyLevel = ".modules_to_save."
	oldLevel  = ".original_module."
)

// superfluous recognises keys whose tensors say nothing that others of the file do not.
func superfluous(key string, all []string) bool {
	plain := strings.Replace(key, copyLevel, ".", 1)
	return strings.Contains(key, oldLevel) || plain != key && slices.Contains(all, plain)
}

// adapterName finds the name of an adapter in keys of a state that was saved raw: lora_A.default.weight.
var adapterName = regexp.MustCompile(`^(.*\.(?:lora_A|lora_B|lora_AB|lora_mixer|lora_embedding_A|lora_embedding_B|lora_magnitude_vector|modules_to_save|trainable_tokens_delta))\.([^.]+)((?:\.weight|\.bias)?)$`)

// withoutName is a key as PEFT's save_pretrained writes it, and the name of the adapter that it had.
func withoutName(key string) (string, string) {
	m := adapterName.FindStringSubmatch(key)
	if m == nil || m[2] == "weight" || m[2] == "bias" {
		return key, ""
	}
	return strings.Replace(m[1]+m[3], ".modules_to_save", "", 1), m[2]
}

// stored is one tensor of a file.
type stored struct {
	key    string
	module string // its path in the file, without the prefix; of a parameter stored entire its name
	role   role
	bare   bool
	lookup bool // of an embedding
	base   bool // of the layer below an adapter
	tensor
}

// split says what a key is.
func split(key string) stored {
	plain, _ := withoutName(key)
	path := strings.TrimPrefix(plain, keyPrefix)
	path = strings.Replace(path, rowsLayer+baseLayer, baseLayer, 1)
	for _, e := range endings {
		if m, ok := strings.CutSuffix(path, e.text); ok {
			return stored{key: key, module: m, role: e.role, bare: e.bare, lookup: e.text == suffixEmbedA || e.text == suffixEmbedB}
		}
	}
	return stored{key: key, module: strings.Replace(path, baseLayer, ".", 1), base: strings.Contains(path, baseLayer)}
}

// readAll reads every tensor of a file.
func readAll(path string, paddle bool) ([]stored, error) {
	ckpt, err := checkpoint.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	var out []stored
	var first string // the name of the adapter
	names := ckpt.Names()
	for _, key := range names {
		if superfluous(key, names) {
			continue
		}
		s := split(key)
		switch _, name := withoutName(key); {
		case name == "":
		case first == "":
			first = name
		case name != first:
			return nil, fmt.Errorf("%s: holds adapters of two names, %q and %q (%s): save one of them with PEFT's save_pretrained(selected_adapters=[...])", path, first, name, key)
		}
		if strings.HasPrefix(key, keyPrefix) == paddle {
			return nil, fmt.Errorf("%s: key %q %s", path, key, map[bool]string{false: "does not begin with " + keyPrefix,
				true: "begins with " + keyPrefix + ", and PaddleNLP's do not"}[paddle])
		}
		s.shape, _ = ckpt.Shape(key)
		if s.data, err = ckpt.Float32(key, s.shape); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// orient brings tensors with bare names into torch's orientation. rank is a module's.
func orient(list []stored, paddle bool, rank func(module string) int) error {
	var turned, straight, square string // the first key of each kind
	for _, s := range list {
		if paddle && s.role != "" && !s.bare {
			return fmt.Errorf("key %q is torch's, expected PaddleNLP's without .weight", s.key)
		}
		if !s.bare || s.role == roleM {
			continue
		}
		if len(s.shape) != 2 {
			return fmt.Errorf("%s has shape %v, want two dimensions", s.key, s.shape)
		}
		r, first, last := rank(s.module), s.shape[0], s.shape[1]
		if s.role == roleB {
			first, last = last, first
		}
		switch { // A is [r, in] in torch
		case first == r && last == r:
			square = s.key
		case first == r:
			straight = s.key
		case last == r:
			turned = s.key
		default:
			return fmt.Errorf("%s has shape %v, and no side is the rank, %d", s.key, s.shape, r)
		}
	}
	switch {
	case turned == "" && straight == "" && square == "":
		return nil
	case turned != "" && straight != "":
		return fmt.Errorf("%s lies as PaddleNLP's A and B do, and %s as torch's", turned, straight)
	case paddle && straight != "":
		return fmt.Errorf("%s lies as torch's A and B do, and PaddleNLP's are transposed", straight)
	case paddle || turned != "":
		for i := range list {
			if s := &list[i]; s.bare {
				s.transpose()
			}
		}
	case straight == "":
		return fmt.Errorf("%s is square: whether A and B lie as torch's or as PaddleNLP's, transposed, neither its name nor its shape tells", square)
	}
	return nil
}

func (t *tensor) transpose() {
	if len(t.shape) != 2 {
		return // what it should be is said where it is used
	}
	rows, cols := t.shape[0], t.shape[1]
	out := make([]float32, len(t.data))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = t.data[i*cols+j]
		}
	}
	t.data, t.shape = out, []int{cols, rows}
}

// otherConfig are the fields of other programs beside PEFT's.
type otherConfig struct {
	UseMoSLoRA   any            `json:"use_moslora"` // true, "kai", "orth": PEFT's pull requests
	MixerInit    string         `json:"mixer_init"`  // with peft_type MOSLORA
	Trainable    *bool          `json:"trainable_mixer"`
	MixerModules Patterns[bool] `json:"lora_use_mixer_pattern"` // the authors' fork
	RSLoRA       bool           `json:"rslora"`                 // PaddleNLP's use_rslora
}

// translate brings a configuration of another program into PEFT's fields with the authors' lora_use_mixer.
func (c *peftConfig) translate(raw json.RawMessage, paddle bool) error {
	var o otherConfig
	if err := json.Unmarshal(raw, &o); err != nil {
		return err
	}
	c.mixerModules = o.MixerModules
	moslora := c.PeftType == "MOSLORA"
	if moslora {
		c.PeftType = "LORA"
	}
	if paddle {
		if c.PeftType != "" {
			return fmt.Errorf("peft_type is %q, which PaddleNLP's configuration does not have", c.PeftType)
		}
		c.PeftType, c.RSLoRA = "LORA", o.RSLoRA
	}
	switch o.UseMoSLoRA {
	case nil:
		c.UseMixer = c.UseMixer || moslora
	case false, "":
	case true, "kai", "orth":
		c.UseMixer = true
	default:
		return fmt.Errorf("use_moslora is %v; known are true, false, kai and orth", o.UseMoSLoRA)
	}
	if o.Trainable == nil || *o.Trainable {
		return nil // how a learned mixer started is not needed
	}
	switch o.MixerInit {
	case "butterfly":
		c.Mixer = Butterfly
	case "orthogonal":
		c.Mixer = FixedOrthogonal
	default:
		return fmt.Errorf("trainable_mixer is false and mixer_init is %q; fixed mixers are butterfly and orthogonal", o.MixerInit)
	}
	return nil
}

// maxConfig bounds the configuration's file, in bytes.
const maxConfig = 16 << 20

// config reads the configuration of an adapter directory.
func config(dir, file string) (*peftConfig, error) {
	raw, err := infile.Read(filepath.Join(dir, file), maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no %s", dir, file)
	}
	if err != nil {
		return nil, err
	}
	c, err := parseConfigOf(raw, file == paddleConfig)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", dir, file, err)
	}
	return c, nil
}

// moduleRank is the rank of a module by the configuration.
func (c *peftConfig) moduleRank(module string) int { return c.RankPattern.get(module, c.R) }

// twice reports a module with two tensors of one role.
func twice(list []stored) error {
	seen := map[string]string{}
	for _, s := range list {
		if s.role == "" {
			continue
		}
		at := s.module + suffixOf[s.role]
		if first, ok := seen[at]; ok {
			return fmt.Errorf("%q and %q are both the %s of %s", first, s.key, s.role, s.module)
		}
		seen[at] = s.key
	}
	return nil
}

// sortedModules are the modules with adapter tensors.
func sortedModules(list []stored) (out []string) {
	for _, s := range list {
		if s.role != "" && s.role != roleT {
			out = append(out, s.module)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
