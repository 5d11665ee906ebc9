package recipe

import (
	"errors"
	"strings"
	"testing"
)

// TestProblems: each text has exactly the problems listed, by line and message.
func TestProblems(t *testing.T) {
	stage := func(lines string) string { return "name: s\nmodel: {from: m}\nstages:\n- kind: " + lines }
	text := func(lines string) string { return "name: s\nmodel: {language: l}\nstages:\n- kind: " + lines }
	adapter := func(keys string) string { return stage("tune\n  data: d\n  adapters: {language: {" + keys + "}}\n") }
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", `r.yaml: is empty, expected a recipe`},
		{"comment", "# nothing\n", `r.yaml: is empty, expected a recipe`},
		{"list", "- a\n", `r.yaml:1: expected keys and values at the top`},
		{"syntax", "a: b: c\n", `r.yaml: not YAML: mapping values are not allowed in this context`},
		{"variable in flow", "name: s\nstages:\n  - {kind: align, data: ${A_DIR}/x, lr: 1}\n", "r.yaml:2: not YAML: did not find expected ',' or '}'; inside { } and [ ], a value with ${A_DIR} stands in quotes"},
		{"variable elsewhere", "a: ${A_DIR}/x\nb: c: d\n", `r.yaml:2: not YAML: mapping values are not allowed in this context`},
		{"syntax below", "a: 1\n\tb: 2\n", `r.yaml:2: not YAML: found a tab character that violates indentation`},
		{"two documents", small + "---\na: 1\n", `r.yaml:6: a second document begins, expected one`},
		{"required", "seed: 1\n", "r.yaml:1: name: is required\nr.yaml:1: model: is required\nr.yaml:1: stages: is required"},
		{"unknown", small + "sed: 1\n", `r.yaml:6: sed: unknown key; did you mean "seed"?`},
		{"unknown far", small + "kitchen_sink: 1\n", `r.yaml:6: kitchen_sink: unknown key; expected one of name, seed, threads, run_dir, model, data, stages`},
		{"twice", small + "name: t\n", `r.yaml:6: name: comes twice, first in line 1`},
		{"float for int", small + "seed: 1.5\n", `r.yaml:6: seed: is the number 1.5, expected a whole number`},
		{"text for int", small + "seed: '7'\n", `r.yaml:6: seed: is the text "7", expected a whole number`},
		{"negative", small + "seed: -1\n", `r.yaml:6: seed: is the number -1, expected a whole number`},
		{"null", small + "seed:\n", `r.yaml:6: seed: is without a value, expected a whole number`},
		{"list for int", small + "seed: [1]\n", `r.yaml:6: seed: is a list, expected a whole number`},
		{"text for float", small + "  lr: fast\n", `r.yaml:6: stages.0.lr: is the text "fast", expected a number`},
		{"nan", small + "  lr: .nan\n", `r.yaml:6: stages.0.lr: is the number .nan, expected a number`},
		{"zero rate", small + "  lr: 0\n", `r.yaml:6: stages.0.lr: is 0, expected more than 0 and at most 10`},
		{"yes", small + "  checkpointing: yes\n", `r.yaml:6: stages.0.checkpointing: is the text "yes", expected true or false`},
		{"enum", small + "  schedule: cosin\n", `r.yaml:6: stages.0.schedule: "cosin" is unknown; did you mean "cosine"?`},
		{"enum in list", small + "  train: [projektor]\n", `r.yaml:6: stages.0.train.0: "projektor" is unknown; did you mean "projector"?`},
		{"empty list", small + "  train: []\n", `r.yaml:6: stages.0.train: is an empty list`},
		{"kind", stage("tunes\n  lr: x\n"), `r.yaml:4: stages.0.kind: "tunes" is unknown; did you mean "tune"?`},
		{"no kind", "name: s\nmodel: {from: m}\nstages:\n- name: x\n", `r.yaml:4: stages.0.kind: is required: one of pretrain, align, tune, merge, evaluate, export`},
		{"stage is text", "name: s\nmodel: {from: m}\nstages: [align]\n", `r.yaml:3: stages.0: is the text "align", expected keys and values`},
		{"key of another kind", stage("export\n  lr: 1\n"), `r.yaml:5: stages.0.lr: unknown key; it belongs in a stage of kind pretrain, align or tune`},
		{"no data", stage("align\n"), `r.yaml:4: stages.0.data: is required`},
		{"variable", strings.Replace(small, "d\n", "${MOSLAVA_TEST_UNSET}\n", 1), `r.yaml:5: stages.0.data.path: the environment variable "MOSLAVA_TEST_UNSET" is not set`},
		{"open variable", strings.Replace(small, "d\n", "a${X\n", 1), `r.yaml:5: stages.0.data.path: "${X" has no closing brace`},
		{"name", strings.Replace(small, "name: s", "name: a/b", 1), `r.yaml:1: name: "a/b" has the character '/' (U+002F), expected letters, digits, spaces, '.', '_' and '-'`},
		{"no model", "name: s\nmodel: {vision: v}\nstages: {kind: align, data: d}\n", `r.yaml:2: model: expected from (a model directory), vision and language (two towers), or language (a decoder alone, for text)`},
		{"two models", "name: s\nmodel: {vision: v, language: l, from: m}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.from: excludes vision and language: give one model directory, or two towers`},
		{"adapters on nothing", "name: s\nmodel: {vision: v, language: l, init: random, adapters: a}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.adapters: belong to trained weights, and init is random`},
		{"adapters of other blocks", "name: s\nmodel: {from: m, expand: 2, adapters: a}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.adapters: are numbered by the blocks there were before expand inserted more: export the merged model first, and name that in from`},
		{"adapters on rounded weights", "name: s\nmodel: {from: m, quantize: {language: nf4}, adapters: [a, b]}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.adapters: would be merged into weights that quantize has rounded: export the merged model first, and name that in from`},
		{"no tower", "name: s\nmodel: {language: l, image_size: 32, feature_layer: -1, select_strategy: full, projector: p, quantize: {vision: nf4}}\nstages: {kind: tune, data: d, adapters: {language: {}}}\n", "r.yaml:2: model.projector: the model has no vision tower: give model.vision, or leave this key out\n" +
			"r.yaml:2: model.image_size: the model has no vision tower: give model.vision, or leave this key out\nr.yaml:2: model.feature_layer: the model has no vision tower: give model.vision, or leave this key out\n" +
			"r.yaml:2: model.select_strategy: the model has no vision tower: give model.vision, or leave this key out\nr.yaml:2: model.quantize.vision: the model has no vision tower: give model.vision, or leave this key out"},
		{"align of no tower", text("align\n  data: d\n"), `r.yaml:4: stages.0.kind: the model has no vision tower: give model.vision, or leave this stage out: align trains the projector behind it`},
		{"adapters of no tower", text("tune\n  data: d\n  adapters: {language: {}, vision: {}}\n"), `r.yaml:6: stages.0.adapters.vision: the model has no vision tower: give model.vision, or leave this key out`},
		{"training no tower", text("pretrain\n  data: d\n  train: [projector, language]\n"), `r.yaml:6: stages.0.train: the model has no vision tower: give model.vision, or leave projector out`},
		{"rate of no tower", text("pretrain\n  data: d\n  lr_vision: 1e-3\n"), `r.yaml:6: stages.0.lr_vision: nothing of the vision is trained in this stage`},
		{"blank of no tower", text("evaluate\n  suites: {tsv: a.json, blank: true}\n"), `r.yaml:5: stages.0.suites.0.blank: the model has no vision tower: give model.vision, or leave this key out: there are no pictures to make grey`},
		{"towers of no tower", text("export\n  format: towers\n"), `r.yaml:5: stages.0.format: the model has no vision tower: give model.vision, or use hf for the decoder, peft or folded for its adapters: towers is for two towers`},
		{"projector of from", "name: s\nmodel: {from: m, projector: {type: linear}}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.projector: the model in from has its projector; this key is for two towers`},
		{"batch and tokens", small + "  batch: 1\n  tokens: 5\n", `r.yaml:7: stages.0.tokens: excludes batch: give one of them`},
		{"warm-up", small + "  steps: 5\n  warmup_steps: 6\n", `r.yaml:7: stages.0.warmup_steps: is 6, expected at most steps, 5`},
		{"untrained rate", small + "  lr_vision: 1e-4\n", `r.yaml:6: stages.0.lr_vision: nothing of the vision is trained in this stage`},
		{"unused adapters", small + "  adapters: {language: {}}\n", `r.yaml:6: stages.0.adapters: train is [projector]: without adapters in it they would not be trained`},
		{"preference of an align stage", stage("align\n  data: d\n  preference: orpo\n  train: projector\n"), `r.yaml:6: stages.0.preference: pairs of answers are learnt in stages of kind tune`},
		{"preference cut", stage("tune\n  data: d\n  preference: orpo\n  train: projector\n  on_long: split\n"),
			`r.yaml:8: stages.0.on_long: is split, and pairs of answers are taken whole: expected error or drop`},
		{"preference with a projector", stage("tune\n  data: d\n  train: [projector, adapters]\n  preference: dpo\n  adapters: {language: {r: 2, targets: [q_proj]}}\n"),
			`r.yaml:6: stages.0.train: is [projector adapters]: the reference of dpo is the model without its adapters, so adapters alone can be trained`},
		{"preference with pissa", stage("tune\n  data: d\n  preference: ipo\n  adapters: {language: {r: 2, targets: [q_proj], mixer: none, start: pissa}}\n"),
			`r.yaml:7: stages.0.adapters.language.start: pissa changes the weights that are the reference of ipo`},
		{"pack without tokens", stage("tune\n  data: d\n  train: language\n  pack: 4\n"), `r.yaml:7: stages.0.pack: without tokens: there is no room to fill; expected tokens: N beside it, the tokens of a batch`},
		{"no adapters", stage("tune\n  data: d\n"), `r.yaml:4: stages.0.adapters: adapters are to be trained, but the model this stage takes has none: give adapters.vision, adapters.language or both, or leave adapters out of train`},
		{"empty adapters", stage("tune\n  data: d\n  adapters: {}\n"), `r.yaml:6: stages.0.adapters: expected vision, language or both`},
		{"odd butterfly", stage("tune\n  data: d\n  adapters: {language: {r: 3, mixer: butterfly}}\n"), `r.yaml:6: stages.0.adapters.language.r: is 3: the butterfly mixer needs an even rank`},
		{"zeros", adapter("mixer: zeros"), `r.yaml:6: stages.0.adapters.language.mixer: zeros never trains: with M = 0 and B = 0 every gradient is zero`},
		{"mixer", adapter("mixer: ortogonal"), `r.yaml:6: stages.0.adapters.language.mixer: "ortogonal" is unknown; did you mean "orthogonal"?`},
		{"zero rank", adapter("r: 0"), `r.yaml:6: stages.0.adapters.language.r: is 0, expected at least 1 and at most 65536`},
		{"zero alpha", adapter("alpha: 0"), `r.yaml:6: stages.0.adapters.language.alpha: is 0, expected more than 0 and at most 1e9`},
		{"dropout", adapter("dropout: 1"), `r.yaml:6: stages.0.adapters.language.dropout: is 1, expected at least 0 and less than 1`},
		{"start", adapter("start: pisa"), `r.yaml:6: stages.0.adapters.language.start: "pisa" is unknown; did you mean "pissa"?`},
		{"start without mixer", adapter("start: moslora_init, mixer: none"), `r.yaml:6: stages.0.adapters.language.start: moslora_init multiplies a mixer into A, and mixer is none`},
		{"pattern of mixers", adapter("mixer_pattern: {fc: zeros}"), `r.yaml:6: stages.0.adapters.language.mixer_pattern.fc: zeros never trains: with M = 0 and B = 0 every gradient is zero`},
		{"pattern of ranks", adapter("rank_pattern: {fc: 0, q: x}"), "r.yaml:6: stages.0.adapters.language.rank_pattern.fc: is 0, expected at least 1 and at most 65536\nr.yaml:6: stages.0.adapters.language.rank_pattern.q: is the text \"x\", expected a whole number"},
		{"pattern as list", adapter("rank_pattern: [1]"), `r.yaml:6: stages.0.adapters.language.rank_pattern: is a list, expected a mapping from patterns of layers to values`},
		{"broken pattern", adapter("rank_pattern: {'(': 2}"), "r.yaml:6: stages.0.adapters.language.rank_pattern.(: is no pattern of layers: error parsing regexp: missing closing ) in `(`"},
		{"dora of one tower", stage("tune\n  data: d\n  adapters: {vision: {}, language: {dora: true, rslora: true}}\n"), `r.yaml:6: stages.0.adapters.language.dora: is true, and that of vision is false: an adapter directory holds it once`},
		{"compose and attach", stage("tune\n  data: d\n  adapters: {compose: [a, b], language: {}}\n"), `r.yaml:6: stages.0.adapters.compose: excludes vision and language: compose directories, or attach fresh adapters`},
		{"lora_plus of nothing", small + "  lora_plus: 4\n", `r.yaml:6: stages.0.lora_plus: no adapters are trained in this stage`},
		{"whole tower", stage("tune\n  data: d\n  train: [vision, adapters]\n  adapters: {vision: {}}\n"), `r.yaml:7: stages.0.adapters.vision: the whole tower is trained in this stage, so it needs no adapters`},
		{"pattern", stage("tune\n  data: d\n  adapters: {vision: {targets: 're:('}, language: {targets: ['re:q', k]}}\n"), "r.yaml:6: stages.0.adapters.vision.targets: has the pattern re:(: error parsing regexp: missing closing ) in `(`\nr.yaml:6: stages.0.adapters.language.targets: has the pattern re:q beside others: it stands alone or not at all"},
		{"bare pattern", adapter("targets: '(?!.*mlp).*_proj', exclude_modules: ['.*q'], modules_to_save: 'x|y'"), `r.yaml:6: stages.0.adapters.language.targets: has "(?!.*mlp).*_proj", which is no name of a layer: a pattern is written with re: before it, as in "re:(?!.*mlp).*_proj"` + "\n" +
			`r.yaml:6: stages.0.adapters.language.exclude_modules: has ".*q", which is no name of a layer: a pattern is written with re: before it, as in "re:.*q"` + "\n" +
			`r.yaml:6: stages.0.adapters.language.modules_to_save: has "x|y", which is no name of a layer, and patterns are for targets and exclude_modules`},
		{"saved pattern", adapter("modules_to_save: 're:x'"), `r.yaml:6: stages.0.adapters.language.modules_to_save: has the pattern re:x, expected names of layers`},
		{"excluded", adapter("exclude_modules: all-linear"), `r.yaml:6: stages.0.adapters.language.exclude_modules: has all-linear, which stands for targets alone: name the layers`},
		{"token twice", adapter("trainable_token_indices: [3, '<a>', 3]"), `r.yaml:6: stages.0.adapters.language.trainable_token_indices: 3 comes twice for embed_tokens`},
		{"tokens twice", "name: s\nmodel: {from: m, add_tokens: ['<a>', ''], add_special_tokens: ['<b>', '<a>']}\nstages: {kind: align, data: d}\n",
			"r.yaml:2: model.add_tokens: entry 1 is empty, expected the text of a token\nr.yaml:2: model.add_special_tokens: \"<a>\" comes twice"},
		{"a token that is a picture", "name: s\nmodel: {language: l, add_tokens: ['<image>']}\nstages: {kind: export}\n",
			"r.yaml:2: model.add_tokens: <image> stands for a picture in rows: give the token another name"},
		{"bias of dora", adapter("lora_bias: true, dora: true"),
			"r.yaml:6: stages.0.adapters.language.lora_bias: is not supported with dora or start: pissa, as in PEFT: leave one of them out"},
		{"biases", adapter("bias: some"), `r.yaml:6: stages.0.adapters.language.bias: "some" is unknown; did you mean "none"?`},
		{"tokens of pictures", stage("tune\n  data: d\n  adapters: {vision: {trainable_token_indices: 3, ensure_weight_tying: true}}\n"), "r.yaml:6: stages.0.adapters.vision.trainable_token_indices: a vision tower has no tokens: give it under language\nr.yaml:6: stages.0.adapters.vision.ensure_weight_tying: a vision tower has no tables: give it under language"},
		{"validate", small + "  validate_every: 5\n", `r.yaml:6: stages.0.validate_every: there is nothing to measure on: validation, the share of samples held out, is 0`},
		{"size", small + "  feature_cache: 2GB\n", `r.yaml:6: stages.0.feature_cache.memory: is the text "2GB", expected a size, as 512MiB or 2GiB`},
		{"size without unit", small + "  feature_cache: {disk: 2}\n", `r.yaml:6: stages.0.feature_cache.disk: is the number 2, expected a size, as 512MiB or 2GiB`},
		{"features of a tower that is trained", stage("pretrain\n  data: d\n  feature_cache: 1GiB\n"), `r.yaml:6: stages.0.feature_cache: the vision tower is trained in this stage: what it makes of a picture changes with every step`},
		{"features of no tower", text("pretrain\n  data: d\n  feature_cache: 1GiB\n"), `r.yaml:6: stages.0.feature_cache: the model has no vision tower: give model.vision, or leave this key out`},
		{"temperature of one", small + "  temperature: 2\n", `r.yaml:6: stages.0.temperature: there is one source, and shares are of several`},
		{"temperature", stage("align\n  data: [a, b]\n  temperature: 0\n"), `r.yaml:6: stages.0.temperature: is 0, expected at least 0.1 and at most 1e6`},
		{"groups of tokens", small + "  tokens: 50\n  group_by: length\n", `r.yaml:7: stages.0.group_by: makes groups of batches of so many samples: give batch in the place of tokens`},
		{"grouping", small + "  group_by: modality\n", `r.yaml:6: stages.0.group_by: "modality" is unknown; expected one of length, modality_length, modality_length-xtuner`},
		{"same name", small + "- kind: align\n  data: d\n", `r.yaml:6: stages.1.name: "align" is the name of stages.0, too; give each its own`},
		{"merge nothing", small + "- kind: merge\n", `r.yaml:6: stages.1: there are no adapters to merge in the model this stage takes`},
		{"peft of nothing", small + "- kind: export\n  format: peft\n", `r.yaml:7: stages.1.format: peft needs adapters that are not merged, and the model this stage takes has none`},
		{"from later", small + "  from: alignn\n", `r.yaml:6: stages.0.from: no earlier stage is called "alignn"; expected one of model`},
		{"shard", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, shard: 5/4}\n", `r.yaml:8: stages.1.suites.0.shard: found shard "5/4", expected i/n with i from 1 to n, as in 2/4`},
		{"judge without model", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, judge_url: 'http://h/v1'}\n", `r.yaml:8: stages.1.suites.0.judge_url: without judge_model: expected both`},
		{"judge without url", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, judge_model: m}\n", `r.yaml:8: stages.1.suites.0.judge_model: without judge_url: expected both`},
		{"judge's key alone", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, judge_key_env: K}\n", `r.yaml:8: stages.1.suites.0.judge_key_env: without judge_url: expected both`},
		{"secret in a url", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, judge_url: 'http://u:p@h/v1', judge_model: m}\n", `r.yaml:8: stages.1.suites.0.judge_url: expected a URL like https://host/v1, without user, query and fragment`},
		{"secret as a variable", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, judge_url: 'http://h/v1', judge_model: m, judge_key_env: sk-1}\n", `r.yaml:8: stages.1.suites.0.judge_key_env: expected the name of an environment variable, not a key`},
		{"from evaluate", small + "- {kind: evaluate, suites: s.tsv}\n- {kind: export, from: evaluate}\n", `r.yaml:7: stages.2.from: evaluate is a stage of kind evaluate, which leaves no model behind`},
		{"quantized tower", "name: s\nmodel: {from: m, quantize: {language: nf4, vision: float32}}\nstages:\n- kind: pretrain\n  data: d\n", `r.yaml:4: stages.0.train: language is trained whole, but model.quantize keeps it in fewer bits: give it adapters, or leave it float32`},
		{"quantized vocabulary", "name: s\nmodel: {from: m, quantize: {vocabulary: nf4}}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.quantize.vocabulary: "nf4" is unknown; expected one of float32, bfloat16`},
		{"quantized merge", "name: s\nmodel: {from: m, quantize: {vision: bfloat16}}\nstages:\n- {kind: tune, data: d, adapters: {vision: {}}}\n- kind: merge\n", `r.yaml:5: stages.1: merging into rounded weights would round them again: leave this stage out; export merges into the full weights by itself`},
		{"no blocks", stage("tune\n  data: d\n  train: blocks\n"), `r.yaml:6: stages.0.train: there are no inserted blocks: model.expand is 0`},
		{"quantized blocks", "name: s\nmodel: {from: m, expand: 2, quantize: {language: nf4}}\nstages:\n- {kind: tune, data: d, train: blocks}\n", `r.yaml:4: stages.0.train: blocks is trained whole, but model.quantize keeps it in fewer bits: give it adapters, or leave it float32`},
		{"merge into nothing", stage("export\n  merge_into: rounded\n"), `r.yaml:5: stages.0.merge_into: nothing is rounded: model.quantize is not given`},
		{"pissa with a pattern", adapter("start: pissa, mixer: none, mixer_pattern: {fc: kaiming}"), `r.yaml:6: stages.0.adapters.language.start: pissa splits the weight into A and B, and mixer_pattern is about mixers: leave it out`},
		{"rank beyond use", adapter("r: 20000"), `r.yaml:6: stages.0.adapters.language.r: is 20000, want 1 to 16384`},
		{"protocol", small + "- kind: evaluate\n  suites:\n  - {tsv: s.tsv, protocol: letter-logits}\n", `r.yaml:8: stages.1.suites.0.protocol: "letter-logits" is unknown; did you mean "letter-logit"?`},
		{"quantized pissa", "name: s\nmodel: {from: m, quantize: {language: nf4-single}}\nstages:\n- {kind: tune, data: d, adapters: {language: {start: pissa, mixer: none}}}\n", `r.yaml:4: stages.0.adapters.language.start: pissa changes the weights, and model.quantize keeps them in fewer bits: they would have to be rounded again`},
		{"pissa with a mixer", adapter("start: pissa"), `r.yaml:6: stages.0.adapters.language.start: pissa splits the weight into A and B, and mixer is kaiming: give mixer: none`},
		{"same suite", stage("evaluate\n  suites: [a/x.tsv, b/x.tsv]\n"), `r.yaml:5: stages.0.suites.1.name: "x" is the name of another suite of this stage; give each its own`},
		{"alias in itself", "name: s\nmodel: &m {from: *m}\nstages: {kind: align, data: d}\n", `r.yaml:2: model.from: is a mapping, expected a path`},
		{"merge of text", "name: s\nmodel: {<<: x, from: m}\nstages: {kind: align, data: d}\n", `r.yaml:2: model: << is the text "x", expected a mapping`},
		{"several", "seed: x\nname: 's/s'\nmodel: {from: m}\nsed: 1\nstages:\n- kind: align\n  data: d\n  lr: 0\n", `r.yaml:1: seed: is the text "x", expected a whole number
r.yaml:2: name: "s/s" has the character '/' (U+002F), expected letters, digits, spaces, '.', '_' and '-'
r.yaml:4: sed: unknown key; did you mean "seed"?
r.yaml:8: stages.0.lr: is 0, expected more than 0 and at most 10`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := words.Parse("r.yaml", []byte(c.text))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want %s", err, c.want)
			}
			got := make([]string, len(e.Problems))
			for i, p := range e.Problems {
				got[i] = p.String()
			}
			if s := strings.Join(got, "\n"); s != c.want {
				t.Errorf("got\n%s\nwant\n%s", s, c.want)
			}
		})
	}
}

// TestAliasesAreBounded: a few hundred bytes of aliases must not become millions of entries, nor take long.
func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("name: s\nmodel: {from: m}\nstages:\n- &s {kind: align, name: a0, data: [d" + strings.Repeat(", d", 999) + "]}\n")
	for range 999 {
		b.WriteString("- {<<: *s}\n")
	}
	if _, err := words.Parse("r.yaml", []byte(b.String())); err == nil || !strings.Contains(err.Error(), "list entries above 100000") {
		t.Errorf("error %.200v", err)
	}
	b.Reset()
	b.WriteString("name: s\nstages: []\nmodel: &m0 {x: 1}\n")
	for i := range 40 {
		b.WriteString("y: &m" + string(rune('a'+i%26)) + "{<<: [*m0" + strings.Repeat(", *m0", 50) + "]}\n")
	}
	if _, err := words.Parse("r.yaml", []byte(b.String())); err == nil {
		t.Error("taken")
	}
}

// TestManyProblems: a file that is no recipe at all is refused quickly and briefly.
func TestManyProblems(t *testing.T) {
	_, err := words.Parse("r.yaml", []byte(small+strings.Repeat("- {a: 1, a: 1, kind: x}\n", 20_000)))
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != maxProblems {
		t.Errorf("error %.300v", err)
	}
}

func TestTooLarge(t *testing.T) {
	if _, err := words.Parse("r.yaml", make([]byte, maxBytes+1)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}
