package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"moslava/datasets"
	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/pipelines/engine/answers"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/judge"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/plan"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
	"moslava/pipelines/suitedir"
	"moslava/pipelines/vlm"
	"moslava/vision/preprocess"
)

// training looks at adapters and at the first batches of a stage's data, as the stage itself would read them.
func (f *checker) training(ctx context.Context, s *recipe.Stage) {
	r, c := f.recipe, s.Train
	f.problem(s, "max_length", inputs.CheckLength(c, f.model.Config.Text.MaxPositionEmbeddings))
	in := plan.Input{Model: f.model, Accum: c.Accum, Threads: threadsOf(r), Share: heapGrowth(),
		Files: weightFiles(r), Decoding: decoding(s.Train), Kept: int(c.FeatureCache.Memory)}
	var err error
	if in.Part, err = partOf(r, s); err != nil {
		f.problem(s, "adapters", err)
		return
	}
	defer f.bare(s, f.model.Config.Text.TieWordEmbeddings)
	if in.Counts, err = attachOutlines(r, s, f.model, f.processor.Tokenizer); err != nil {
		f.problem(s, "adapters", err)
		return
	}
	if c.FeatureCache.On() {
		if module := f.model.VisionAdapter(); module != "" {
			f.problem(s, "feature_cache", fmt.Errorf("the vision tower has adapters (%s): merge them first", module))
			return
		}
	}
	data, err := sampleData(ctx, r, c, f.processor, f.opt, &in)
	if err != nil {
		f.problem(s, "data", err)
		return
	}
	if err := picturesThere(ctx, f.model, c); err != nil && data.assumed == nil {
		f.problem(s, "data", err)
		return
	}
	made, err := plan.Make(in)
	if err != nil {
		f.problem(s, "", err)
		return
	}
	made.Name = s.Name
	f.planned = append(f.planned, planned{s, in, data, made})
}

// picturesThere looks for the pictures that rows of a stage's data name as files, in all rows: one of the last would
// end the stage after days. Under on_bad: skip such rows are passed over, and under a limit it is not known here which
// are read.
func picturesThere(ctx context.Context, m *vlm.Model, c *recipe.TrainConfig) error {
	if !m.Config.HasVision() || c.OnBad == datasets.OnSkip || c.Limit > 0 {
		return nil
	}
	err := inputs.CheckPictures(ctx, c)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w; on_bad skip leaves such samples out", err)
	}
	return err
}

// bare takes the adapters of a stage off the outline, for other stages. One whose table they have split in two is
// replaced.
func (f *checker) bare(s *recipe.Stage, tied bool) {
	f.model.DetachAdapters()
	if tied == f.model.Config.Text.TieWordEmbeddings {
		return
	}
	m, p, err := models.Outline(f.recipe)
	if err != nil {
		f.problem(s, "adapters", err)
		return
	}
	f.model, f.processor = m, p
}

// suites opens and parses every suite, and puts the first question of each together.
func (f *checker) suites(ctx context.Context, s *recipe.Stage) {
	for i, suite := range s.Evaluate.Suites {
		if err := f.suite(ctx, suite); err != nil {
			f.problem(s, fmt.Sprintf("suites.%d", i), err)
		}
	}
}

func (f *checker) suite(ctx context.Context, c recipe.Suite) (err error) {
	opt := eval.Options{Limit: c.Limit, StopEarly: c.StopEarly, Blank: c.Blank}
	asks := judge.Config{URL: c.JudgeURL, Model: c.JudgeModel, KeyEnv: c.JudgeKeyEnv}
	if opt.Judge, err = suitedir.OpenJudge(asks); err != nil {
		return fmt.Errorf("suite %s: %w", c.Name, err)
	}
	if opt.Shard, err = suites.ParseShard(c.Shard); err != nil {
		return fmt.Errorf("suite %s: %w", c.Name, err)
	}
	drawn, release, err := atomicfile.ScratchDir() // of scenes; the stage draws them again
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	suite, err := inputs.OpenRecipeSuite(ctx, f.recipe, &c, c.Name, drawn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	protocol, err := inputs.ProtocolOf(&c)
	if err != nil {
		return err
	}
	if opt.Protocol, err = protocols.ForSuite(suite, protocol); err != nil {
		return err
	}
	items, err := eval.Check(suite, answers.New(f.model, f.processor), &opt)
	if err != nil || len(items) == 0 || f.processor.Tokenizer == nil {
		return err
	}
	q, err := eval.QuestionOf(suite, items[0], opt.Protocol)
	if err == nil && !opt.Protocol.Raw {
		_, _, err = f.processor.Prompt(answers.Messages(q), q.Pictures)
	}
	if err != nil {
		return fmt.Errorf("suite %s: item %d: %w", suite.Name, items[0].ID, err)
	}
	return pictureHeaders(ctx, suite, items, opt.Protocol)
}

// pictureHeaders reads the headers of the pictures that a suite's questions show.
func pictureHeaders(ctx context.Context, suite *suites.Suite, items []suites.Item, p protocols.Protocol) error {
	var last []string
	for _, it := range items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if last != nil && slices.Equal(it.Pictures(), last) { // rows of one question follow one another
			continue
		}
		last = it.Pictures()
		q, err := eval.QuestionOf(suite, it, p)
		for i := 0; err == nil && i < len(q.Pictures); i++ {
			if q.Pictures[i] != nil {
				_, _, err = preprocess.Decoder{}.Size(q.Pictures[i])
			}
		}
		if err != nil {
			return fmt.Errorf("suite %s: item %d: %w", suite.Name, it.ID, err)
		}
	}
	return nil
}

// format says whether the model can be written so.
func (f *checker) format(_ context.Context, s *recipe.Stage) {
	f.problem(s, "format", f.model.CheckExport(s.Export.Format, f.processor))
}

// merges says whether the adapters that a stage folds into the model, if it does, can be.
func (f *checker) merges(_ context.Context, s *recipe.Stage) {
	if e := s.Export; e != nil && e.Format != vlm.FormatModel && e.Format != vlm.FormatTowers {
		return
	}
	from, _ := f.recipe.Stage(s.From)
	a := models.AdaptersAfter(f.recipe, from)
	if a == nil {
		return
	}
	for _, t := range models.Parts(a) {
		cfg, err := models.AdapterConfig(f.model, t.Part, t.Config, f.processor.Tokenizer)
		if err == nil {
			err = f.model.CheckMerge(t.Part, cfg)
		}
		f.problem(s, "", err)
	}
}

// target makes sure that an export's directory can be written to.
func (f *checker) target(_ context.Context, s *recipe.Stage) {
	if s.Export.Path == "" {
		return
	}
	f.problem(s, "path", writable(string(s.Export.Path)))
}

// occupied makes sure, for a plan, that no others' files lie where exports are to be. A run does that itself, as it may
// be forced.
func (f *checker) occupied() {
	for i := range f.recipe.Stages {
		s := &f.recipe.Stages[i]
		if s.Export == nil || s.Export.Path == "" {
			continue
		}
		path := f.recipe.ExportDir(i)
		ours, err := run.Claimed(f.recipe.StageDir(i), path)
		if err == nil && !ours {
			err = output.Vacant(path)
		}
		f.problem(s, "path", err)
	}
}

// writable says why a directory, which need not be there, cannot be made or written to.
func writable(dir string) error {
	at, err := existingAbove(dir)
	if err != nil {
		return err
	}
	_, release, err := atomicfile.TempDir(at)
	if err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, errors.Unwrap(err))
	}
	return release()
}

// existingAbove is the directory itself, or the nearest one above it that is there.
func existingAbove(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	for err == nil {
		var info os.FileInfo
		if info, err = os.Stat(dir); err == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is a file, expected a directory", dir)
		} else if err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || up == dir {
			break
		}
		dir, err = up, nil
	}
	return "", err
}
