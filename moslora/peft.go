package moslora

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
	"moslava/internal/safetensors"
)

// Files of an adapter directory, as PEFT names them.
const (
	ConfigFile  = "adapter_config.json"
	WeightsFile = "adapter_model.safetensors"
)

// keyPrefix is what PEFT puts before every module path.
const keyPrefix = "base_model.model."

// peftConfig is adapter_config.json: PEFT's fields (0.21), lora_use_mixer of the MoSLoRA authors'
// fork, and ours for what those cannot say.
type peftConfig struct {
	PeftType     string            `json:"peft_type"`
	TaskType     string            `json:"task_type"`
	Base         string            `json:"base_model_name_or_path"`
	Inference    bool              `json:"inference_mode"`
	R            int               `json:"r"`
	Alpha        float64           `json:"lora_alpha"`
	Dropout      float64           `json:"lora_dropout"`
	Bias         string            `json:"bias"`
	FanInFanOut  bool              `json:"fan_in_fan_out"`
	InitWeights  any               `json:"init_lora_weights"` // a boolean, or the name of a method
	RSLoRA       bool              `json:"use_rslora"`
	DoRA         bool              `json:"use_dora"`
	Targets      targets           `json:"target_modules"`
	Save         []string          `json:"modules_to_save,omitempty"`
	Tokens       tokenIndices      `json:"trainable_token_indices,omitzero"`
	Tied         bool              `json:"ensure_weight_tying,omitempty"`
	LoRABias     bool              `json:"lora_bias,omitempty"`
	RankPattern  Patterns[int]     `json:"rank_pattern"`
	AlphaPattern Patterns[float64] `json:"alpha_pattern"`
	UseMixer     bool              `json:"lora_use_mixer"`

	Mixer          Mixer             `json:"mixer"`
	MixerPattern   Patterns[Mixer]   `json:"mixer_pattern,omitzero"`
	DropoutPattern Patterns[float64] `json:"dropout_pattern,omitzero"`
	FreezeA        bool              `json:"freeze_a,omitempty"`
	FreezePattern  Patterns[bool]    `json:"freeze_a_pattern,omitzero"`
	PiSSA          bool              `json:"pissa_start,omitempty"` // the second half of every A and B is where the first started, B's negative
	PiSSAPattern   Patterns[bool]    `json:"pissa_start_pattern,omitzero"`

	mixerModules Patterns[bool] // which modules have a mixer, if the file says so
}

// SaveOptions say how an adapter directory is written.
type SaveOptions struct {
	Name func(module string) string // of a module in the file; nil keeps names
	Base string                     // base_model_name_or_path
	// Whole are parameters stored entire beside the adapters, such as the projector's, and Modules
	// the modules they belong to (PEFT's modules_to_save).
	Whole   []*nn.Param
	Modules []string
	// Fold multiplies the mixer into A: a plain LoRA adapter with the same effect.
	Fold bool
}

func (o SaveOptions) name(module string) string {
	if o.Name == nil {
		return module
	}
	return o.Name(module)
}

// Save writes the adapters as a PEFT directory: lora_A, lora_AB (the mixer) and lora_B. All
// adapters must agree on DoRA, which PEFT keeps once for a directory. Folded, DoRA stays DoRA.
func (s *Set) Save(dir string, opt SaveOptions) error {
	cfg, err := s.peftConfig(opt)
	if err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	add := func(module, suffix string, data []float32, shape []int) {
		tensors = append(tensors, safetensors.Tensor{Name: keyPrefix + opt.name(module) + suffix, Shape: shape, Data: data})
	}
	for _, a := range s.list {
		if a.start != nil {
			A, B := a.doubled()
			r, in, out := a.Config.R, a.A.Shape[1], a.B.Shape[0]
			add(a.Module, suffixA, A, []int{2 * r, in})
			add(a.Module, suffixB, B, []int{out, 2 * r})
			continue
		}
		atA, atB := suffixA, suffixB
		if a.Lookup {
			atA, atB = suffixEmbedA, suffixEmbedB
		}
		if opt.Fold || a.C != nil {
			add(a.Module, atA, a.mixed(), a.A.Shape)
		} else {
			add(a.Module, atA, a.A.Floats(), a.A.Shape)
			if a.M != nil { // a fixed one, too: readers that know no fixed mixers need it
				add(a.Module, suffixM, a.M.Floats(), a.M.Shape)
			}
		}
		add(a.Module, atB, a.B.Floats(), a.B.Shape)
		if a.Bias != nil {
			add(a.Module, suffixV, a.Bias.Floats(), a.Bias.Shape)
		}
		if a.Mag != nil {
			add(a.Module, suffixG, a.Mag.Floats(), a.Mag.Shape)
		}
	}
	for _, p := range opt.Whole {
		tensors = append(tensors, safetensors.Tensor{Name: keyPrefix + p.Name, Shape: p.Shape, Data: p.Floats()})
	}
	for _, r := range s.rows {
		add(r.module, suffixT, r.rows.Weight.Floats(), r.rows.Weight.Shape)
	}
	if err := safetensors.Write(dir+"/"+WeightsFile, tensors, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	return checkpoint.WriteJSON(dir, ConfigFile, cfg)
}

// onDisk is the adapter's configuration as a directory has it.
func (a *Adapter) onDisk() Config {
	c := a.Config
	if a.start != nil {
		c.Alpha *= c.denominator(2*c.R) / c.denominator(c.R)
		c.R *= 2
	}
	return c
}

// peftConfig describes the set: the most common settings once, the others by module.
func (s *Set) peftConfig(opt SaveOptions) (*peftConfig, error) {
	if len(s.list) == 0 {
		return nil, errors.New("moslora: there are no adapters to save")
	}
	common := s.list[len(s.list)-1].onDisk()
	c := &peftConfig{PeftType: "LORA", TaskType: "CAUSAL_LM", Base: opt.Base, R: common.R, Alpha: common.Alpha,
		Dropout: common.Dropout, Bias: "none", InitWeights: true, RSLoRA: common.RSLoRA, DoRA: common.DoRA, Save: opt.Modules, Mixer: common.Mixer,
		FreezeA: common.FreezeA, PiSSA: common.Start == PiSSA, Tied: s.tied}
	for _, r := range s.rows {
		if c.Tokens.byModule == nil {
			c.Tokens.byModule = map[string][]int32{}
		}
		c.Tokens.byModule[opt.name(r.module)] = r.rows.IDs
	}
	for _, name := range s.saved {
		if strings.HasSuffix(name, ".bias") {
			c.Bias = "all"
		}
	}
	for _, a := range s.list {
		name, ac := opt.name(a.Module), a.onDisk()
		if pissa := ac.Start == PiSSA; pissa != c.PiSSA {
			c.PiSSAPattern.set(name, pissa)
		}
		if opt.Fold {
			ac.Mixer = None
		}
		if ac.RSLoRA != common.RSLoRA { // PEFT has one kind of scaling in a directory: another alpha gives the same scale
			ac.Alpha *= common.denominator(ac.R) / ac.denominator(ac.R)
		}
		if ac.DoRA != common.DoRA {
			return nil, fmt.Errorf("moslora: %s has dora %v, %s has %v: an adapter directory holds it once",
				a.Module, ac.DoRA, s.list[len(s.list)-1].Module, common.DoRA)
		}
		c.Targets = append(c.Targets, name)
		c.LoRABias = c.LoRABias || a.Bias != nil
		c.UseMixer = c.UseMixer || ac.Mixer != None
		if ac.R != c.R {
			c.RankPattern.set(name, ac.R)
		}
		if ac.Alpha != c.Alpha {
			c.AlphaPattern.set(name, ac.Alpha)
		}
		if ac.Dropout != c.Dropout {
			c.DropoutPattern.set(name, ac.Dropout)
		}
		if ac.FreezeA != c.FreezeA {
			c.FreezePattern.set(name, ac.FreezeA)
		}
		if ac.Mixer != c.Mixer && !opt.Fold {
			c.MixerPattern.set(name, ac.Mixer)
		}
	}
	if opt.Fold {
		c.Mixer = None
	}
	slices.Sort(c.Targets)
	return c, nil
}
