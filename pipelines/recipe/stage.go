package recipe

// The kinds of stages.
const (
	Pretrain = "pretrain" // train whole towers
	Align    = "align"    // train the projector between frozen towers: LLaVA's first stage
	Tune     = "tune"     // train projector and adapters on instructions: LLaVA's second stage
	Merge    = "merge"    // fold the adapters into the weights they adapt
	Evaluate = "evaluate" // run evaluation suites
	Export   = "export"   // write the model for other programs
)

// Kinds lists the kinds of stages.
func Kinds() []string { return []string{Pretrain, Align, Tune, Merge, Evaluate, Export} }

// A Stage is one step of a run. Train, Evaluate or Export holds the keys of its kind, which
// in the file stand beside kind, name and from; a merge stage has no others.
type Stage struct {
	// Kind is required: pretrain, align, tune, merge, evaluate or export.
	Kind string `yaml:"kind,required" enum:"pretrain|align|tune|merge|evaluate|export"`
	// Name is the stage's directory: lower-case letters, digits, '.', '_' and '-'. Default: the kind. No two may be equal.
	Name string `yaml:"name" hash:"-"`
	// From is the earlier stage whose model this one takes, or model for the recipe's own. Default: the nearest
	// earlier stage that changes the model. After reading it is empty for the recipe's own.
	From string `yaml:"from" hash:"-"`

	Train    *TrainConfig    `yaml:"-"` // pretrain, align, tune
	Evaluate *EvaluateConfig `yaml:"-"`
	Export   *ExportConfig   `yaml:"-"`
}

// keysOf makes room for the keys of a kind, with a pointer to it; nil for a kind that has none.
func (s *Stage) keysOf(kind string) any {
	switch kind {
	case Pretrain, Align, Tune:
		s.Train = new(TrainConfig)
		return s.Train
	case Evaluate:
		s.Evaluate = new(EvaluateConfig)
		return s.Evaluate
	case Export:
		s.Export = new(ExportConfig)
		return s.Export
	}
	return nil
}

// ChangesModel says whether later stages may start from this one.
func (s *Stage) ChangesModel() bool { return s.Kind != Evaluate && s.Kind != Export }

// What a training stage can train.
const (
	PartVision    = "vision"
	PartProjector = "projector"
	PartLanguage  = "language"
	PartAdapters  = "adapters"
	PartBlocks    = "blocks" // those that model.expand inserts into the decoder
)

// TrainConfig holds the keys of pretrain, align and tune.
type TrainConfig struct {
	// Sources is required: where samples come from.
	Sources []Source `yaml:"data,required"`
	// Temperature makes the shares of the sources in a mixture more alike: a source of n rows and weight w has a share proportional to
	// (w n)^(1/temperature), as in T5 (arXiv 1910.10683, 3.5.2). The number of rows in an epoch stays. Default: 1, shares by weight alone.
	Temperature float64 `yaml:"temperature" range:"[0.1,1e6]"`
	// Limit takes only this many samples of an epoch; 0: all.
	Limit int `yaml:"limit" default:"0" range:"[0,1e15]"`
	// The keys of Data, for this stage. Default: as in the recipe's data.
	Data

	// Train lists what is trained: vision, projector, language (whole), blocks (those of model.expand), adapters. Everything else is frozen.
	// Default: vision, projector and language in pretrain; projector in align; projector and adapters in tune; of a decoder alone language in
	// pretrain and adapters in tune.
	Train []string `yaml:"train" enum:"vision|projector|language|blocks|adapters"`
	// Adapters to attach before training. Left out, adapters of the model this stage starts from are trained on.
	Adapters *AdaptersConfig `yaml:"adapters"`

	// Preference has the stage learn from pairs of answers, of which one is chosen, in place of single ones. Rows have chosen and rejected.
	Preference *Preference `yaml:"preference"`

	// LR is the highest learning rate. Default: 1e-3 in pretrain and align, 2e-4 in tune.
	LR float64 `yaml:"lr" range:"(0,10]"`
	// LRProjector, LRVision and LRLanguage are those of single parts, their adapters included. Default: lr.
	LRProjector float64 `yaml:"lr_projector" range:"(0,10]"`
	LRVision    float64 `yaml:"lr_vision" range:"(0,10]"`
	LRLanguage  float64 `yaml:"lr_language" range:"(0,10]"`

	// LoRAPlus is the learning rate of the adapters' B over that of A and the mixer (LoRA+, arXiv 2402.12354). Default: 1.
	LoRAPlus float64 `yaml:"lora_plus" range:"(0,1e6]"`

	// Batch is the number of samples in a batch. Default: 8, unless tokens is given.
	Batch int `yaml:"batch" range:"[1,1e9]"`
	// Tokens is how many tokens a batch holds at most, instead of a number of samples.
	Tokens int `yaml:"tokens" range:"[1,1e9]"`
	// Pack keeps so many batches open at once and puts each sample into the one that it fills best (greedy best fit), so that tokens is
	// used up when lengths differ. Samples attend to themselves alone, packed or not. 0: one batch after the other.
	Pack int `yaml:"pack" default:"0" range:"[0,4096]"`
	// GroupBy has samples of like lengths come together: length as transformers' group_by_length and XTuner do it, in tokens;
	// modality_length as LLaVA does it, samples with and without pictures apart, in words; modality_length-xtuner with XTuner's groups, in
	// tokens. A picture counts as one token or word. All texts are read before the first step, and tokenised where tokens count. Not with tokens. Default: none.
	GroupBy string `yaml:"group_by" words:"groupings"`
	// Accum is the number of batches in a step.
	Accum int `yaml:"accum" default:"1" range:"[1,1e6]"`
	// Epochs over the data. Default: 1, unless steps is given.
	Epochs int `yaml:"epochs" range:"[1,1e6]"`
	// Steps of the optimiser, instead of epochs.
	Steps int `yaml:"steps" range:"[1,1e9]"`

	// Schedule of the learning rate, as in package optim: constant, linear and cosine as transformers has them,
	// cosine-xtuner with XTuner's warm-up, cosine-ramp without a step at rate 0.
	Schedule string `yaml:"schedule" default:"cosine" words:"schedules"`
	// WarmupRatio is the share of all steps in which the rate rises. Default: 0.03, unless warmup_steps is given.
	WarmupRatio float64 `yaml:"warmup_ratio" range:"[0,1]"`
	// WarmupSteps is the number of those steps, instead of a share.
	WarmupSteps int `yaml:"warmup_steps" range:"[0,1e9]"`

	// WeightDecay, Beta1, Beta2 and Eps are AdamW's.
	WeightDecay float64 `yaml:"weight_decay" default:"0" range:"[0,10]"`
	Beta1       float64 `yaml:"beta1" default:"0.9" range:"[0,1)"`
	Beta2       float64 `yaml:"beta2" default:"0.999" range:"[0,1)"`
	Eps         float64 `yaml:"eps" default:"1e-8" range:"[0,1]"`
	// Clip is the largest norm of all gradients together; 0: no clipping.
	Clip float64 `yaml:"clip" default:"1" range:"[0,1e9]"`

	// OnDivergence: what happens when the loss has exploded: above twice that of the first step, and of a guess among all tokens (ln V), in
	// five steps in a row or in the last one. error ends the stage, and states saved before stay; ignore goes on.
	OnDivergence string `yaml:"on_divergence" default:"error" enum:"error|ignore" hash:"-"`

	// SaveEvery is the number of steps between states to resume from; 0: none but at the end.
	SaveEvery int `yaml:"save_every" default:"100" range:"[0,1e9]" hash:"-"`
	// Keep is how many of those states stay.
	Keep int `yaml:"keep" default:"2" range:"[1,1e6]" hash:"-"`
	// ValidateEvery is the number of steps between measurements on the validation share; 0: at the end only.
	ValidateEvery int `yaml:"validate_every" default:"0" range:"[0,1e9]"`
	// Checkpointing computes activations twice instead of keeping them: less memory, more time, the same results.
	Checkpointing bool `yaml:"checkpointing" default:"false" hash:"-"`
	// FeatureCache keeps what the vision tower makes of pictures for the epochs after the first, where nothing of the tower is trained. A plain size is
	// its memory.
	FeatureCache FeatureCache `yaml:"feature_cache" hash:"-"`
}

// FeatureCache says how much room features of pictures take: a picture of CLIP ViT-L/14-336 2.3 MiB. Those that find none are computed each time. Results do not
// depend on it by a bit.
type FeatureCache struct {
	// Memory is filled first. A size, as 2GiB.
	Memory Bytes `yaml:"memory,short" hash:"-"`
	// Disk is filled then, with files in the stage's directory that are removed at its end. A run that goes on finds them again.
	Disk Bytes `yaml:"disk" hash:"-"`
}

// On reports whether anything is kept.
func (c FeatureCache) On() bool { return c.Memory > 0 || c.Disk > 0 }

// Preference is how pairs of answers are learnt from; a plain string is the loss.
type Preference struct {
	// Loss is required: dpo or ipo, whose reference is the model without the adapters that are trained, or orpo, which has none.
	Loss string `yaml:"loss,required,short" words:"preferences"`
	// Beta weighs the difference from the reference, or in orpo the odds ratio.
	Beta float64 `yaml:"beta" default:"0.1" range:"(0,1000]"`
}

// A Source of samples; a plain string is its path.
type Source struct {
	// Path is required: a file or directory of stored samples (docs/formats.md has the forms, and the shapes of rows), or a name with a scheme.
	Path Path `yaml:"path,required,short"`
	// Images are folders for the pictures of this source, before those of data.images.
	Images []Path `yaml:"images"`
	// Weight is how often the source's samples come in a mixture, in relation to the others'.
	Weight float64 `yaml:"weight" default:"1" range:"(0,1e9]"`
	// Ignore names keys that are left out, besides those of the stage's ignore.
	Ignore []string `yaml:"ignore"`
	// Format: llm-adapters puts each row's instruction and output into LLM-Adapters' prompt, a text that is learnt whole. Default: each row's keys say
	// what it is, and its turns go through the chat template.
	Format string `yaml:"format" words:"row formats"`
	// ImageFirst puts pictures without a marker in the text in front of the first question. Without it such rows are errors.
	ImageFirst bool `yaml:"image_first" default:"false"`
	// Columns name the data's columns that are called otherwise than the keys of a row: {image: photo, question: q}. Other columns keep their own
	// names, and those that are not known are errors unless ignore names them.
	Columns Columns `yaml:"columns"`
	// Prompt is what is asked of rows that have a picture and a caption, or an answer and no question. With {question} in it, it is what each row's
	// question stands in; {NAME} is the text of any other column. A brace written twice is one.
	Prompt string `yaml:"prompt"`
	// Split is the one that is read of a directory of several: train, test, ...
	Split string `yaml:"split"`
}

// AdaptersConfig says what is attached to each tower; a tower left out gets no adapters.
type AdaptersConfig struct {
	Vision   *Adapter `yaml:"vision"`
	Language *Adapter `yaml:"language"`
	// Compose names adapter directories in place of fresh adapters: what each of them does to a layer gets a coefficient, and the coefficients alone are
	// trained, from zero (aTLAS, arXiv 2407.02880). Afterwards they are LoRA adapters. Parameters that the directories store entire, such as the
	// projector's, are not taken over. train is adapters by default then.
	Compose []Path `yaml:"compose"`
}

// An Adapter adds scale * B M A x to a linear layer, with A [r, in], mixer M [r, r] and B [out, r]; B starts at zero.
type Adapter struct {
	// R is the rank.
	R int `yaml:"r" default:"16" range:"[1,65536]"`
	// Alpha over r is the scale. Default: 2 r.
	Alpha float64 `yaml:"alpha" range:"(0,1e9]"`
	// Dropout of x in training.
	Dropout float64 `yaml:"dropout" default:"0.05" range:"[0,1)"`
	// Mixer says what M is: kaiming, orthogonal, normal, xavier and identity are trained from that start; butterfly is the fixed
	// [[I, I], [I, I]], which needs an even r; fixed-orthogonal is drawn and not trained; none is LoRA.
	Mixer string `yaml:"mixer" default:"kaiming" words:"mixers"`
	// Targets are the layers adapted: names, matched whole or after a dot; or one pattern, re: and a regular expression in Python's
	// syntax for the whole path of a layer; or all-linear for all but the output layer. embed_tokens and lm_head, by name or pattern, are the
	// decoder's tables; of an embedding A has a column for each token, A starts at zero and B at N(0, 1), as in PEFT.
	Targets []string `yaml:"targets" default:"all-linear"`
	// ExcludeModules are targets that get no adapter all the same, as names or one pattern.
	ExcludeModules []string `yaml:"exclude_modules"`
	// ModulesToSave are modules trained whole with the adapters and stored beside them, as [embed_tokens, lm_head]: names as in targets.
	ModulesToSave []string `yaml:"modules_to_save"`
	// TrainableTokenIndices are tokens whose rows of the embedding alone are trained, by id or as they are written, and
	// of a head that shares its table. {embed_tokens: [...], lm_head: [...]} trains rows of a head with a table of its
	// own, too. Rows of model.add_tokens are trained besides.
	TrainableTokenIndices TokenIndices `yaml:"trainable_token_indices"`
	// Bias says which biases are trained besides: none, lora_only for those of adapted layers, or all. Default: none.
	Bias string `yaml:"bias" words:"biases"`
	// LoRABias adds a bias to B that is trained, too, as PEFT's lora_bias: the layer adds scale * (B M A x + bias).
	// Merging needs layers with biases, or a type of decoder whose configuration can give them some (LLaMA). It goes
	// with neither dora nor start: pissa.
	LoRABias bool `yaml:"lora_bias" default:"false"`
	// EnsureWeightTying keeps a head that shares the embedding's table sharing it: what adapts or replaces one does so to both. Without it the
	// other keeps the table as it was, as with PEFT, and the model has two tables from then on.
	EnsureWeightTying bool `yaml:"ensure_weight_tying" default:"false"`
	// RSLoRA makes the scale alpha over the root of r.
	RSLoRA bool `yaml:"rslora" default:"false"`
	// DoRA trains a length for every row of the weight besides (arXiv 2402.09353), whatever the mixer. Both towers agree in
	// this, because an adapter directory says it once.
	DoRA bool `yaml:"dora" default:"false"`
	// Start: lora starts A as a linear layer and B at zero; moslora_init then multiplies the mixer into A before training and leaves it
	// out: LoRA from MoSLoRA's start; pissa starts A and B at the weight's r largest singular values and leaves it the rest (mixer: none).
	// Default: lora.
	Start string `yaml:"start" words:"starts"`
	// FreezeA keeps A where it starts (LoRA-FA, arXiv 2308.03303); a learned mixer is trained all the same.
	FreezeA bool `yaml:"freeze_a" default:"false"`
	// RankPattern, AlphaPattern and MixerPattern are r, alpha and mixer of some layers: a mapping from regular expressions for the end of a layer's
	// path, as q_proj or layers\.0\.mlp\..*, to values. As with PEFT's rank_pattern the first that fits counts. alpha is not
	// changed by a rank_pattern. One that fits no layer is an error.
	RankPattern  Patterns[int]     `yaml:"rank_pattern" range:"[1,65536]"`
	AlphaPattern Patterns[float64] `yaml:"alpha_pattern" range:"(0,1e9]"`
	MixerPattern Patterns[string]  `yaml:"mixer_pattern" words:"mixers"`
}

// TokenIndices are tokens by the table whose rows are trained; a plain list is the embedding's.
type TokenIndices struct {
	Embed []string `yaml:"embed_tokens,short"`
	Head  []string `yaml:"lm_head"`
}

// EvaluateConfig holds the keys of evaluate.
type EvaluateConfig struct {
	// Suites is required: what is asked.
	Suites []Suite `yaml:"suites,required"`
	// Weights is how the model's weights are stored while it answers: as they are, or rounded to bfloat16, to blocks of 64 with 8 bits
	// a weight, or to NF4. Default: f32, which is exact; the others take less memory, and answer faster where there are few questions.
	Weights string `yaml:"weights" enum:"f32|bf16|q8|nf4"`
}

// A Suite is a table of questions; a plain string is its tsv.
type Suite struct {
	// TSV is required: a table with MMBench's columns, a suite's definition (.yaml), LLM-Adapters' questions (.json), or a name with a scheme.
	TSV Path `yaml:"tsv,required,short"`
	// Name of the suite in reports, and of its directory. Default: that of the file without its ending, with -blank if blank is set; a variable in
	// it gives its own name, not its value. No two of a stage may be equal.
	Name string `yaml:"name"`
	// Protocol: how is asked and how answers are read; docs/evaluation.md has a table. Default: what a definition says, or
	// vlmevalkit-2024.06.
	Protocol string `yaml:"protocol" words:"protocols"`
	// Images are folders in which pictures that the table's column image_path names are looked for, in order, before those that a
	// definition names, the table's own and images/ in it.
	Images []Path `yaml:"images"`
	// Limit takes only the first so many questions; 0: all.
	Limit int `yaml:"limit" default:"0" range:"[0,1e9]"`
	// Shard takes only a part of those, i/n for part i of n counted from 1, as in 2/4; moslava join puts parts together. Default: everything.
	Shard string `yaml:"shard"`
	// StopEarly asks no more passes of a circular question that cannot be a hit any more. Circular scores stay what they are; shares of passes are not known.
	StopEarly bool `yaml:"stop_early" default:"false"`
	// Blank replaces every picture by a grey one: what text alone can answer.
	Blank bool `yaml:"blank" default:"false"`
	// JudgeURL is the base URL of an OpenAI-compatible service, as in http://localhost:8000/v1, that reads what no rule reads, under protocols that have a judge. Default: none;
	// such answers are wrong. Its failure is an error.
	JudgeURL string `yaml:"judge_url"`
	// JudgeModel is the service's model.
	JudgeModel string `yaml:"judge_model"`
	// JudgeKeyEnv names the environment variable that holds the service's key. Default: none is sent.
	JudgeKeyEnv string `yaml:"judge_key_env" hash:"-"`
}

// ExportConfig holds the keys of export.
type ExportConfig struct {
	// Format: hf is a directory of the model's family, or of a decoder alone, with adapters merged, peft an adapter directory with the mixer beside A and B, folded
	// a plain LoRA adapter directory with the mixer multiplied into it, xtuner the directories llm_adapter, visual_encoder_adapter and
	// projector, towers the directories vision and language.
	Format string `yaml:"format" default:"hf" enum:"hf|peft|folded|xtuner|towers"`
	// DType of the tensors written.
	DType string `yaml:"dtype" default:"float32" enum:"float32|bfloat16|float16"`
	// MergeInto says into what hf and towers merge where model.quantize keeps weights in fewer bits: full, the weights that the recipe's
	// directories have, or rounded, what rounding left of them: the model as it was tuned and evaluated, with a report of how far
	// the two are apart. Default: full.
	MergeInto string `yaml:"merge_into" enum:"full|rounded"`
	// Path written to. Default: the stage's own directory.
	Path Path `yaml:"path"`
}
