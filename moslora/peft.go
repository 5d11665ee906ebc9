package moslora

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	PeftType     string             `json:"peft_type"`
	TaskType     string             `json:"task_type"`
	Base         string             `json:"base_model_name_or_path"`
	Inference    bool               `json:"inference_mode"`
	R            int                `json:"r"`
	Alpha        float64            `json:"lora_alpha"`
	Dropout      float64            `json:"lora_dropout"`
	Bias         string             `json:"bias"`
	FanInFanOut  bool               `json:"fan_in_fan_out"`
	InitWeights  bool               `json:"init_lora_weights"`
	RSLoRA       bool               `json:"use_rslora"`
	DoRA         bool               `json:"use_dora"`
	Targets      []string           `json:"target_modules"`
	Save         []string           `json:"modules_to_save,omitempty"`
	RankPattern  map[string]int     `json:"rank_pattern"`
	AlphaPattern map[string]float64 `json:"alpha_pattern"`
	UseMixer     bool               `json:"lora_use_mixer"`

	Mixer          Mixer              `json:"mixer"`
	MixerPattern   map[string]Mixer   `json:"mixer_pattern,omitempty"`
	DropoutPattern map[string]float64 `json:"dropout_pattern,omitempty"`
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
// adapters must agree on rank-stabilised scaling, which PEFT keeps once for a directory.
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
		if opt.Fold {
			add(a.Module, suffixA, a.mixed(), a.A.Shape)
		} else {
			add(a.Module, suffixA, a.A.Floats(), a.A.Shape)
			if a.M != nil { // a fixed one, too: readers that know no fixed mixers need it
				add(a.Module, suffixM, a.M.Floats(), a.M.Shape)
			}
		}
		add(a.Module, suffixB, a.B.Floats(), a.B.Shape)
	}
	for _, p := range opt.Whole {
		add(p.Name, "", p.Floats(), p.Shape)
	}
	if err := safetensors.Write(dir+"/"+WeightsFile, tensors, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	return checkpoint.WriteJSON(dir, ConfigFile, cfg)
}

// peftConfig describes the set: the most common settings once, the others by module.
func (s *Set) peftConfig(opt SaveOptions) (*peftConfig, error) {
	if len(s.list) == 0 {
		return nil, errors.New("moslora: there are no adapters to save")
	}
	common := s.list[len(s.list)-1].Config
	c := &peftConfig{PeftType: "LORA", TaskType: "CAUSAL_LM", Base: opt.Base, R: common.R, Alpha: common.Alpha,
		Dropout: common.Dropout, Bias: "none", InitWeights: true, RSLoRA: common.RSLoRA, Save: opt.Modules, Mixer: common.Mixer,
		RankPattern: map[string]int{}, AlphaPattern: map[string]float64{},
		MixerPattern: map[string]Mixer{}, DropoutPattern: map[string]float64{}}
	for _, a := range s.list {
		name, ac := opt.name(a.Module), a.Config
		if opt.Fold {
			ac.Mixer = None
		}
		if ac.RSLoRA != common.RSLoRA {
			return nil, fmt.Errorf("moslora: %s has rslora %v, %s has %v: an adapter directory holds it once",
				a.Module, ac.RSLoRA, s.list[len(s.list)-1].Module, common.RSLoRA)
		}
		c.Targets = append(c.Targets, name)
		c.UseMixer = c.UseMixer || ac.Mixer != None
		if ac.R != c.R {
			c.RankPattern[name] = ac.R
		}
		if ac.Alpha != c.Alpha {
			c.AlphaPattern[name] = ac.Alpha
		}
		if ac.Dropout != c.Dropout {
			c.DropoutPattern[name] = ac.Dropout
		}
		if ac.Mixer != c.Mixer && !opt.Fold {
			c.MixerPattern[name] = ac.Mixer
		}
	}
	if opt.Fold {
		c.Mixer = None
	}
	slices.Sort(c.Targets)
	return c, nil
}

// Saved is an adapter directory that has been read: what Attach needs, and the parameters that are
// stored entire.
type Saved struct {
	configs map[string]Config // by module
	tensors map[string]tensor // by the name a parameter has in the program
	dir     string
}

type tensor struct {
	data  []float32
	shape []int
}

// Load reads an adapter directory. name turns a module path or parameter name in the file into the program's.
func Load(dir string, name func(string) string) (*Saved, error) {
	raw := json.RawMessage{}
	if err := checkpoint.ReadJSON(dir, ConfigFile, &raw); err != nil {
		return nil, err
	}
	var c peftConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("%s/%s: %w", dir, ConfigFile, err)
	}
	if err := c.supported(); err != nil {
		return nil, fmt.Errorf("%s/%s: %w", dir, ConfigFile, err)
	}
	ckpt, err := checkpoint.OpenFile(dir + "/" + WeightsFile)
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	s := &Saved{configs: map[string]Config{}, tensors: map[string]tensor{}, dir: dir}
	mixers := map[string]bool{}
	stored := map[string]string{} // module in the program: module in the file
	for _, key := range ckpt.Names() {
		shape, _ := ckpt.Shape(key)
		data, err := ckpt.Float32(key, shape)
		if err != nil {
			return nil, err
		}
		path, ok := strings.CutPrefix(key, keyPrefix)
		if !ok {
			return nil, fmt.Errorf("%s/%s: key %q does not begin with %s", dir, WeightsFile, key, keyPrefix)
		}
		module, suffix := splitKey(path)
		program := name(module)
		if _, twice := s.tensors[program+suffix]; twice {
			return nil, fmt.Errorf("%s/%s: %s comes twice, the second time as %q", dir, WeightsFile, program+suffix, key)
		}
		s.tensors[program+suffix] = tensor{data, shape}
		if suffix != "" {
			stored[program] = module
		}
		mixers[program] = mixers[program] || suffix == suffixM
	}
	var errs []error
	for _, program := range slices.Sorted(maps.Keys(stored)) {
		cfg, err := c.of(stored[program], mixers[program])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", program, err))
		}
		s.configs[program] = cfg
	}
	return s, errors.Join(errs...)
}

// splitKey cuts a key into the module and one of the three suffixes; a parameter stored entire has none.
func splitKey(path string) (module, suffix string) {
	for _, suffix := range []string{suffixA, suffixM, suffixB} {
		if m, ok := strings.CutSuffix(path, suffix); ok {
			return m, suffix
		}
	}
	return path, ""
}

// supported refuses what would change the numbers and is not read.
func (c *peftConfig) supported() error {
	switch {
	case c.PeftType != "LORA":
		return fmt.Errorf("peft_type is %q, only LORA is read", c.PeftType)
	case c.DoRA:
		return errors.New("use_dora is true, which is not read")
	case c.Bias != "" && c.Bias != "none":
		return fmt.Errorf("bias is %q, only none is read", c.Bias)
	case c.FanInFanOut:
		return errors.New("fan_in_fan_out is true, which is not read")
	}
	return nil
}

// of is the configuration of one module, under its name in the file.
func (c *peftConfig) of(module string, hasMixer bool) (Config, error) {
	out := Config{R: c.R, Alpha: c.Alpha, Dropout: c.Dropout, RSLoRA: c.RSLoRA, Mixer: c.Mixer}
	var err error
	if out.R, err = pattern(c.RankPattern, module, c.R); err != nil {
		return out, err
	}
	if out.Alpha, err = pattern(c.AlphaPattern, module, c.Alpha); err != nil {
		return out, err
	}
	if out.Dropout, err = pattern(c.DropoutPattern, module, c.Dropout); err != nil {
		return out, err
	}
	if out.Mixer, err = pattern(c.MixerPattern, module, c.Mixer); err != nil {
		return out, err
	}
	if out.Mixer == "two" {
		out.Mixer = Butterfly
	}
	switch {
	case hasMixer && !c.UseMixer:
		return out, fmt.Errorf("there is a %s and lora_use_mixer is false", suffixM[1:])
	case hasMixer && (out.Mixer == "" || out.Mixer == None):
		out.Mixer = Kaiming // how it started is not known, nor needed
	case !hasMixer && c.UseMixer && out.Mixer != Butterfly && out.Mixer != None:
		return out, fmt.Errorf("lora_use_mixer is true and there is no %s", suffixM[1:])
	case !hasMixer && (out.Mixer != Butterfly || !c.UseMixer):
		out.Mixer = None
	}
	return out, out.Validate()
}

// Modules are the modules that have an adapter, sorted.
func (s *Saved) Modules() []string { return slices.Sorted(maps.Keys(s.configs)) }

// AttachSaved hangs the adapters of a directory on the linears they belong to and replaces the
// parameters of ps that are stored entire. A tensor for which there is no place is an error.
func (s *Set) AttachSaved(ps *nn.Params, saved *Saved) error {
	used := map[string]bool{}
	src := nn.From(reader(func(name string, shape []int) ([]float32, error) {
		t, ok := saved.tensors[name]
		if !ok {
			return nil, fmt.Errorf("%s: there is no %s", saved.dir, name)
		}
		if !slices.Equal(t.shape, shape) {
			return nil, fmt.Errorf("%s: %s has shape %v, want %v", saved.dir, name, t.shape, shape)
		}
		used[name] = true
		return slices.Clone(t.data), nil
	}))
	var errs []error
	for l := range ps.Linears() {
		if cfg, ok := saved.configs[l.Name]; ok {
			if err := s.attach(l, cfg, src); err != nil {
				errs = append(errs, err)
			}
			if err := saved.checkButterfly(l.Name, cfg, used); err != nil {
				errs = append(errs, err)
			}
		}
	}
	for name, t := range saved.tensors {
		p := ps.Get(name)
		if used[name] || p == nil {
			continue
		}
		used[name] = true
		if err := p.Set(t.data, t.shape); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", saved.dir, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(saved.tensors)) {
		if !used[name] {
			errs = append(errs, fmt.Errorf("%s: the model has no place for %s", saved.dir, name))
		}
	}
	return errors.Join(errs...)
}

// checkButterfly makes sure that a fixed mixer that a file holds is the fixed mixer.
func (s *Saved) checkButterfly(module string, cfg Config, used map[string]bool) error {
	t, ok := s.tensors[module+suffixM]
	if !ok || cfg.Mixer != Butterfly {
		return nil
	}
	used[module+suffixM] = true
	want := make([]float32, cfg.R*cfg.R)
	butterfly(nil, []int{cfg.R, cfg.R}, want)
	if !slices.Equal(t.data, want) {
		return fmt.Errorf("%s: %s is called a fixed butterfly and is not [[I,I],[I,I]]", s.dir, module+suffixM)
	}
	return nil
}

type reader func(name string, shape []int) ([]float32, error)

func (r reader) Float32(name string, shape []int) ([]float32, error) { return r(name, shape) }

// pattern looks a module up as PEFT does: keys are regular expressions for the end of its path.
func pattern[T any](patterns map[string]T, module string, otherwise T) (T, error) {
	if v, ok := patterns[module]; ok {
		return v, nil
	}
	for _, key := range slices.Sorted(maps.Keys(patterns)) {
		re, err := patternExpr(key)
		if err != nil {
			return otherwise, err
		}
		if re.MatchString(module) {
			return patterns[key], nil
		}
	}
	return otherwise, nil
}
