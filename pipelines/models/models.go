// Package models makes what a recipe says of a model: Base and Outline read it as the recipe describes it, After and Of
// as the stages of a run have left it, and SaveTrained writes what a stage has trained. Adapters of recipes become
// moslora's here.
package models

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"

	"moslava/internal/infile"
	"moslava/language/chat"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// Base is the recipe's model, before any stage.
func Base(r *recipe.Recipe) (*vlm.Model, *vlm.Processor, error) {
	m, p, err := open(r, false)
	if err != nil {
		return nil, nil, err
	}
	return m, p, adjust(r, m, p)
}

// Outline is Base without weights, which need not be there.
func Outline(r *recipe.Recipe) (*vlm.Model, *vlm.Processor, error) {
	m, p, err := open(r, true)
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

// Dirs are the directories that the recipe's model comes from.
func Dirs(r *recipe.Recipe) (dirs []string) {
	for _, p := range []recipe.Path{r.Model.From, r.Model.Vision, r.Model.Language} {
		if p != "" {
			dirs = append(dirs, string(p))
		}
	}
	return dirs
}

// Unrounded is the recipe with all weights in float32.
func Unrounded(r *recipe.Recipe) *recipe.Recipe {
	full := *r
	full.Model.Quantize = recipe.Quantize{}
	return &full
}

// WritesFull says whether a stage writes a whole model with the weights that it was rounded from, if it was.
func WritesFull(s *recipe.Stage) bool {
	return s.Export != nil && (s.Export.Format == vlm.FormatModel || s.Export.Format == vlm.FormatTowers) && s.Export.MergeInto != "rounded"
}

// BaseName is what adapters give as the model they belong to.
func BaseName(r *recipe.Recipe) string {
	r = r.Written()
	if r.Model.From != "" {
		return path.Base(filepath.ToSlash(string(r.Model.From)))
	}
	return r.Name
}

// open opens the recipe's model, or its outline, before adjust.
func open(r *recipe.Recipe, Outline bool) (*vlm.Model, *vlm.Processor, error) {
	c := r.Model
	opt := vlm.Options{Expand: c.Expand, Random: c.Init == "random", Seed: r.Seed,
		Tokens: vlm.TokensOf(c.AddTokens, c.AddSpecialTokens), Outline: Outline}
	if c.ChatTemplate != "" {
		var err error
		if opt.Template, err = template(c); err != nil {
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

// template is the recipe's template: a built-in one, or one in a Jinja file, which sees the special tokens of the model's directory.
func template(c recipe.Model) (*chat.Template, error) {
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
