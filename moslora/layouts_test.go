package moslora

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/internal/nn"
	"moslava/internal/safetensors"
)

type tensors = map[string]safetensors.Tensor

// renamed puts tensors under other names.
func renamed(pairs ...string) func(tensors) {
	return func(w tensors) {
		for old, x := range maps.Clone(w) {
			delete(w, old)
			w[strings.NewReplacer(pairs...).Replace(old)] = x
		}
	}
}

// turned transposes a matrix.
func turned(x safetensors.Tensor) safetensors.Tensor {
	t := tensor{x.Data, x.Shape}
	t.transpose()
	x.Data, x.Shape = t.data, t.shape
	return x
}

// paddleNames are PaddleNLP's tensors of the same adapters.
func paddleNames(w tensors) {
	for name, x := range maps.Clone(w) {
		delete(w, name)
		w[strings.TrimSuffix(strings.TrimPrefix(name, keyPrefix), ".weight")] = turned(x)
	}
}

func only(fields ...string) func(map[string]any) {
	return func(c map[string]any) {
		for k := range c {
			if !slices.Contains(fields, k) {
				delete(c, k)
			}
		}
	}
}

// asPaddle makes a directory PaddleNLP's.
func asPaddle(t *testing.T, dir string, config map[string]any) {
	t.Helper()
	edit(t, dir, func(c map[string]any) {
		mixer := c["lora_use_mixer"]
		only("r", "lora_alpha")(c)
		c["lora_use_mixer"] = mixer
		for k, v := range config {
			c[k] = v
		}
	}, paddleNames)
	for from, to := range map[string]string{ConfigFile: paddleConfig, WeightsFile: paddleWeights} {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
}

// Every serialisation of one and the same adapters computes the same bits.
func TestEverySerialisation(t *testing.T) {
	peft := []string{"peft_type", "r", "lora_alpha"}
	with := func(pairs ...any) func(map[string]any) {
		return func(c map[string]any) {
			only(peft...)(c)
			for i := 0; i < len(pairs); i += 2 {
				c[pairs[i].(string)] = pairs[i+1]
			}
		}
	}
	toMixer := renamed(suffixM, ".lora_mixer.weight")
	for _, c := range []struct {
		name    string
		mixer   Mixer
		config  func(map[string]any)
		weights func(tensors)
		want    Mixer
	}{
		{"the authors' fork", Kaiming, with("lora_use_mixer", true), nil, Kaiming},
		{"its pattern", Kaiming, with("lora_use_mixer", true, "lora_use_mixer_pattern", map[string]bool{"q_proj": true}), nil, Kaiming},
		{"a pull request", Orthogonal, with("use_moslora", true), toMixer, Kaiming},
		{"its start", Orthogonal, with("use_moslora", "orth"), toMixer, Kaiming},
		{"its type", Orthogonal, with("use_moslora", "kai", "peft_type", "MOSLORA"), toMixer, Kaiming},
		{"the package", Orthogonal, with("peft_type", "MOSLORA", "mixer_init", "orthogonal", "trainable_mixer", true), toMixer, Kaiming},
		{"its fixed mixers", Butterfly, with("peft_type", "MOSLORA", "mixer_init", "butterfly", "trainable_mixer", false), toMixer, Butterfly},
		{"its fixed orthogonal one", FixedOrthogonal, with("peft_type", "MOSLORA", "mixer_init", "orthogonal", "trainable_mixer", false), toMixer, FixedOrthogonal},
		{"a bare parameter", Kaiming, with("peft_type", "MOSLORA"), renamed(suffixM, ".lora_mixer"), Kaiming},
		{"MOSLORA without a mixer", None, with("peft_type", "MOSLORA", "use_moslora", false), nil, None},
		{"plain LoRA", None, with(), nil, None},
		{"bare names, torch's shapes", Kaiming, with("lora_use_mixer", true), renamed(".weight", ""), Kaiming},
		{"bare names, PaddleNLP's shapes", Kaiming, with("lora_use_mixer", true), func(w tensors) {
			paddleNames(w)
			renamed("tower.", keyPrefix+"tower.")(w)
		}, Kaiming},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, want := saved(t, c.mixer, SaveOptions{})
			edit(t, dir, c.config, c.weights)
			m, s, err := load(t, dir, same)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.forward(nil, input(7, 10, 1)).Floats(); !slices.Equal(got, want) {
				t.Error("it computes something else")
			}
			for a := range s.All() {
				if a.Config.Mixer != c.want {
					t.Errorf("%s has the mixer %s, want %s", a.Module, a.Config.Mixer, c.want)
				}
			}
		})
	}
	for _, mixer := range []Mixer{Kaiming, None} {
		dir, want := saved(t, mixer, SaveOptions{})
		asPaddle(t, dir, nil)
		m, _, err := load(t, dir, same)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.forward(nil, input(7, 10, 1)).Floats(); !slices.Equal(got, want) {
			t.Errorf("PaddleNLP's %s computes something else", mixer)
		}
	}
}

func TestAmbiguousDirectories(t *testing.T) {
	const fc = "tower.layers.0.fc"
	square := func(t *testing.T, mixer Mixer) string { // r 10 of proj, which is 10 to 10
		_, ps := build(t)
		s := attach(t, ps, Config{R: 10, Alpha: 3, Mixer: mixer, Targets: []string{"proj"}}, nn.Random(1))
		stir(s)
		dir := t.TempDir()
		if err := s.Save(dir, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	plain := func(t *testing.T, mixer Mixer) string {
		dir, _ := saved(t, mixer, SaveOptions{})
		return dir
	}
	write := func(t *testing.T, path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T) string
		want string
	}{
		{"square and bare", func(t *testing.T) string {
			dir := square(t, Kaiming)
			edit(t, dir, nil, renamed(".weight", ""))
			return dir
		}, "is square: whether A and B lie as torch's or as PaddleNLP's, transposed, neither its name nor its shape tells"},
		{"both ways", func(t *testing.T) string {
			dir := plain(t, None)
			edit(t, dir, nil, func(w tensors) {
				renamed(".weight", "")(w)
				w[keyPrefix+fc+".lora_A"] = turned(w[keyPrefix+fc+".lora_A"])
			})
			return dir
		}, "lies as PaddleNLP's A and B do, and base_model.model."},
		{"no side is the rank", func(t *testing.T) string {
			dir := plain(t, None)
			edit(t, dir, func(c map[string]any) { c["r"] = 3 }, renamed(".weight", ""))
			return dir
		}, "and no side is the rank, 3"},
		{"two mixers", func(t *testing.T) string {
			dir := plain(t, Kaiming)
			edit(t, dir, nil, func(w tensors) { w[keyPrefix+fc+".lora_mixer.weight"] = w[keyPrefix+fc+suffixM] })
			return dir
		}, `"base_model.model.tower.layers.0.fc.lora_AB.weight" and "base_model.model.tower.layers.0.fc.lora_mixer.weight" are both the M`},
		{"two configurations", func(t *testing.T) string {
			dir := plain(t, None)
			write(t, filepath.Join(dir, paddleConfig), "{}")
			return dir
		}, "holds both adapter_config.json and lora_config.json"},
		{"Paddle's pickles", func(t *testing.T) string {
			dir := plain(t, None)
			asPaddle(t, dir, nil)
			if err := os.Rename(filepath.Join(dir, paddleWeights), filepath.Join(dir, paddlePickle)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "holds lora_model_state.pdparams and no peft_model.safetensors: Paddle's pickles are not read; have PaddleNLP save it with safe_serialization"},
		{"use_moslora", func(t *testing.T) string {
			dir := plain(t, Kaiming)
			edit(t, dir, func(c map[string]any) { c["use_moslora"] = "x" }, nil)
			return dir
		}, "use_moslora is x; known are true, false, kai and orth"},
		{"a fixed mixer of another start", func(t *testing.T) string {
			dir := plain(t, Kaiming)
			edit(t, dir, func(c map[string]any) { c["mixer_init"], c["trainable_mixer"] = "kaiming", false }, nil)
			return dir
		}, `trainable_mixer is false and mixer_init is "kaiming"; fixed mixers are butterfly and orthogonal`},
		{"MOSLORA without its mixer", func(t *testing.T) string {
			dir := plain(t, None)
			edit(t, dir, func(c map[string]any) { only("r", "lora_alpha")(c); c["peft_type"] = "MOSLORA" }, nil)
			return dir
		}, "lora_use_mixer is true and there is no lora_AB.weight"},
		{"PaddleNLP's with torch's names", func(t *testing.T) string {
			dir := plain(t, None)
			asPaddle(t, dir, nil)
			renameIn(t, dir, paddleWeights, func(name string) string { return name + ".weight" })
			return dir
		}, "is torch's, expected PaddleNLP's without .weight"},
		{"MoRA", func(t *testing.T) string {
			dir := plain(t, None)
			asPaddle(t, dir, map[string]any{"use_mora": true})
			return dir
		}, "use_mora is true, which is not read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := c.make(t)
			_, _, err := load(t, dir, same)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v, want %q and the directory", err, c.want)
			}
		})
	}
}

// renameIn renames the tensors of a file.
func renameIn(t *testing.T, dir, file string, name func(string) string) {
	t.Helper()
	path := filepath.Join(dir, file)
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []safetensors.Tensor
	for _, n := range f.Names() {
		info, _ := f.Info(n)
		data, err := f.Float32(n)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, safetensors.Tensor{Name: name(n), Shape: info.Shape, Data: data})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Write(path, list, nil); err != nil {
		t.Fatal(err)
	}
}

func FuzzPaddleConfig(f *testing.F) {
	f.Add([]byte(`{"r": 4, "lora_alpha": 8, "lora_use_mixer": true, "rslora": true}`))
	f.Add([]byte(`{"r": 4, "use_moslora": {}, "trainable_mixer": false}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseConfigOf(raw, true)
		if err != nil {
			return
		}
		if cfg, err := c.of("llama.layers.0.q_proj", true); err == nil && cfg.Validate() != nil {
			t.Errorf("%s gives %+v, which is not valid", raw, cfg)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Error(err)
		}
	})
}

// testdata/pickled/adapter_model.bin was written by torch.save.
func TestPickledAdapters(t *testing.T) {
	dir := filepath.Join("testdata", "pickled")
	s, err := Load(dir, same)
	if err != nil {
		t.Fatal(err)
	}
	const module = "model.layers.0.self_attn.q_proj"
	if !slices.Equal(s.Modules(), []string{module}) || s.configs[module].R != 2 || s.configs[module].Mixer == None {
		t.Errorf("modules %v, %+v", s.Modules(), s.configs[module])
	}
	for suffix, want := range map[string]tensor{
		suffixA: {[]float32{0, .125, .25, .375, .5, .625, .75, .875}, []int{2, 4}},
		suffixM: {[]float32{0, 1, 1, 0}, []int{2, 2}},
		suffixB: {[]float32{0, 1, 2, 3, 4, 5}, []int{3, 2}},
	} {
		if got := s.tensors[module+suffix]; !slices.Equal(got.data, want.data) || !slices.Equal(got.shape, want.shape) {
			t.Errorf("%s is %v, want %v", suffix, got, want)
		}
	}
}
