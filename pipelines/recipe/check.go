package recipe

import (
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// decode fills the recipe, works out the defaults that depend on other keys, and checks what
// no key can tell by itself.
func (r *Recipe) decode(d *decoder, root *yaml.Node) {
	v := reflect.ValueOf(r).Elem()
	setDefaults(v)
	d.document(root, v)
	if name, err := CleanName(r.Name); err == nil {
		r.Name = name
	} else if d.has("name") {
		d.at("name", "%q %v", r.Name, err)
	}
	if !d.has("run_dir") {
		r.RunDir = Path(filepath.Join("runs", r.Name))
		d.derive("run_dir", "name", string(r.RunDir), func(text string) string { return "runs/" + text })
	} else if scheme.MatchString(string(r.RunDir)) || r.RunDir == "" {
		d.at("run_dir", "is %q, expected a directory", r.RunDir)
	}
	r.Model.Quantize.normalise(d.words)
	r.Model.check(d, filepath.Dir(r.file))
	r.stages(d)
	r.quantized(d)
	if r.Model.TextOnly() {
		r.textOnly(d)
	}
	if len(d.problems) == 0 {
		r.places(d)
	}
}

var (
	stageForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (m *Model) check(d *decoder, dir string) {
	if !d.has("model") {
		return
	}
	towers := d.has("model.vision") || d.has("model.language")
	switch {
	case d.has("model.from") && towers:
		d.at("model.from", "excludes vision and language: give one model directory, or two towers")
	case d.has("model.from") && d.has("model.projector"):
		d.at("model.projector", "the model in from has its projector; this key is for two towers")
	case !d.has("model.from") && !d.has("model.language"):
		d.at("model", "expected from (a model directory), vision and language (two towers), or language (a decoder alone, for text)")
	}
	for _, p := range []struct {
		key  string
		path Path
	}{{"model.from", m.From}, {"model.vision", m.Vision}, {"model.language", m.Language}} {
		if p.path == "" && d.has(p.key) {
			d.at(p.key, "is empty, expected a directory")
		}
	}
	if m.TextOnly() {
		m.Projector = Projector{}
		towers = false
	}
	switch shuffled := m.Projector.Type == "pixel_shuffle"; {
	case shuffled:
		for _, key := range []string{"model.feature_layer", "model.select_strategy", "model.image_size"} {
			if d.has(key) {
				d.at(key, "leave this key out: a pixel_shuffle takes all patches of the last hidden state, of tiles of the tower's own size")
			}
		}
	case d.has("model.projector.scale"):
		d.at("model.projector.scale", "is for type pixel_shuffle")
	case towers:
		if !d.has("model.feature_layer") {
			m.FeatureLayer = []int{-2}
		}
		if !d.has("model.select_strategy") {
			m.SelectStrategy = "default"
		}
	}
	switch {
	case len(m.Adapters) == 0:
	case m.Init == "random":
		d.at("model.adapters", "belong to trained weights, and init is random")
	case m.Expand > 0:
		d.at("model.adapters", "are numbered by the blocks there were before expand inserted more: export the merged model first, and name that in from")
	case m.Quantize.Vision != "" || m.Quantize.Language != "":
		d.at("model.adapters", "would be merged into weights that quantize has rounded: export the merged model first, and name that in from")
	}
	m.tokens(d)
	if m.TemplateFile() {
		m.ChatTemplate = resolve(dir, m.ChatTemplate)
	}
}

// tokens checks those that are added.
func (m *Model) tokens(d *decoder) {
	seen := map[string]bool{}
	for _, list := range []struct {
		key    string
		tokens []string
	}{{"model.add_tokens", m.AddTokens}, {"model.add_special_tokens", m.AddSpecialTokens}} {
		for i, token := range list.tokens {
			switch {
			case token == "":
				d.at(list.key, "entry %d is empty, expected the text of a token", i)
			case token == "<image>":
				d.at(list.key, "%s stands for a picture in rows: give the token another name", token)
			case seen[token]:
				d.at(list.key, "%q comes twice", token)
			}
			seen[token] = true
		}
	}
}

// TemplateFile reports whether ChatTemplate is a file, and not the name of a built-in template.
func (m *Model) TemplateFile() bool { return isTemplateFile(m.ChatTemplate) }

// isTemplateFile tells a chat template in a file from the name of a built-in one.
func isTemplateFile(t string) bool {
	return strings.ContainsAny(t, `/\`) || strings.HasSuffix(t, ".jinja")
}

// normalise makes what weights are kept as anyway the same as a key that is left out.
func (q *Quantize) normalise(v *Vocabulary) {
	for kind, words := range map[string][]*string{"storages": {&q.Vision, &q.Language}, "table storages": {&q.Vocabulary}} {
		for _, word := range words {
			*word = v.Words[kind].unlessUsual(*word)
		}
	}
}

// quantized reports stages that would train or change weights that are kept in fewer bits.
func (r *Recipe) quantized(d *decoder) {
	q := &r.Model.Quantize
	rounded := map[string]bool{PartVision: q.Vision != "", PartLanguage: q.Language != "" || q.Vocabulary != "", PartBlocks: q.Language != ""}
	for i := range r.Stages {
		s, key := &r.Stages[i], "stages."+strconv.Itoa(i)
		if s.Train != nil {
			for _, part := range s.Train.Train {
				if part == PartBlocks && r.Model.Expand == 0 {
					d.at(key+".train", "there are no inserted blocks: model.expand is 0")
				}
				if rounded[part] {
					d.at(key+".train", "%s is trained whole, but model.quantize keeps it in fewer bits: give it adapters, or leave it float32", part)
				}
			}
		}
		if s.Train != nil && s.Train.Adapters != nil {
			for part, a := range map[string]*Adapter{PartVision: s.Train.Adapters.Vision, PartLanguage: s.Train.Adapters.Language} {
				if a != nil && rounded[part] && d.words.ChangesWeights != nil && d.words.ChangesWeights(a.Start) {
					d.at(key+".adapters."+part+".start", "%s changes the weights, and model.quantize keeps them in fewer bits: they would have to be rounded again", a.Start)
				}
			}
		}
		if e := s.Export; e != nil && e.MergeInto != "" {
			switch {
			case e.MergeInto == "full":
				e.MergeInto = "" // the default
			case *q == (Quantize{}):
				d.at(key+".merge_into", "nothing is rounded: model.quantize is not given")
			case e.Format != "hf" && e.Format != "towers":
				d.at(key+".merge_into", "nothing is merged in the format %s", e.Format)
			}
		}
		if s.Kind == Merge && *q != (Quantize{}) {
			d.at(key, "merging into rounded weights would round them again: leave this stage out; export merges into the full weights by itself")
		}
	}
}

// stages works out names, where each stage starts from, and which models carry adapters.
func (r *Recipe) stages(d *decoder) {
	adapted := make([]bool, len(r.Stages)) // whether there are unmerged adapters after the stage
	for i := range r.Stages {
		s, key := &r.Stages[i], "stages."+strconv.Itoa(i)
		if !slices.Contains(Kinds(), s.Kind) {
			continue // reported already
		}
		if s.Name == "" && !d.has(key+".name") {
			s.Name = s.Kind
		}
		switch _, first := r.Stage(s.Name); {
		case !stageForm.MatchString(s.Name):
			d.at(key+".name", "%q: expected lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit", s.Name)
		case s.Name == "model":
			d.at(key+".name", "model is what from calls the recipe's own model; expected another name")
		case first < i:
			d.at(key+".name", "%q is the name of stages.%d, too; give each its own", s.Name, first)
		}
		from := r.from(d, key, i)
		before := from >= 0 && adapted[from]
		switch {
		case s.Train != nil:
			if s.Train.Train == nil {
				s.Train.Train = r.Model.trained(s)
			}
			s.Train.check(d, key, s.Kind, before, &r.Data)
			adapted[i] = before || s.Train.Adapters != nil
		case s.Evaluate != nil:
			s.Evaluate.check(d, key)
			for k := range s.Evaluate.Suites {
				r.ownSuite(d, i, &s.Evaluate.Suites[k], key+".suites."+strconv.Itoa(k))
			}
		case s.Kind == Merge && !before:
			d.at(key, "there are no adapters to merge in the model this stage takes")
		case s.Export != nil && slices.Contains([]string{"peft", "folded", "xtuner"}, s.Export.Format) && !before:
			d.at(key+".format", "%s needs adapters that are not merged, and the model this stage takes has none", s.Export.Format)
		}
	}
}

// from finds the stage whose model stage i takes: its place, or -1 for the recipe's model.
func (r *Recipe) from(d *decoder, key string, i int) int {
	s := &r.Stages[i]
	if d.has(key + ".from") {
		if s.From == "model" {
			s.From = ""
			return -1
		}
		earlier, at := r.Stage(s.From)
		switch {
		case earlier == nil || at >= i:
			known := []string{"model"}
			for _, e := range r.Stages[:i] {
				known = append(known, e.Name)
			}
			d.at(key+".from", "no earlier stage is called %q; %s", s.From, nearest(s.From, known))
			return -1
		case !earlier.ChangesModel():
			d.at(key+".from", "%s is a stage of kind %s, which leaves no model behind", s.From, earlier.Kind)
			return -1
		}
		return at
	}
	for at := i - 1; at >= 0; at-- {
		if e := &r.Stages[at]; slices.Contains(Kinds(), e.Kind) && e.ChangesModel() {
			s.From = e.Name
			return at
		}
	}
	return -1
}

// ofTheRun are names that a run gives to files in the directory of each stage.
var ofTheRun = []string{"begun.json", "manifest.json"}

func (e *EvaluateConfig) check(d *decoder, key string) {
	if e.Weights == "f32" {
		e.Weights = "" // the default
	}
	seen := map[string]bool{}
	for i := range e.Suites {
		s, key := &e.Suites[i], key+".suites."+strconv.Itoa(i)
		if s.Name == "" {
			named := ".tsv"
			if s.Data != "" {
				named = ".data"
			}
			path, ok := d.environment.written[key+named]
			if ok { // a variable's name may be seen
				path = strings.NewReplacer("$${", "${", "${", "", "}", "").Replace(path)
			} else {
				path = string(s.TSV + s.Data)
			}
			if s.HeldOut != "" {
				path = s.HeldOut + "-held-out"
			}
			s.Name = s.named(path)
		}
		if name, err := CleanName(s.Name); err != nil {
			d.at(key+".name", "%q %v", s.Name, err)
		} else if s.Name = name; seen[strings.ToLower(s.Name)] {
			d.at(key+".name", "%q is the name of another suite of this stage; give each its own", s.Name)
		}
		if slices.Contains(ofTheRun, strings.ToLower(s.Name)) {
			d.at(key+".name", "%q is a file of the run itself in the stage's directory; give the suite another name", s.Name)
		}
		seen[strings.ToLower(s.Name)] = true
		if s.Protocol == "" && s.TSV != "" && !saysProtocol(string(s.TSV)) {
			s.Protocol = d.words.Words["protocols"].Usual
		}
		if d.words.Shard != nil {
			if err := d.words.Shard(s.Shard); err != nil {
				d.at(key+".shard", "%v", err)
			}
		}
		s.judge(d, key)
	}
}

// named is the default name of a suite in a file.
func (s *Suite) named(path string) string {
	base := filepath.Base(path)
	name := strings.ReplaceAll(strings.TrimSuffix(base, filepath.Ext(base)), ":", "-")
	if s.Blank {
		name += "-blank"
	}
	return name
}

// judge checks the keys of a judge. Values that may be a secret by mistake are not shown.
func (s *Suite) judge(d *decoder, key string) {
	switch {
	case s.JudgeURL == "" && s.JudgeModel != "":
		d.at(key+".judge_model", "without judge_url: expected both")
	case s.JudgeURL == "" && s.JudgeKeyEnv != "":
		d.at(key+".judge_key_env", "without judge_url: expected both")
	case s.JudgeURL != "" && s.JudgeModel == "":
		d.at(key+".judge_url", "without judge_model: expected both")
	}
	if u, err := url.Parse(s.JudgeURL); s.JudgeURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		d.at(key+".judge_url", "expected a URL like https://host/v1, without user, query and fragment")
	}
	if s.JudgeKeyEnv != "" && !variableForm.MatchString(s.JudgeKeyEnv) {
		d.at(key+".judge_key_env", "expected the name of an environment variable, not a key")
	}
}

// saysProtocol says whether a suite's file names or implies how it is asked.
func saysProtocol(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}
