// Package answering opens what can be asked, a model's directory or the model of a run as its stages left it, and asks it
// a suite without a recipe.
package answering

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/infile"
	"moslava/pipelines/engine/answers"
	"moslava/pipelines/models"
	"moslava/pipelines/run"
	"moslava/pipelines/vlm"
)

// Options say how a model is opened to be asked.
type Options struct {
	Adapters  string // a directory of adapters that are attached; empty: none
	Weights   string // f32 (or empty) keeps them as they are; bf16, q8 and nf4 round them
	Tiles     vlm.Tiles
	MaxPixels int       // the largest picture that is read; 0: preprocess.DefaultMaxPixels
	Out       io.Writer // is told which model of a run is taken, and warnings; nil: nobody
}

// Open loads the directory of a LLaVA model or of a decoder alone, or the model of a run: as the last finished
// stage that changes it left it, or the stage whose directory is given. Of a run nothing is changed, and it need not be
// finished. Commands call Open; its errors name their flags.
func Open(ctx context.Context, model string, opt Options) (answers.Model, error) {
	a, _, err := open(ctx, model, opt)
	return a, err
}

// openNamed is Open, and names who answers.
func openNamed(ctx context.Context, model string, opt Options) (a answers.Model, id string, err error) {
	a, of, err := open(ctx, model, opt)
	if err != nil {
		return answers.Model{}, "", err
	}
	id, err = modelID(model, opt, of)
	return a, id, err
}

// open opens a model; of is nil if the model is none of a run.
func open(ctx context.Context, model string, opt Options) (a answers.Model, of *runModel, err error) {
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	var m *vlm.Model
	var p *vlm.Processor
	dirs := []string{model}
	if of, err = findRunModel(model); err != nil {
		return a, nil, err
	}
	if err := run.Intact(ctx, opt.Adapters); err != nil {
		return a, nil, err
	}
	if of != nil {
		m, p, err = of.open(ctx, opt.Out)
		dirs = models.Dirs(of.view.Recipe)
		if err == nil && opt.Adapters != "" {
			if m.Adapters.Len() > 0 {
				return a, nil, fmt.Errorf("--adapters: %s has adapters already; give the directory of a stage without, "+
					"or an export of the merged model", of.dir())
			}
			err = m.LoadAdapters(opt.Adapters)
		}
	} else if err = run.Intact(ctx, model); err == nil {
		m, p, err = openModelDir(model, opt.Adapters)
	}
	if err != nil {
		return a, nil, err
	}
	if err := m.Freeze(opt.Weights); err != nil {
		return a, nil, fmt.Errorf("--weights: %w", err)
	}
	for _, w := range vlm.LeftoverQuantization(dirs...) {
		if of != nil {
			w = of.view.Recipe.Mask(w)
		}
		fmt.Fprintf(opt.Out, "warning: %s\n", w)
	}
	if p, err = p.WithTiles(opt.Tiles); err != nil {
		return a, nil, fmt.Errorf("--split-pictures, --longest-edge: %w", err)
	}
	return answers.New(m, p.WithMaxPixels(opt.MaxPixels)), of, nil
}

// openModelDir opens a model, with adapters unless they are empty.
func openModelDir(dir, adapters string) (*vlm.Model, *vlm.Processor, error) {
	if _, err := os.Stat(filepath.Join(dir, vlm.ConfigFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s is no model directory: it has no %s; nor is it the directory of a run or of a stage in one",
			dir, vlm.ConfigFile)
	}
	return vlm.Open(vlm.Spec{Dir: dir}, vlm.Options{Adapters: adapters})
}

// modelFiles are the endings of the files that decide what a model answers.
var modelFiles = []string{".json", ".safetensors", ".jinja", ".model", ".txt"}

// modelID names who answers, by the bytes of all files that decide it: verdicts are resumed only when they are by the
// same.
func modelID(model string, opt Options, of *runModel) (string, error) {
	h := sha256.New()
	dirs := []string{model, opt.Adapters}
	if of != nil {
		if err := of.identify(h); err != nil {
			return "", err
		}
		dirs = []string{opt.Adapters}
	}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if name := e.Name(); slices.Contains(modelFiles, filepath.Ext(name)) {
				if err := hashFile(h, dir, name); err != nil {
					return "", err
				}
			}
		}
	}
	id := hex.EncodeToString(h.Sum(nil)[:8])
	if w := opt.Weights; w != "" && w != "f32" {
		id += "-" + w
	}
	if s := opt.Tiles.Split; s != nil {
		id += map[bool]string{true: "-split", false: "-whole"}[*s]
	}
	if n := opt.Tiles.Longest; n > 0 {
		id += fmt.Sprintf("-%dpx", n)
	}
	return id, nil
}

// hashFile adds a file's name, size and content, wherever a link leads.
func hashFile(h io.Writer, dir, name string) error {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	f, err := infile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintf(h, "%s\x00%d\x00", name, info.Size())
	_, err = io.Copy(h, f)
	return err
}
