package moslora

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/internal/checkpoint"
)

// mlxWeights is the file of mlx-lm and mlx-vlm, beside an adapter_config.json of their own: lora_a [in, r] and lora_b [r, out], DoRA's m
// [out], y = Wx + scale·x·a·b, keys without a prefix (mlx_lm/tuner/lora.py, dora.py and utils.py).
const mlxWeights = "adapters.safetensors"

// mlxConfig is that adapter_config.json.
type mlxConfig struct {
	Kind       string `json:"fine_tune_type"` // lora, dora or full; absent: lora
	Parameters struct {
		Rank    int      `json:"rank"`
		Scale   *float64 `json:"scale"`
		Alpha   *float64 `json:"alpha"` // of old versions: scale is alpha/rank
		Dropout float64  `json:"dropout"`
	} `json:"lora_parameters"`
}

// readMLX brings such a directory into PEFT's fields and orientation.
func readMLX(dir string) (*peftConfig, []stored, error) {
	var c mlxConfig
	if err := checkpoint.ReadJSON(dir, ConfigFile, &c); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, mlxWeights)
	if c.Kind != "" && c.Kind != "lora" && c.Kind != "dora" {
		return nil, nil, fmt.Errorf("%s is of MLX with fine_tune_type %q, only lora and dora are read: make a model of it with mlx_lm.fuse", path, c.Kind)
	}
	p := c.Parameters
	var scale float64
	switch {
	case p.Scale != nil:
		scale = *p.Scale
	case p.Alpha != nil && p.Rank > 0:
		scale = *p.Alpha / float64(p.Rank)
	default:
		return nil, nil, fmt.Errorf("%s is of MLX, and %s has no lora_parameters with rank and scale, which say how strong it is: "+
			"make a model of it with mlx_lm.fuse or mlx_vlm, or PEFT's form", path, ConfigFile)
	}
	out := &peftConfig{PeftType: "LORA", R: p.Rank, Alpha: scale * float64(p.Rank), Dropout: p.Dropout, Bias: "none", DoRA: c.Kind == "dora"}
	ckpt, err := checkpoint.OpenFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer ckpt.Close()
	var list []stored
	for _, key := range ckpt.Names() {
		s := stored{key: key}
		for ending, r := range map[string]role{".lora_a": roleA, ".lora_b": roleB, ".m": roleG} {
			if module, ok := strings.CutSuffix(key, ending); ok {
				s.module, s.role = strings.TrimSuffix(module, ".linear"), r
			}
		}
		if s.role == "" || s.role == roleG && c.Kind != "dora" {
			return nil, nil, fmt.Errorf("%s: %q is none of lora_a, lora_b and m, as MLX names them: make a model of it with mlx_lm.fuse or mlx_vlm", path, key)
		}
		s.lookup = strings.HasSuffix(s.module, "embed_tokens") || strings.HasSuffix(s.module, "tok_embeddings")
		s.shape, _ = ckpt.Shape(key)
		if s.data, err = ckpt.Float32(key, s.shape); err != nil {
			return nil, nil, err
		}
		s.transpose()
		list = append(list, s)
	}
	return out, list, nil
}

// isDirectory says what a path that is none may be.
func isDirectory(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.IsDir():
		return err
	case strings.HasSuffix(path, ".gguf"):
		return fmt.Errorf("%s: a LoRA of llama.cpp is not read: name the PEFT directory that convert_lora_to_gguf.py made it of", path)
	}
	return fmt.Errorf("%s is a file, want the directory that holds it with %s", path, ConfigFile)
}

// noWeights is why a directory's weights are not there.
func noWeights(dir string, err error) error {
	found, _ := filepath.Glob(filepath.Join(dir, "*.gguf"))
	if len(found) > 0 {
		return fmt.Errorf("%w; %s is a LoRA of llama.cpp, which is not read: name the PEFT directory that convert_lora_to_gguf.py made it of", err, slices.Min(found))
	}
	return err
}
