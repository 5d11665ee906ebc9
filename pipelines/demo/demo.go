// Package demo is the main job in small: it makes a data set of drawn scenes, runs a recipe on it from towers that are
// part of the program, and reports what became of it. It knows its towers, its data and the words of its report. The
// rest package stages does, as for any recipe.
package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"moslava/datasets"
	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/pipelines/demo/scenes"
	"moslava/pipelines/recipes"
	"moslava/pipelines/report"
	"moslava/pipelines/stages"
)

//go:embed towers demo.yaml
var files embed.FS

// Options of Run.
type Options struct {
	Dir   string    // takes all that the demonstration writes
	Force bool      // set aside what is in Dir; without it what is not of a demonstration is an error
	Short bool      // a minute in place of five: less data, fewer steps, no promise of accuracy
	Out   io.Writer // progress and what became of it, for people; nil: nobody
}

// size is how much of everything there is.
type size struct {
	AlignRows, TuneRows   int
	AlignSteps, TuneSteps int
	Questions             int // a multiple of the six categories
}

var (
	full  = size{AlignRows: 1600, TuneRows: 13600, AlignSteps: 100, TuneSteps: 850, Questions: 240}
	short = size{AlignRows: 200, TuneRows: 300, AlignSteps: 12, TuneSteps: 20, Questions: 12}
)

// Seeds of the data; the towers were pre-trained on scenes of seeds 1 to 7.
const alignSeed, tuneSeed, testSeed = 101, 102, 103

// Run runs the demonstration, or goes on with one that was interrupted.
func Run(ctx context.Context, opt Options) (err error) {
	began := time.Now()
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	n := full
	if opt.Short {
		n = short
	}
	release, err := output.Dir(opt.Dir, output.Options{Force: opt.Force, Mine: func(name string) bool {
		return slices.Contains([]string{"data", "towers", "demo.yaml", "run", report.HTMLFile}, name) || strings.HasPrefix(name, "unseen-")
	}})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	d := &demo{Options: opt, size: n}
	if err := d.prepare(); err != nil {
		return err
	}
	r, err := recipes.Load(d.path("demo.yaml"))
	if err != nil {
		return err
	}
	if err := stages.Run(ctx, r, stages.Options{Out: opt.Out}); err != nil {
		return err
	}
	return d.report(ctx, r, time.Since(began))
}

type demo struct {
	Options
	size
}

func (d *demo) path(names ...string) string {
	return filepath.Join(append([]string{d.Dir}, names...)...)
}

// prepare writes towers, recipe and data, as far as they are not there.
func (d *demo) prepare() error {
	if err := atomicfile.MkdirAll(d.path("data")); err != nil {
		return err
	}
	if err := extract(files, "towers", d.path("towers")); err != nil {
		return err
	}
	if err := d.writeRecipe(); err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "data: drawing %d pictures to align and %d to tune on, %d questions to test\n", d.AlignRows, d.TuneRows, d.Questions)
	for _, s := range []struct {
		name string
		rows int
		make func(n int, seed uint64) (samples func(func(scenes.Sample) bool))
		seed uint64
	}{
		{"align", d.AlignRows, func(n int, seed uint64) (s func(func(scenes.Sample) bool)) { return scenes.Align(n, seed) }, alignSeed},
		{"tune", d.TuneRows, func(n int, seed uint64) (s func(func(scenes.Sample) bool)) { return scenes.Tune(n, seed) }, tuneSeed},
	} {
		dir := d.path("data", s.name)
		if _, err := os.Stat(filepath.Join(dir, "state.json")); err == nil {
			continue // the last file that a finished data set gets
		}
		if err := datasets.WriteArrow(dir, scenes.Rows(s.make(s.rows, s.seed)), datasets.WriteOptions{RowsPerShard: 2000}); err != nil {
			return err
		}
	}
	return atomicfile.WriteFile(d.path("data", "test.tsv"), func(w io.Writer) error {
		return scenes.TestTSV(w, d.Questions, scenes.Test, testSeed)
	})
}

func (d *demo) writeRecipe() error {
	t, err := template.ParseFS(files, "demo.yaml")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(d.path("demo.yaml"), func(w io.Writer) error { return t.Execute(w, d.size) })
}

// extract writes a folder of fsys to dir.
func extract(fsys fs.FS, root, dir string) error {
	return fs.WalkDir(fsys, root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(path, root)))
		if e.IsDir() {
			return atomicfile.MkdirAll(to)
		}
		b, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		return atomicfile.WriteBytes(to, b)
	})
}
