package moslora

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"moslava/internal/nn"
)

// Saved is an adapter directory that has been read: what AttachSaved needs, and the parameters that
// are stored entire.
type Saved struct {
	configs map[string]Config // by module
	tensors map[string]tensor // by the name a parameter has in the program
	dir     string
	base    string             // base_model_name_or_path
	save    []string           // modules_to_save
	lookup  map[string]bool    // modules that are embeddings
	tokens  map[string][]int32 // whose rows are trained, by module
	below   map[string]bool    // parameters stored entire that belong to the base: they are not trained
	tied    bool               // ensure_weight_tying
}

func newSaved() *Saved {
	return &Saved{configs: map[string]Config{}, tensors: map[string]tensor{}, lookup: map[string]bool{}, tokens: map[string][]int32{}, below: map[string]bool{}}
}

type tensor struct {
	data  []float32
	shape []int
}

// Load reads an adapter directory in any of the layouts that layouts.go lists. name turns a module path or parameter name in the
// file into the program's.
func Load(dir string, name func(string) string) (*Saved, error) {
	configFile, weightsFile, err := Files(dir)
	if err == nil {
		err = isDirectory(dir)
	}
	if err != nil {
		return nil, err
	}
	path := dir + "/" + weightsFile
	c, list, err := readFiles(dir, configFile, weightsFile)
	if err != nil {
		return nil, noWeights(dir, err)
	}
	if err := twice(list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := newSaved()
	s.dir, s.base, s.save, s.tied = dir, c.Base, c.Save, c.Tied
	modules := sortedModules(list)
	if err := errors.Join(c.RankPattern.try(modules), c.AlphaPattern.try(modules)); err != nil {
		return nil, fmt.Errorf("%s/%s: %w", dir, configFile, err)
	}
	mixers, biases := map[string]bool{}, map[string]bool{}
	var whole []string
	for _, t := range list {
		at := name(t.module) + suffixOf[t.role]
		if _, twice := s.tensors[at]; twice {
			return nil, fmt.Errorf("%s: %s comes twice, the second time as %q", path, at, t.key)
		}
		s.tensors[at] = t.tensor
		if t.role == "" {
			whole = append(whole, t.module)
		}
		mixers[t.module] = mixers[t.module] || t.role == roleM
		biases[t.module] = biases[t.module] || t.role == roleV
		s.lookup[name(t.module)] = s.lookup[name(t.module)] || t.lookup
		if t.role == "" && !t.base && !c.saves(t.module) { // a table of the base, as PEFT writes it after resizing
			s.below[at] = true
		}
		if t.base && (c.Bias == "none" || c.Bias == "" || !strings.HasSuffix(at, ".bias")) {
			s.below[at] = true
		}
	}
	var errs []error
	if err := s.readTokens(c, list, name); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", dir, err))
	}
	for _, module := range modules {
		cfg, err := c.of(module, mixers[module])
		if cfg.LoRABias = biases[module]; cfg.LoRABias && cfg.DoRA {
			err = errors.Join(err, errors.New("use_dora with lora_bias is not supported"))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", dir, name(module), err))
		}
		s.configs[name(module)] = cfg
	}
	for _, module := range c.Save {
		if !slices.ContainsFunc(whole, func(path string) bool { return strings.Contains("."+path, "."+module+".") }) {
			errs = append(errs, fmt.Errorf("%s: modules_to_save names %q and %s holds no tensor of it", dir, module, weightsFile))
		}
	}
	return s, errors.Join(errs...)
}

// saves reports whether a parameter is of a module in modules_to_save, which PEFT matches with the ends of paths
// ("norm" is every layernorm, too), or a bias, which another field tells of.
func (c *peftConfig) saves(param string) bool {
	if strings.HasSuffix(param, ".bias") {
		return true
	}
	for i := range param {
		ends := func(module string) bool { return strings.HasSuffix(param[:i], module) }
		if param[i] == '.' && slices.ContainsFunc(c.Save, ends) {
			return true
		}
	}
	return false
}

// readFiles reads configuration and tensors, in torch's orientation.
func readFiles(dir, configFile, weightsFile string) (*peftConfig, []stored, error) {
	if weightsFile == mlxWeights {
		return readMLX(dir)
	}
	c, err := config(dir, configFile)
	if err != nil {
		return nil, nil, err
	}
	path, paddle := dir+"/"+weightsFile, configFile == paddleConfig
	list, err := readAll(path, paddle)
	if err == nil {
		if err = orient(list, paddle, c.moduleRank); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	return c, list, err
}

// parseConfig reads adapter_config.json and refuses what would not have its effect.
func parseConfig(raw []byte) (*peftConfig, error) { return parseConfigOf(raw, false) }

func parseConfigOf(raw []byte, paddle bool) (*peftConfig, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	var c peftConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	if err := c.translate(raw, paddle); err != nil {
		return nil, err
	}
	return &c, c.supported(all)
}

// unread are fields of PEFT that change the numbers when they are set, and are not read.
var unread = []string{"fan_in_fan_out", "layer_replication", "alora_invocation_tokens", "target_parameters", "use_qalora", "use_bdlora", "kasa_config", "velora_config",
	"arrow_config", "monteclora_config", "enable_lora", "use_mora", "pissa", "do_qat", "trainable_bias"}

// supported refuses what would change the numbers and is not read.
func (c *peftConfig) supported(all map[string]json.RawMessage) error {
	if c.PeftType != "LORA" {
		return fmt.Errorf("peft_type is %q, only LORA and MOSLORA are read", c.PeftType)
	}
	var errs []error
	for _, field := range unread {
		switch v := strings.Join(strings.Fields(string(all[field])), ""); v {
		case "", "null", "false", "{}", "[]", `""`:
		default:
			errs = append(errs, fmt.Errorf("%s is %.60s, which is not read", field, v))
		}
	}
	if err := (Beside{Bias: c.Bias}).faults().err(); err != nil {
		errs = append(errs, err)
	}
	switch c.InitWeights {
	case nil, true, false, "gaussian", "orthogonal", "eva": // others change the base model's weights
	default:
		errs = append(errs, fmt.Errorf("init_lora_weights is %v: such an adapter belongs to changed weights of its base, which are not read", c.InitWeights))
	}
	return errors.Join(errs...)
}

// of is the configuration of one module, under its name in the file.
func (c *peftConfig) of(module string, hasMixer bool) (Config, error) {
	out := Config{
		R:       c.RankPattern.get(module, c.R),
		Alpha:   c.AlphaPattern.get(module, c.Alpha),
		Dropout: c.DropoutPattern.get(module, c.Dropout),
		Mixer:   c.MixerPattern.get(module, c.Mixer),
		RSLoRA:  c.RSLoRA,
		DoRA:    c.DoRA,
		FreezeA: c.FreezePattern.get(module, c.FreezeA),
	}
	if c.PiSSAPattern.get(module, c.PiSSA) { // on disk of twice the rank
		double := out
		if out.Start, out.Mixer, out.R = PiSSA, None, out.R/2; hasMixer || 2*out.R != double.R {
			return out, fmt.Errorf("pissa is true, and its rank is %d, with a mixer %v: want an even rank and none", double.R, hasMixer)
		}
		out.Alpha *= out.denominator(out.R) / double.denominator(double.R)
		return out, out.Validate()
	}
	if out.Mixer == "two" { // as the authors' code calls it
		out.Mixer = Butterfly
	}
	uses := c.mixerModules.get(module, c.UseMixer)
	switch {
	case hasMixer && !uses:
		return out, fmt.Errorf("there is a %s and lora_use_mixer is false", suffixM[1:])
	case hasMixer && (out.Mixer == "" || out.Mixer == None):
		out.Mixer = Kaiming // how it started is not known, nor needed
	case !hasMixer && uses && out.Mixer != Butterfly && out.Mixer != FixedOrthogonal && out.Mixer != None:
		return out, fmt.Errorf("lora_use_mixer is true and there is no %s", suffixM[1:])
	case !hasMixer && uses && out.Mixer == FixedOrthogonal:
		return out, fmt.Errorf("the mixer is a fixed orthogonal matrix and there is no %s", suffixM[1:])
	case !hasMixer && (out.Mixer != Butterfly || !uses):
		out.Mixer = None
	}
	return out, out.Validate()
}

// Modules are the modules that have an adapter, sorted.
func (s *Saved) Modules() []string { return slices.Sorted(maps.Keys(s.configs)) }

// AttachSaved hangs the adapters of a directory on the linears they belong to and replaces the
// parameters of ps that are stored entire. A tensor for which there is no place is an error; after
// an error the model is as it was.
func (s *Set) AttachSaved(ps *nn.Params, saved *Saved) error { return s.AttachAll(ps, []*Saved{saved}) }

// AttachAll is AttachSaved of several directories and of parameters from elsewhere, all or none of them.
func (s *Set) AttachAll(ps *nn.Params, parts []*Saved, whole ...*nn.Param) error {
	saved := newSaved()
	var dirs []string
	for _, p := range parts {
		maps.Copy(saved.configs, p.configs)
		maps.Copy(saved.tensors, p.tensors)
		maps.Copy(saved.tokens, p.tokens)
		maps.Copy(saved.below, p.below)
		maps.Copy(saved.lookup, p.lookup)
		saved.tied = saved.tied || p.tied
		dirs = append(dirs, p.dir)
	}
	for _, p := range whole {
		saved.tensors[p.Name] = tensor{p.Floats(), p.Shape}
	}
	saved.dir = strings.Join(dirs, ", ")
	return s.attachSaved(ps, saved)
}

// checkFixed makes sure that a fixed mixer that a file holds is the fixed mixer that the configuration names.
func (s *Saved) checkFixed(a *Adapter) error {
	t, ok := s.tensors[a.Module+suffixM]
	switch {
	case !ok:
		return nil
	case a.Config.Mixer == Butterfly && (!slices.Equal(t.shape, a.M.Shape) || !slices.Equal(t.data, a.M.Floats())):
		return fmt.Errorf("%s: %s is called a fixed butterfly and is not [[I,I],[I,I]]", s.dir, a.Module+suffixM)
	case a.Config.Mixer == FixedOrthogonal:
		if d := fromOrthogonal(t.data, a.Config.R); !(d <= 1e-3) {
			return fmt.Errorf("%s: %s is called a fixed orthogonal mixer, and M·Mᵀ differs from I by %.3g", s.dir, a.Module+suffixM, d)
		}
	}
	return nil
}

// savedSource is a directory as a source of parameters.
type savedSource func(name string, shape []int) ([]float32, error)

func (s savedSource) Tensor(name string, shape []int, _ nn.Init) ([]float32, error) {
	return s(name, shape)
}
