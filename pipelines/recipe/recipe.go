// Package recipe reads the YAML file that says what a run does: which model, which data, and the stages in order. The
// doc comments of the types below are its documentation. It knows keys, their values and which go together. What a
// model, a data set or a stage is, it does not know, and it opens none: names and rules of such things come in a Vocabulary.
//
// Reading is strict. A key that is not known, comes twice, has a value of the wrong type or
// out of range, or is missing though required, is a problem; so are combinations
// that would silently do nothing. All problems come back in one *Error, each with
// file, line and key.
//
// Rules that hold everywhere:
//   - ${VAR} in a value is the environment variable, which must be set; $${ is a plain ${. Texts and paths that a run writes
//     and says have ${VAR} still: values may be secrets. The name of a run, a stage or a suite is that of a directory, though, where
//     everybody sees it; numbers, choices such as a mixer, and names of modules are seen in what is made with them.
//   - A relative path is relative to the directory of the recipe. A name with a
//     scheme, as in scenes:tune, is not a path and stays as it is.
//   - Where a list is expected, a single value stands for a list of one.
//   - YAML anchors, aliases and merge keys (<<) work.
//
// A small recipe:
//
//	name: demo
//	model: {vision: models/dinov2-small, language: models/smollm2-135m}
//	stages:
//	  - kind: align
//	    data: data/captions
//	  - kind: tune
//	    data: [data/instructions, {path: data/questions, weight: 2}]
//	    adapters: {vision: {r: 16}, language: {r: 64, alpha: 128}}
//	  - kind: evaluate
//	    suites: data/mmbench_dev_en.tsv
//	  - kind: export
package recipe

import (
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Path is a file or directory. In a recipe that was read it is either absolute, or relative
// to the working directory, or a name with a scheme.
type Path string

// A Recipe is one run. Defaults stand in the default tags, or in the comment where they depend on other keys.
type Recipe struct {
	// Name is required: letters of any alphabet, digits, spaces, '.', '_' and '-', beginning with a letter or digit. Brought to NFC.
	Name string `yaml:"name,required"`
	// Seed of everything drawn: initial weights, shuffling, dropout.
	Seed uint64 `yaml:"seed" default:"0"`
	// Threads that compute; 0: one per core. Results do not depend on it.
	Threads int `yaml:"threads" default:"0" range:"[0,1024]" hash:"-"`
	// RunDir takes all that the run writes. Default: runs/NAME under the working directory.
	RunDir Path `yaml:"run_dir" hash:"-"`
	// Model is required: what the first stage starts from.
	Model Model `yaml:"model,required"`
	// Data holds the defaults of the same keys of all training stages.
	Data Data `yaml:"data" hash:"-"`
	// Stages is required: what is done, in order.
	Stages []Stage `yaml:"stages,required"`

	file string     // as given to Load or Parse
	text []byte     // what stands in it
	root *yaml.Node // the document as it was read
	sets []string   // the overrides that came on top

	words       *Vocabulary
	environment *Environment
}

// Model says what is trained or evaluated: a LLaVA model directory (From), or two towers
// and a projector between them, fresh or trained (Vision, Language and Projector), or a decoder alone (Language), which takes text only.
type Model struct {
	// From is a model directory of Hugging Face's: LLaVA, SmolVLM or Idefics3. Excludes Vision, Language and Projector.
	From Path `yaml:"from"`
	// Vision is the directory of a vision tower (CLIP, SigLIP, DINOv2), or of a LLaVA model, whose tower is taken. Left out beside Language, there are no pictures, and keys that are about
	// them are errors.
	Vision Path `yaml:"vision"`
	// Language is the directory of a decoder with its tokenizer (LLaMA, Mistral, Qwen2, InternLM2), or of a LLaVA model, whose decoder is taken.
	Language Path `yaml:"language"`
	// Init says where weights come from: load reads them; random draws them from the seed, and
	// the directories need no weights, only configurations, the tokenizer and, of a whole model, its processor.
	Init string `yaml:"init" default:"load" enum:"load|random"`
	// Projector between two towers.
	Projector Projector `yaml:"projector"`
	// Adapters are directories of trained adapters, in any layout that is read: PEFT's, LLaVA's of LoRA runs, XTuner's with llm_adapter/ and
	// visual_encoder_adapter/. They are merged into the weights one after the other before the first stage, as PEFT's merge_and_unload
	// does, and what they hold entire takes the place of the model's. A stage may hang fresh adapters on the result.
	Adapters []Path `yaml:"adapters"`
	// ImageSize is the side in pixels images are brought to, a multiple of the tower's patches; 0: the vision tower's own.
	ImageSize int `yaml:"image_size" default:"0" range:"[0,4096]"`
	// Tiles say how many tiles a picture becomes, in families that cut pictures (SmolVLM, Idefics3): fewer are faster, more see smaller things.
	Tiles Tiles `yaml:"tiles"`
	// FeatureLayer of the vision tower, counted as hidden_states (negative: from the end); several are joined.
	// Default: as the model in From says, -2 for two towers.
	FeatureLayer []int `yaml:"feature_layer" range:"[-256,256]"`
	// SelectStrategy: default drops the first token of each picture, which is the class token, full keeps it. SigLIP has no class
	// token and wants full. Default: as the model in From says, else default.
	SelectStrategy string `yaml:"select_strategy" enum:"default|full"`
	// Expand inserts so many blocks into the decoder, copies of the last of as many groups of equal length, which change nothing at first (LLaMA Pro, arXiv
	// 2401.02415). It divides the number of the decoder's blocks. train: blocks in a stage trains them alone.
	Expand int `yaml:"expand" default:"0" range:"[0,1000]"`
	// AddTokens are added to the tokenizer, as transformers' add_tokens does it: text that becomes one id. Each gets a
	// row in the decoder's tables that starts as the mean of the others, unless the model has rows to spare, which are
	// taken as they are. adapters.language of a stage trains these rows of every table that is neither a target nor in
	// modules_to_save; a stage that trains language whole trains them with the rest. A token that is there already is
	// an error. With a vision tower tables grow to a multiple of 64.
	AddTokens []string `yaml:"add_tokens"`
	// AddSpecialTokens are added behind those as special tokens, which answers do not show.
	AddSpecialTokens []string `yaml:"add_special_tokens"`
	// Quantize keeps frozen weights in fewer bits, which is how a model that is larger than the memory is tuned. Weights are
	// rounded as they are read, one tensor at a time, and stay so in every stage but export to hf and towers, which
	// merges adapters into the full weights that the directories above have.
	Quantize Quantize `yaml:"quantize"`
	// ChatTemplate is the name of a built-in template (vicuna_v1, plain, chatml) or a Jinja file, recognised
	// by a separator or the ending .jinja. Default: the one in the model's or the decoder's directory.
	ChatTemplate string `yaml:"chat_template" hash:"path"`
}

// Tiles say how many tiles a picture becomes.
type Tiles struct {
	// Split says whether pictures are cut at all (do_image_splitting); no leaves each of them one tile. Default: as the model's files say.
	Split string `yaml:"split" enum:"yes|no"`
	// LongestEdge is the length in pixels that the longest edge is brought to before a picture is cut (size.longest_edge); 0: as the
	// model's files say.
	LongestEdge int `yaml:"longest_edge" default:"0" range:"[0,4096]"`
}

// Quantize says how weights are kept: float32, bfloat16, or nf4, which is QLoRA's with double quantisation, 4.5 bits an element
// in memory (bitsandbytes: load_in_4bit with bnb_4bit_quant_type nf4 and bnb_4bit_use_double_quant), or nf4-single, the same without
// double quantisation: a little nearer to the full weights, and of the same size in memory, where absmax is float32 in any case. Products are computed in
// float32 with the rounded weights. Adapters, projector, norms, biases and positions are always float32.
type Quantize struct {
	// Vision is for the weights of the vision tower's linear layers. Default: float32.
	Vision string `yaml:"vision" words:"storages"`
	// Language is for the weights of the decoder's linear layers. Default: float32.
	Language string `yaml:"language" words:"storages"`
	// Vocabulary is for the decoder's embeddings and output layer, which are never in nf4. Default: float32.
	Vocabulary string `yaml:"vocabulary" words:"table storages"`
}

// Projector maps image features to the decoder's embeddings. A plain string is its from.
type Projector struct {
	// From is a file or directory with a trained projector: LLaVA's mm_projector.bin, XTuner's projector/, projector.safetensors,
	// what an align stage left behind, or a whole model. Default: a fresh one, drawn from the seed.
	From Path `yaml:"from,short"`
	// Type: linear, two linear layers with a GELU between them, or a pixel shuffle and a linear layer. With the last the model is a SmolVLM:
	// the tower is a SigLIP, whose last hidden state is used, and pictures become tiles.
	Type string `yaml:"type" default:"mlp2x_gelu" words:"projectors"`
	// Scale is how many patches along a side become one token of the decoder; pixel_shuffle only. It divides the patches of a tile's side. 0: 2.
	Scale int `yaml:"scale" default:"0" range:"[0,64]"`
}

// Data says how stored samples become batches.
type Data struct {
	// Workers that read and encode; 0: as many as threads. Batches do not depend on it.
	Workers int `yaml:"workers" default:"0" range:"[0,1024]" hash:"-"`
	// Images are folders in which pictures that rows name by a path are looked for, in this order, and then in the folder of the data. A
	// picture has to lie in one of them, symbolic links followed.
	Images []Path `yaml:"images"`
	// MaxPixels is the largest width x height of a picture that is read; 0: 67108864. One that is larger is a bad sample. Above
	// 178956970 Pillow refuses it, too. Each of its pixels takes up to 16 bytes while it is read; those above the default are read one at a time. That of data holds
	// in evaluations, too.
	MaxPixels int `yaml:"max_pixels" default:"0" range:"[0,178956970]"`
	// MaxLength of a sequence in tokens, image tokens included; 0: the decoder's limit.
	MaxLength int `yaml:"max_length" default:"0" range:"[0,16777216]"`
	// OnLong: what happens to a longer sample. drop leaves it out; split cuts between turns after the last image; truncate cuts the end off, as other programs
	// do, and drops samples of which that would cut a picture or take all that is learnt; shrink cuts pictures into fewer tiles (SmolVLM, Idefics3). Each is
	// counted. Default: error.
	OnLong string `yaml:"on_long" default:"error" words:"on_long"`
	// OnBad: what happens to a sample that cannot be read; skipped ones are counted and named.
	OnBad string `yaml:"on_bad" default:"error" words:"on_bad"`
	// OnNoTargets: what happens to a sample without any supervised token.
	OnNoTargets string `yaml:"on_no_targets" default:"error" words:"on_no_targets"`
	// OnEmpty: what happens to a sample with an empty answer that is to be learnt, of which nothing but the end would be; learn takes it all the same. Default: error.
	OnEmpty string `yaml:"on_empty" words:"on_empty"`
	// Ignore names keys of rows, turns and content parts that are left out, whatever they hold. Without it a key that is not known, or that cannot be
	// used as tools and video cannot, is an error. "<video>" takes that marker as text. A key that no row of the data has is an error.
	Ignore []string `yaml:"ignore"`
	// Validation is the share of samples held out of training to measure the loss on.
	Validation float64 `yaml:"validation" default:"0" range:"[0,1)"`
	// ValidationBy says what is held out: row, or picture, under which rows that share a picture, by its bytes, are all held out or all
	// trained on; all rows are read before the first step then. Default: row.
	ValidationBy string `yaml:"validation_by" enum:"row|picture"`
}

// maxBytes is far above any recipe and far below what would hurt to parse.
const maxBytes = 1 << 20

func parse(d *decoder, b []byte) (*Recipe, error) {
	root, err := document(d.file, b)
	if err != nil {
		return nil, err
	}
	r, err := d.build(root)
	if err != nil {
		return nil, err
	}
	r.text = b
	return r, nil
}

// build makes a recipe from a parsed document, which it leaves alone, and overrides.
func (d *decoder) build(root *yaml.Node) (*Recipe, error) {
	r := &Recipe{file: d.file, root: root, sets: d.sets, words: d.words, environment: d.environment}
	changed := clone(root)
	for i, s := range d.sets {
		if err := override(changed, s, -(i + 1)); err != nil {
			d.problem(-(i + 1), "", "%v", err)
		}
	}
	if len(d.problems) == 0 {
		r.decode(d, changed)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	d.environment.arrange()
	return r, nil
}

// Dir is the directory relative paths were resolved against.
func (r *Recipe) Dir() string { return filepath.Dir(r.file) }

// File is the name the recipe was read under.
func (r *Recipe) File() string { return r.file }

// Stage returns the stage of that name and its place in Stages; nil and -1 if there is none.
func (r *Recipe) Stage(name string) (*Stage, int) {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i], i
		}
	}
	return nil, -1
}
