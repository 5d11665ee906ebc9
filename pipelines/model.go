package pipelines

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/checkpoint"
	"moslava/internal/infile"
	"moslava/internal/safetensors"
	"moslava/language/chat"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/vlm"
)

// What a stage that changes the model leaves in its directory. A model is the recipe's, changed by
// the chain of stages that led to it.
const (
	trainedFile = "trained.safetensors" // parameters of the base model that were trained, whole
	adaptersDir = "adapters"            // a PEFT directory with all adapters and the projector
	mergedFile  = "merged.json"         // adapters were folded in here
)

// baseModel is the recipe's model, before any stage.
func baseModel(r *recipe.Recipe) (*vlm.Model, *vlm.Processor, error) {
	m, p, err := openModel(r, false)
	if err != nil {
		return nil, nil, err
	}
	return m, p, adjust(r, m, p)
}

// adjust makes the changes to a model that the recipe asks for.
func adjust(r *recipe.Recipe, m *vlm.Model, p *vlm.Processor) error {
	c := r.Model
	for _, dir := range c.Adapters {
		err := m.CheckRows(string(dir))
		if err == nil {
			err = m.LoadAdapters(string(dir))
		}
		if err != nil {
			return fmt.Errorf("model.adapters: %w", err)
		}
		if err := m.MergeAdapters(); err != nil {
			return fmt.Errorf("model.adapters: %w", err)
		}
	}
	if c.From != "" {
		if err := m.SelectFeatures(c.FeatureLayer, c.SelectStrategy); err != nil {
			return err
		}
	}
	if c.ImageSize > 0 {
		if err := wholePatches(c.ImageSize, m.Config.Vision.PatchSize, m.Config.Vision.ImageSize); err != nil {
			return err
		}
		var err error
		if p.Pixels, err = p.Cutter.WithSize(p.Pixels, c.ImageSize); err != nil {
			return fmt.Errorf("model.image_size: %w", err)
		}
	}
	tiles := vlm.Tiles{Longest: c.Tiles.LongestEdge}
	if s := c.Tiles.Split; s != "" {
		split := s == "yes"
		tiles.Split = &split
	}
	q, err := p.WithTiles(tiles)
	if err != nil {
		return fmt.Errorf("model.tiles: %w", err)
	}
	*p = *q
	return nil
}

// wholePatches refuses an image_size of a recipe that leaves part of each picture unseen. At the tower's own size, as SigLIP's 384 in patches of 14, the rest
// is cut off, as the convolution of transformers does.
func wholePatches(size, patch, own int) error {
	if size%patch == 0 || size == own {
		return nil
	}
	nearest := fmt.Sprintf("%d or %d", size/patch*patch, (size/patch+1)*patch)
	if size < patch {
		nearest = fmt.Sprint(patch)
	}
	return fmt.Errorf("model.image_size is %d, which is no multiple of the vision tower's patch_size %d: the rest of each picture would be cut off; want %s",
		size, patch, nearest)
}

// modelDirs are the directories that the recipe's model comes from.
func modelDirs(r *recipe.Recipe) (dirs []string) {
	for _, p := range []recipe.Path{r.Model.From, r.Model.Vision, r.Model.Language} {
		if p != "" {
			dirs = append(dirs, string(p))
		}
	}
	return dirs
}

// unrounded is the recipe with all weights in float32.
func unrounded(r *recipe.Recipe) *recipe.Recipe {
	full := *r
	full.Model.Quantize = recipe.Quantize{}
	return &full
}

// baseName is what adapters give as the model they belong to.
func baseName(r *recipe.Recipe) string {
	r = r.Written()
	if r.Model.From != "" {
		return path.Base(filepath.ToSlash(string(r.Model.From)))
	}
	return r.Name
}

// openModel opens the recipe's model, or its outline, before adjust.
func openModel(r *recipe.Recipe, outline bool) (*vlm.Model, *vlm.Processor, error) {
	c := r.Model
	opt := vlm.Options{Expand: c.Expand, Random: c.Init == "random", Seed: r.Seed,
		Tokens: vlm.TokensOf(c.AddTokens, c.AddSpecialTokens), Outline: outline}
	if c.ChatTemplate != "" {
		var err error
		if opt.Template, err = chatTemplate(c); err != nil {
			return nil, nil, fmt.Errorf("chat_template: %w", err)
		}
	}
	var err error
	if opt.Storage, err = vlm.ParseStorage(c.Quantize.Vision, c.Quantize.Language, c.Quantize.Vocabulary); err != nil {
		return nil, nil, fmt.Errorf("quantize: %w", err)
	}
	m, p, err := vlm.Open(specOf(c), opt)
	if c.From != "" {
		if alone := isJoined(c.From, m); alone != nil { // before what is wrong with it as such
			err = alone
		}
	}
	return m, p, err
}

// specOf says what the model is read from.
func specOf(c recipe.Model) vlm.Spec {
	layers, strategy := c.FeatureLayer, cmp.Or(c.SelectStrategy, "default")
	if len(layers) == 0 {
		layers = []int{-2}
	}
	return vlm.Spec{Dir: string(c.From), Towers: vlm.Towers{Vision: string(c.Vision), Language: string(c.Language),
		Projector: c.Projector.Type, Scale: c.Projector.Scale, ProjectorFrom: string(c.Projector.From),
		FeatureLayers: layers, Strategy: strategy}}
}

// isJoined refuses a decoder in the place of a whole model: a recipe of one says so, and its keys are checked for it.
func isJoined(dir recipe.Path, m *vlm.Model) error {
	if m == nil || m.Config.HasVision() {
		return nil
	}
	return fmt.Errorf("model.from: %s is a decoder alone (model_type %s), want a LLaVA directory; to train it on text name it in model.language", dir, m.Config.Text.ModelType)
}

// maxTemplate bounds a file with a chat template.
const maxTemplate = 1 << 20

// chatTemplate is the recipe's template: a built-in one, or one in a Jinja file, which sees the special tokens of the model's directory.
func chatTemplate(c recipe.Model) (*chat.Template, error) {
	name, dir := c.ChatTemplate, string(c.Language)
	if c.From != "" {
		dir = string(c.From)
	}
	if !c.TemplateFile() {
		return chat.Named(name)
	}
	b, err := infile.Read(name, maxTemplate)
	if err != nil {
		return nil, err
	}
	vars, err := chat.SpecialTokens(dir)
	if err != nil {
		return nil, err
	}
	return chat.Parse(string(b), vars)
}

// modelAfter is the recipe's model as stage i leaves it; -1 is the recipe's own.
func modelAfter(r *recipe.Recipe, d *run.Dir, i int) (*vlm.Model, *vlm.Processor, error) {
	var chain []string
	for i >= 0 {
		chain = append([]string{d.StageDir(i)}, chain...)
		i, _ = d.From(i)
	}
	return modelOf(r, chain)
}

// modelOf is the recipe's model, changed by the stages with these directories, one after the other.
func modelOf(r *recipe.Recipe, chain []string) (*vlm.Model, *vlm.Processor, error) {
	m, p, err := baseModel(r)
	if err != nil {
		return nil, nil, err
	}
	for k, dir := range chain {
		last, err := lastAdapters(chain[k+1:])
		if err == nil {
			err = applyStage(m, dir, last)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return m, p, nil
}

// lastAdapters says whether a stage's adapters last until something is done with them, a merge or the end: later stages of the
// chain that have a directory of adapters have them all, as they became.
func lastAdapters(later []string) (bool, error) {
	for _, dir := range later {
		if merged, err := there(filepath.Join(dir, mergedFile)); merged || err != nil {
			return true, err
		}
		if again, err := there(filepath.Join(dir, adaptersDir)); again || err != nil {
			return false, err
		}
	}
	return true, nil
}

// applyStage changes the model as the stage with that directory did; adapters says whether its adapters, too.
func applyStage(m *vlm.Model, dir string, adapters bool) error {
	if ok, err := there(filepath.Join(dir, mergedFile)); err != nil {
		return err
	} else if ok {
		if err := m.MergeAdapters(); err != nil {
			return err
		}
	}
	if ok, err := there(filepath.Join(dir, trainedFile)); err != nil {
		return err
	} else if ok {
		if err := loadTrained(m, filepath.Join(dir, trainedFile)); err != nil {
			return err
		}
	}
	ok, err := there(filepath.Join(dir, adaptersDir))
	if err != nil || !ok || !adapters {
		return err
	}
	m.DetachAdapters() // the directory has them all, as they are now
	return m.LoadAdapters(filepath.Join(dir, adaptersDir))
}

func there(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// loadTrained replaces the parameters that a file holds.
func loadTrained(m *vlm.Model, path string) error {
	f, err := checkpoint.OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, name := range f.Names() {
		p := m.Params.Get(name)
		if p == nil {
			return fmt.Errorf("%s: the model has no parameter %s", path, name)
		}
		data, err := f.Float32(name, p.Shape)
		if err != nil {
			return err
		}
		if err := p.Set(data, p.Shape); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// saveTrained writes the base model's trained parameters, and the adapters if there are any.
func saveTrained(m *vlm.Model, dir, base string, trained []string) error {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for _, name := range trained {
		p := m.Params.Get(name)
		tensors = append(tensors, safetensors.Tensor{Name: name, Shape: p.Shape, Data: p.Floats()})
	}
	if len(tensors) > 0 {
		if err := safetensors.Write(filepath.Join(dir, trainedFile), tensors, map[string]string{"format": "pt"}); err != nil {
			return err
		}
	}
	if m.Adapters.Len() == 0 {
		return nil
	}
	to := filepath.Join(dir, adaptersDir)
	if err := atomicfile.MkdirAll(to); err != nil {
		return err
	}
	return m.SaveAdapters(to, base, false)
}
