package moslora

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/nn"
	"moslava/internal/safetensors"
)

func same(name string) string { return name }

// saved writes the adapters of a stack, stirred, and returns the directory and what the stack gives.
func saved(t *testing.T, mixer Mixer, opt SaveOptions) (dir string, want []float32) {
	t.Helper()
	m, ps := build(t)
	s := attach(t, ps, Config{R: 4, Alpha: 3, Mixer: mixer, Targets: []string{"q_proj", "fc"}}, nn.Random(1))
	stir(s)
	dir = t.TempDir()
	if err := s.Save(dir, opt); err != nil {
		t.Fatal(err)
	}
	return dir, m.forward(nil, input(7, 10, 1)).Floats()
}

func load(t *testing.T, dir string, name func(string) string) (*stack, *Set, error) {
	t.Helper()
	m, ps := build(t)
	read, err := Load(dir, name)
	if err != nil {
		return m, nil, err
	}
	s := new(Set)
	return m, s, s.AttachSaved(ps, read)
}

func TestSaveAndLoadKeepEveryBit(t *testing.T) {
	for _, c := range methods(Config{R: 4, Alpha: 3, Targets: []string{"q_proj", "fc"}}) {
		before, ps := build(t)
		written := attach(t, ps, c, nn.Random(1))
		stir(written)
		dir := t.TempDir()
		if err := written.Save(dir, SaveOptions{Base: "b"}); err != nil {
			t.Fatal(err)
		}
		want := before.forward(nil, input(7, 10, 1)).Floats()
		mixer := c.Mixer
		if c.Start == MoSLoRAInit {
			mixer = None
		}
		m, s, err := load(t, dir, same)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.forward(nil, input(7, 10, 1)).Floats(); !slices.Equal(got, want) {
			t.Errorf("%s: read back it computes something else", mixer)
		}
		for a := range s.All() {
			if a.Config.Mixer != mixer || a.Config.R != 4 || a.Config.Alpha != 3 || a.Config.DoRA != c.DoRA || a.Config.FreezeA != c.FreezeA {
				t.Errorf("%s: read back as %+v", mixer, a.Config)
			}
		}
	}
}

// Adapters that differ by module come back as they were, with names of which one ends in another.
func TestDifferentAdaptersInOneDirectory(t *testing.T) {
	m, ps := build(t)
	s := new(Set)
	for i, c := range []Config{
		{R: 2, Alpha: 4, Mixer: Orthogonal, Targets: []string{"tower.layers.0.fc"}},
		{R: 3, Alpha: 5, Mixer: None, Dropout: 0.25, Targets: []string{"tower.layers.0.attn.q_proj"}},
		{R: 6, Alpha: 7, Mixer: Butterfly, Targets: []string{"proj"}},
		{R: 4, Alpha: 8, Mixer: Identity, Targets: []string{"tower.layers.1.fc", "tower.layers.1.attn.q_proj"}},
	} {
		if err := s.Attach(ps, everywhere, c, nn.Random(uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	stir(s)
	x := input(7, 10, 1)
	want := m.forward(nil, x).Floats()
	dir := t.TempDir()
	rename := func(name string) string { // "proj" becomes the end of others
		return strings.ReplaceAll(name, "tower.layers.0.fc", "deep.proj")
	}
	if err := s.Save(dir, SaveOptions{Name: rename}); err != nil {
		t.Fatal(err)
	}
	back, s2, err := load(t, dir, func(name string) string { return strings.ReplaceAll(name, "deep.proj", "tower.layers.0.fc") })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.forward(nil, x).Floats(), want) {
		t.Error("read back it computes something else")
	}
	configs := map[string]Config{}
	for a := range s.All() {
		configs[a.Module] = a.Config
	}
	for a := range s2.All() {
		c := configs[a.Module]
		if c.Targets = nil; a.Config.R != c.R || a.Config.Alpha != c.Alpha || a.Config.Mixer != c.Mixer || a.Config.Dropout != c.Dropout {
			t.Errorf("%s is read back as %+v, was %+v", a.Module, a.Config, c)
		}
	}
}

func TestNamesAreReadUnderBothForms(t *testing.T) {
	memory := func(n string) string { return strings.Replace(n, "tower.", "model.inner_tower.", 1) }
	published := func(n string) string { return strings.Replace(n, "model.inner_tower.", "tower.", 1) }
	for _, opt := range []SaveOptions{{}, {Name: memory}} {
		dir, want := saved(t, Kaiming, opt)
		m, s, err := load(t, dir, published)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.forward(nil, input(7, 10, 1)).Floats(); !slices.Equal(got, want) || s.Len() != 4 {
			t.Error("under other names it computes something else")
		}
	}
}

// edit changes the configuration or the tensors of a directory.
func edit(t *testing.T, dir string, config func(map[string]any), weights func(map[string]safetensors.Tensor)) {
	t.Helper()
	path := filepath.Join(dir, ConfigFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if config != nil {
		config(all)
	}
	if raw, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if weights == nil {
		return
	}
	path = filepath.Join(dir, WeightsFile)
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]safetensors.Tensor{}
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		data, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		tensors[name] = safetensors.Tensor{Name: name, Shape: info.Shape, Data: data}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	weights(tensors)
	var list []safetensors.Tensor
	for name, x := range tensors {
		x.Name = name
		list = append(list, x)
	}
	if err := safetensors.Write(path, list, nil); err != nil {
		t.Fatal(err)
	}
}

func TestLoadErrors(t *testing.T) {
	const first = keyPrefix + "tower.layers.0.fc"

	set := func(field string, value any) func(map[string]any) {
		return func(c map[string]any) { c[field] = value }
	}
	for _, c := range []struct {
		name    string
		mixer   Mixer
		config  func(map[string]any)
		weights func(tensors)
		want    string
	}{
		{"peft_type", None, set("peft_type", "IA3"), nil, `adapter_config.json: peft_type is "IA3", only LORA and MOSLORA are read`},
		{"no peft_type", None, func(c map[string]any) { delete(c, "peft_type") }, nil, `peft_type is ""`},
		{"dora", None, set("use_dora", true), nil, "there is no tower.layers.0.fc.lora_magnitude_vector"},
		{"fan in", None, set("fan_in_fan_out", true), nil, "fan_in_fan_out is true"},
		{"bias", None, set("bias", "some"), nil, `bias is "some"; known are none, all and lora_only`},
		{"lora_bias with dora", None, set("use_dora", true), func(w tensors) { w[first+suffixV] = w[first+suffixB] }, "use_dora with lora_bias"},
		{"rows without ids", None, nil, func(w tensors) { w[keyPrefix+"tower.embed"+suffixT] = w[first+suffixB] }, "trainable_token_indices has 0 ids for it"},
		{"ids without rows", None, set("trainable_token_indices", []int{3}), nil, "holds no trainable_tokens_delta"},
		{"ids twice", None, set("trainable_token_indices", []int{3, 3}), func(w tensors) { w[keyPrefix+"tower.embed"+suffixT] = w[first+suffixB] }, "has 3: want each id once"},
		{"two names", None, nil, func(w tensors) {
			w[first+".lora_A.one.weight"], w[first+".lora_B.two.weight"] = w[first+suffixA], w[first+suffixB]
			delete(w, first+suffixA)
			delete(w, first+suffixB)
		}, `adapters of two names, "one" and "two"`},
		{"replication", None, set("layer_replication", [][]int{{0, 2}}), nil, "layer_replication is [[0,2]], which is not read"},
		{"activated", None, set("alora_invocation_tokens", []int{7}), nil, "alora_invocation_tokens is [7]"},
		{"pissa", None, set("init_lora_weights", "pissa"), nil, "init_lora_weights is pissa"},
		{"targets", None, set("target_modules", 7), nil, "target_modules is neither a string nor a list"},
		{"pattern", None, set("rank_pattern", map[string]any{"(": 3}), nil, `pattern "("`},
		{"pattern value", None, set("rank_pattern", map[string]any{"fc": "x"}), nil, `pattern "fc"`},
		{"pattern kind", None, set("alpha_pattern", []int{1}), nil, "want an object"},
		{"rank", None, set("r", 3), nil, "tower.layers.0.fc.lora_A.weight has shape [4 14], want [3 14]"},
		{"huge rank", Butterfly, set("r", 1<<13), nil, "want [8192 14]"},
		{"beyond any rank", None, set("r", 1<<40), nil, "r is 1099511627776, want 1 to 16384"},
		{"mixer without use", Kaiming, set("lora_use_mixer", false), nil, "tower.layers.0.fc: there is a lora_AB.weight and lora_use_mixer is false"},
		{"use without mixer", Kaiming, nil, func(w tensors) { delete(w, first+suffixM) }, "tower.layers.0.fc: lora_use_mixer is true and there is no lora_AB.weight"},
		{"no B", Kaiming, nil, func(w tensors) { delete(w, first+suffixB) }, "there is no tower.layers.0.fc.lora_B.weight"},
		{"no A", None, nil, func(w tensors) { delete(w, first+suffixA) }, "there is no tower.layers.0.fc.lora_A.weight"},
		{"no place", None, nil, func(w tensors) { w[keyPrefix+"tower.layers.7.fc"+suffixA] = w[first+suffixA] },
			"the model has no place for tower.layers.7.fc.lora_A.weight"},
		{"unknown tensor", None, nil, func(w tensors) { w[first+".lora_magnitude_vector"] = w[first+suffixA] },
			"no place for tower.layers.0.fc.lora_magnitude_vector"},
		{"misshapen", Kaiming, nil, func(w tensors) {
			x := w[first+suffixM]
			x.Shape = []int{2, 8}
			w[first+suffixM] = x
		}, "tower.layers.0.fc.lora_AB.weight has shape [2 8], want [4 4]"},
		{"misshapen whole", None, nil, func(w tensors) { w[keyPrefix+"proj.weight"] = w[first+suffixA] },
			"proj.weight has shape [4 14], want [10 10]"},
		{"not the butterfly", Butterfly, nil, func(w tensors) { w[first+suffixM].Data[1] = 3 }, "is not [[I,I],[I,I]]"},
		{"not orthogonal", FixedOrthogonal, nil, func(w tensors) { w[first+suffixM].Data[1] = 3 }, "is called a fixed orthogonal mixer, and M·Mᵀ differs from I by"},
		{"no fixed mixer", FixedOrthogonal, nil, func(w tensors) { delete(w, first+suffixM) }, "the mixer is a fixed orthogonal matrix and there is no lora_AB.weight"},
		{"prefix", None, nil, func(w tensors) { w["other.x"] = w[first+suffixA] }, `key "other.x" does not begin with base_model.model.`},
		{"saved module", None, set("modules_to_save", []string{"proj"}), nil, `modules_to_save names "proj" and adapter_model.safetensors holds no tensor of it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := saved(t, c.mixer, SaveOptions{})
			edit(t, dir, c.config, c.weights)
			m, _, err := load(t, dir, same)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if !strings.Contains(err.Error(), dir) {
				t.Errorf("the error does not name the directory: %v", err)
			}
			for _, l := range m.linears {
				if l.Adapter != nil {
					t.Errorf("%s has an adapter after the error", l.Name)
				}
			}
		})
	}
	if _, err := Load(t.TempDir(), same); err == nil || !strings.Contains(err.Error(), ConfigFile) {
		t.Errorf("an empty directory: %v", err)
	}
	dir, _ := saved(t, None, SaveOptions{})
	if _, _, err := load(t, dir, func(string) string { return "one" }); err == nil || !strings.Contains(err.Error(), "comes twice") {
		t.Errorf("two modules under one name: %v", err)
	}
}

func TestSaveErrors(t *testing.T) {
	if err := new(Set).Save(t.TempDir(), SaveOptions{}); err == nil || !strings.Contains(err.Error(), "no adapters") {
		t.Errorf("nothing to save: %v", err)
	}
	_, ps := build(t)
	s := attach(t, ps, Config{R: 2, Alpha: 2, Mixer: None, Targets: []string{"fc"}}, nn.Random(1))
	if err := s.Attach(ps, everywhere, Config{R: 2, Alpha: 2, Mixer: None, DoRA: true, Targets: []string{"proj"}}, nn.Random(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.TempDir(), SaveOptions{}); err == nil || !strings.Contains(err.Error(), "tower.layers.0.fc has dora false, proj has true") {
		t.Errorf("DoRA beside LoRA: %v", err)
	}
}

// PEFT keeps the kind of scaling once for a directory: adapters of the other kind get an alpha with the same effect.
func TestTwoKindsOfScaling(t *testing.T) {
	m, ps := build(t)
	s := attach(t, ps, Config{R: 6, Alpha: 5, Mixer: Kaiming, Targets: []string{"fc"}}, nn.Random(1))
	if err := s.Attach(ps, everywhere, Config{R: 3, Alpha: 2, Mixer: None, RSLoRA: true, Targets: []string{"proj", "q_proj"}}, nn.Random(1)); err != nil {
		t.Fatal(err)
	}
	stir(s)
	dir := t.TempDir()
	if err := s.Save(dir, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	back, s2, err := load(t, dir, same)
	if err != nil {
		t.Fatal(err)
	}
	x := input(7, 10, 1)
	near(t, "read back", back.forward(nil, x).Floats(), m.forward(nil, x).Floats(), 1e-6)
	for a := range s2.All() {
		if !a.Config.RSLoRA {
			t.Errorf("%s is read back as %+v", a.Module, a.Config)
		}
	}
}

// The first pattern of the file that matches counts, as in PEFT.
func TestPatternsKeepTheirOrder(t *testing.T) {
	var p Patterns[int]
	if err := json.Unmarshal([]byte(`{"q_proj": 1, "layers.1.q_proj": 2, "^model.k_proj": 3, "k_proj": 4, "layers\\.[02]\\..*": 5}`), &p); err != nil {
		t.Fatal(err)
	}
	for module, want := range map[string]int{"model.layers.1.q_proj": 1, "q_proj": 1, "model.k_proj": 3, "x.model.k_proj": 4,
		"xk_proj": 9, "layers.2.up": 5, "layers.1.up": 9, "a.q_proj.b": 9} {
		if got := p.get(module, 9); got != want {
			t.Errorf("%s has %d, want %d", module, got, want)
		}
	}
	var s Patterns[float64]
	for _, m := range []string{"proj", "a.b.proj", "b.proj"} {
		s.set(m, float64(len(m)))
	}
	text, err := json.Marshal(s)
	if err != nil || string(text) != `{"a.b.proj":8,"b.proj":6,"proj":4}` {
		t.Errorf("written as %s, %v", text, err)
	}
}

func FuzzConfig(f *testing.F) {
	for _, path := range []string{"list", "patterns", "rslora", "dora", "save-head"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "peft-"+path, ConfigFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"peft_type": "LORA", "rank_pattern": {"a": 1, "(?": 2}}`))
	f.Add([]byte(`{"peft_type": "LORA", "rank_pattern": {"a": `))
	f.Add([]byte(`{"peft_type": "LORA", "r": 1e99, "target_modules": null, "init_lora_weights": {}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseConfig(raw)
		if err != nil {
			return
		}
		for _, hasMixer := range []bool{false, true} {
			if cfg, err := c.of("model.layers.0.q_proj", hasMixer); err == nil && cfg.Validate() != nil {
				t.Errorf("%s gives %+v, which is not valid", raw, cfg)
			}
		}
	})
}
