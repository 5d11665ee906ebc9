package recipe

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestElsewhere: a key that belongs somewhere else is told where, the nearest place first.
func TestElsewhere(t *testing.T) {
	const tune = "stages.0: {kind: tune, data: d, adapters: {language: {}}, KEY}"
	const entry = "stages.0: {kind: tune, data: {path: d, KEY}, adapters: {language: {}}}"
	const suite = "stages.0: {kind: evaluate, suites: {tsv: t, KEY}}"
	const training = "a stage of kind pretrain, align or tune"
	for _, c := range []struct{ in, key, want string }{
		{tune, "format: llm-adapters", "stages.0.format: unknown key; it belongs in an entry of stages.0.data, beside path"},
		{tune, "image_first: true", "stages.0.image_first: unknown key; it belongs in an entry of stages.0.data, beside path"},
		{tune, "weight: 2", "stages.0.weight: unknown key; it belongs in an entry of stages.0.data, beside path"},
		{tune, "path: e", "stages.0.path: unknown key; it belongs in an entry of stages.0.data"},
		{tune, "r: 8", "stages.0.r: unknown key; it belongs in stages.0.adapters.vision or in stages.0.adapters.language"},
		{tune, "lm_head: 8", "stages.0.lm_head: unknown key; it belongs in stages.0.adapters.vision.trainable_token_indices, beside embed_tokens or " +
			"in stages.0.adapters.language.trainable_token_indices, beside embed_tokens"},
		{tune, "threads: 2", "stages.0.threads: unknown key; it belongs at the top of the file"},
		{tune, "expand: 2", "stages.0.expand: unknown key; it belongs in model"},
		{tune, "judge_url: u", "stages.0.judge_url: unknown key; it belongs in an entry of suites in a stage of kind evaluate, beside tsv"},
		{tune, "dtype: float32", "stages.0.dtype: unknown key; it belongs in a stage of kind export"},
		{tune, "imagefirst: 1", `stages.0.imagefirst: unknown key; did you mean "image_first"? It belongs in an entry of stages.0.data, beside path`},
		{tune, "batchs: 1", `stages.0.batchs: unknown key; did you mean "batch"?`},
		{"stages.0: {kind: tune, data: d, adapters: {KEY}}", "alpha: 2", "stages.0.adapters.alpha: unknown key; it belongs in stages.0.adapters.vision or in stages.0.adapters.language"},
		{"stages.0: {kind: tune, data: d, adapters: {language: {KEY}}}", "lr: 1e-3", "stages.0.adapters.language.lr: unknown key; it belongs in stages.0"},
		{"stages.0: {kind: tune, data: d, adapters: {language: {KEY}}}", "train: adapters", "stages.0.adapters.language.train: unknown key; it belongs in stages.0"},
		{entry, "batch: 3", "stages.0.data.batch: unknown key; it belongs in stages.0"},
		{entry, "on_bad: skip", "stages.0.data.on_bad: unknown key; it belongs in stages.0"},
		{entry, "seed: 3", "stages.0.data.seed: unknown key; it belongs at the top of the file"},
		{suite, "weights: q8", "stages.0.suites.weights: unknown key; it belongs in stages.0"},
		{suite, "max_pixels: 9", "stages.0.suites.max_pixels: unknown key; it belongs in data"},
		{suite, "weigth: 9", `stages.0.suites.weigth: unknown key; expected one of tsv,`},
		{"stages.0: {kind: evaluate, suites: t, KEY}", "protocol: letter-logit", "stages.0.protocol: unknown key; it belongs in an entry of stages.0.suites, beside tsv"},
		{"stages.0: {kind: evaluate, suites: t, KEY}", "weight: q8", `stages.0.weight: unknown key; did you mean "weights"?`},
		{"stages.0: {kind: merge, KEY}", "lr: 1e-3", "stages.0.lr: unknown key; it belongs in " + training},
		{"model: {from: m, KEY}", "type: linear", "model.type: unknown key; it belongs in model.projector, beside from"},
		{"model: {from: m, KEY}", "batch: 2", "model.batch: unknown key; it belongs in " + training},
		{"model: {from: m, KEY}", "kind: tune", "model.kind: unknown key; it belongs in a stage"},
		{"data: {KEY}", "batch: 2", "data.batch: unknown key; it belongs in " + training},
		{"data: {KEY}", "image_first: true", "data.image_first: unknown key; it belongs in an entry of data in " + training + ", beside path or in an entry of suites in a stage of kind evaluate, beside tsv"},
		{"seed: 1\nKEY", "lr: 1e-3", "lr: unknown key; it belongs in " + training},
		{"seed: 1\nKEY", "max_length: 9", "max_length: unknown key; it belongs in data or in " + training},
		{"seed: 1\nKEY", "vision: v", "vision: unknown key; it belongs in model"},
	} {
		in := strings.Replace(c.in, "KEY", c.key, 1)
		text := "name: s\n"
		if !strings.HasPrefix(in, "model") {
			text += "model: {from: m}\n"
		}
		if stage, ok := strings.CutPrefix(in, "stages.0: "); ok {
			text += "stages:\n- " + stage + "\n"
		} else {
			text += in + "\nstages: {kind: align, data: d}\n"
		}
		_, err := words.Parse("r.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), ": "+c.want) || !strings.HasSuffix(c.want, ",") && !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", in, err, c.want)
		}
	}
}

// TestHomes: every key of every mapping is found where it is read.
func TestHomes(t *testing.T) {
	all := homes(reflect.TypeFor[Recipe](), nil, nil)
	for _, want := range []string{"", "model", "model.quantize", "model.projector", "data", "stages.*", "stages.*.data.*", "stages.*.adapters", "stages.*.adapters.language.trainable_token_indices", "stages.*.suites.*"} {
		if !slices.ContainsFunc(all, func(h home) bool { return strings.Join(h.path, ".") == want }) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, h := range all {
		if len(h.names) == 0 {
			t.Errorf("%v takes nothing", h.path)
		}
	}
}
