package recipe

import "slices"

// partsOf says what a kind trains if the recipe does not.
var partsOf = map[string][]string{
	Pretrain: {PartVision, PartProjector, PartLanguage},
	Align:    {PartProjector},
	Tune:     {PartProjector, PartAdapters},
}

// rateOf is the default learning rate of a kind: LLaVA-1.5's for a projector alone and for adapters.
var rateOf = map[string]float64{Pretrain: 1e-3, Align: 1e-3, Tune: 2e-4}

// trained is what a stage that does not say so trains of the model.
func (m *Model) trained(s *Stage) []string {
	if s.Kind == Tune && s.Train.Adapters != nil && len(s.Train.Adapters.Compose) > 0 {
		return []string{PartAdapters}
	}
	if s.Train.Preference != nil && s.Kind == Tune {
		return []string{PartAdapters}
	}
	return slices.DeleteFunc(slices.Clone(partsOf[s.Kind]), func(part string) bool { return m.TextOnly() && isOfPictures(part) })
}

// check works out what is left open and reports what contradicts itself. The model the
// stage takes has adapters if before is set.
func (t *TrainConfig) check(d *decoder, key, kind string, before bool, data *Data) {
	t.inherit(d, key, data)
	t.exclusive(d, key)
	for i, part := range t.Train {
		if slices.Index(t.Train, part) < i {
			d.at(key+".train", "%s comes twice", part)
		}
	}
	t.adapters(d, key, before)
	t.preference(d, key, kind, before)
	t.rates(d, key, kind, before)
	if t.ValidateEvery > 0 && t.Validation == 0 {
		d.at(key+".validate_every", "there is nothing to measure on: validation, the share of samples held out, is 0")
	}
	if t.Temperature == 1 {
		t.Temperature = 0 // the default
	}
	if d.has(key+".temperature") && len(t.Sources) == 1 {
		d.at(key+".temperature", "there is one source, and shares are of several")
	}
	if t.GroupBy != "" && t.Tokens > 0 {
		d.at(key+".group_by", "makes groups of batches of so many samples: give batch in the place of tokens")
	}
	if t.FeatureCache.On() {
		if slices.Contains(t.Train, PartVision) || t.Adapters != nil && t.Adapters.Vision != nil {
			d.at(key+".feature_cache", "the vision tower is trained in this stage: what it makes of a picture changes with every step")
		}
	}
	for i, s := range t.Sources {
		if s.Path == "" && d.has(key+".data") {
			d.at(key+".data", "the path of source %d is empty", i)
		}
		about := s.Format != "" || len(s.Ignore) > 0 || s.ImageFirst || len(s.Columns) > 0 || s.Prompt != "" || s.Split != ""
		if scheme.MatchString(string(s.Path)) && !network.MatchString(string(s.Path)) && about {
			d.at(key+".data", "source %d is drawn: format, ignore, image_first, columns, prompt and split are about stored rows", i)
		}
	}
}

// inherit takes what the stage does not say about samples from the recipe's data.
func (t *TrainConfig) inherit(d *decoder, key string, data *Data) {
	own := t.Data
	t.Data = *data
	for name, take := range map[string]func(){
		"workers":       func() { t.Workers = own.Workers },
		"images":        func() { t.Images = own.Images },
		"max_pixels":    func() { t.MaxPixels = own.MaxPixels },
		"max_length":    func() { t.MaxLength = own.MaxLength },
		"on_long":       func() { t.OnLong = own.OnLong },
		"on_bad":        func() { t.OnBad = own.OnBad },
		"on_no_targets": func() { t.OnNoTargets = own.OnNoTargets },
		"on_empty":      func() { t.OnEmpty = own.OnEmpty },
		"ignore":        func() { t.Ignore = own.Ignore },
		"validation":    func() { t.Validation = own.Validation },
	} {
		if d.has(key + "." + name) {
			take()
		} else {
			d.derive(key+"."+name, "data."+name, "", same)
		}
	}
}

// exclusive handles keys of which one at most may be given, and what holds when none is.
func (t *TrainConfig) exclusive(d *decoder, key string) {
	for _, e := range []struct {
		a, b    string
		neither func()
	}{
		{"batch", "tokens", func() { t.Batch = 8 }},
		{"epochs", "steps", func() { t.Epochs = 1 }},
		{"warmup_ratio", "warmup_steps", func() { t.WarmupRatio = 0.03 }},
	} {
		a, b := d.has(key+"."+e.a), d.has(key+"."+e.b)
		if a && b {
			d.at(key+"."+e.b, "excludes %s: give one of them", e.a)
		} else if !a && !b {
			e.neither()
		}
	}
	if t.Pack > 1 && t.Tokens == 0 {
		d.at(key+".pack", "without tokens: there is no room to fill; expected tokens: N beside it, the tokens of a batch")
	}
	if t.Steps > 0 && t.WarmupSteps > t.Steps {
		d.at(key+".warmup_steps", "is %d, expected at most steps, %d", t.WarmupSteps, t.Steps)
	}
}

func (t *TrainConfig) adapters(d *decoder, key string, before bool) {
	trained := slices.Contains(t.Train, PartAdapters)
	a := t.Adapters
	switch {
	case a == nil && trained && !before:
		d.at(key+".adapters", "adapters are to be trained, but the model this stage takes has none: give adapters.vision, adapters.language or both, or leave adapters out of train")
		return
	case a == nil:
		return
	case before:
		d.at(key+".adapters", "the model this stage takes has adapters already: leave the key out to train them on, or merge them first")
	case !trained:
		d.at(key+".adapters", "train is %v: without adapters in it they would not be trained", t.Train)
	case len(a.Compose) > 0 && (a.Vision != nil || a.Language != nil):
		d.at(key+".adapters.compose", "excludes vision and language: compose directories, or attach fresh adapters")
	case len(a.Compose) > 0 && d.has(key+".lora_plus"):
		d.at(key+".lora_plus", "composed adapters train coefficients, and no B")
	case a.Vision == nil && a.Language == nil && len(a.Compose) == 0:
		d.at(key+".adapters", "expected vision, language or both")
	}
	if v, l := a.Vision, a.Language; v != nil && l != nil && v.DoRA != l.DoRA {
		d.at(key+".adapters.language.dora", "is %v, and that of vision is %v: an adapter directory holds it once", l.DoRA, v.DoRA)
	}
	a.Vision.check(d, key+".adapters.vision", slices.Contains(t.Train, PartVision))
	a.Vision.pictures(d, key+".adapters.vision")
	a.Language.check(d, key+".adapters.language", slices.Contains(t.Train, PartLanguage))
}

// preference reports what would take its reference away from a loss that has one.
func (t *TrainConfig) preference(d *decoder, key, kind string, before bool) {
	p := t.Preference
	if p == nil {
		return
	}
	if kind != Tune {
		d.at(key+".preference", "pairs of answers are learnt in stages of kind %s", Tune)
	}
	if !slices.Contains([]string{"", "error", "drop"}, t.OnLong) {
		d.at(key+".on_long", "is %s, and pairs of answers are taken whole: expected error or drop", t.OnLong)
	}
	if d.words.Reference == nil || !d.words.Reference(p.Loss) {
		return
	}
	if len(t.Train) != 1 || t.Train[0] != PartAdapters {
		d.at(key+".train", "is %v: the reference of %s is the model without its adapters, so adapters alone can be trained", t.Train, p.Loss)
	}
	if before {
		d.at(key+".preference", "the reference of %s is the model without its adapters, and the model this stage takes has some: merge them in a stage "+
			"of kind %s before this one, and give fresh adapters here", p.Loss, Merge)
	}
	if a := t.Adapters; a != nil {
		for name, part := range map[string]*Adapter{PartVision: a.Vision, PartLanguage: a.Language} {
			if part != nil && d.words.ChangesWeights(part.Start) {
				d.at(key+".adapters."+name+".start", "%s changes the weights that are the reference of %s", part.Start, p.Loss)
			}
		}
	}
}

// check works out the scale and reports contradictions; whole says that all of the tower is trained.
func (a *Adapter) check(d *decoder, key string, whole bool) {
	if a == nil {
		return
	}
	if !d.has(key + ".alpha") {
		a.Alpha = float64(2 * a.R)
	}
	a.Start = d.words.Words["starts"].unlessUsual(a.Start)
	a.Bias = d.words.Words["biases"].unlessUsual(a.Bias)
	if d.words.Adapter != nil && d.right(key) {
		for _, f := range d.words.Adapter(a) {
			d.at(join(key, f.Key), "%s", f.Text)
		}
	}
	for table, tokens := range map[string][]string{"embed_tokens": a.TrainableTokenIndices.Embed, "lm_head": a.TrainableTokenIndices.Head} {
		for i, token := range tokens {
			if slices.Index(tokens, token) < i {
				d.at(key+".trainable_token_indices", "%s comes twice for %s", token, table)
			}
		}
	}
	if whole {
		d.at(key, "the whole tower is trained in this stage, so it needs no adapters")
	}
}

// pictures refuses keys that are about the decoder's tables.
func (a *Adapter) pictures(d *decoder, key string) {
	if a == nil {
		return
	}
	if len(a.TrainableTokenIndices.Embed)+len(a.TrainableTokenIndices.Head) > 0 {
		d.at(key+".trainable_token_indices", "a vision tower has no tokens: give it under language")
	}
	if a.EnsureWeightTying {
		d.at(key+".ensure_weight_tying", "a vision tower has no tables: give it under language")
	}
}

// rates fills in the learning rates; one for a part that is not trained is a mistake.
func (t *TrainConfig) rates(d *decoder, key, kind string, before bool) {
	if !d.has(key + ".lr") {
		t.LR = rateOf[kind]
	}
	fresh := t.Adapters
	if t.LoRAPlus == 1 {
		t.LoRAPlus = 0 // the default
	}
	if d.has(key+".lora_plus") && !slices.Contains(t.Train, PartAdapters) {
		d.at(key+".lora_plus", "no adapters are trained in this stage")
	}
	trainsOld := (before && fresh == nil || fresh != nil && len(fresh.Compose) > 0) && slices.Contains(t.Train, PartAdapters)
	for _, part := range []struct {
		name    string
		rate    *float64
		adapted bool
	}{
		{PartProjector, &t.LRProjector, false},
		{PartVision, &t.LRVision, trainsOld || fresh != nil && fresh.Vision != nil},
		{PartLanguage, &t.LRLanguage, trainsOld || fresh != nil && fresh.Language != nil},
	} {
		if !d.has(key + ".lr_" + part.name) {
			*part.rate = t.LR
			d.derive(key+".lr_"+part.name, key+".lr", "", same)
		} else if !part.adapted && !slices.Contains(t.Train, part.name) && !(part.name == PartLanguage && slices.Contains(t.Train, PartBlocks)) {
			d.at(key+".lr_"+part.name, "nothing of the %s is trained in this stage", part.name)
		}
	}
}
