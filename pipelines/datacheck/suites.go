package datacheck

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"moslava/internal/atomicfile"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
	"moslava/pipelines/progress"
	"moslava/pipelines/recipe"
)

// suites hashes the pictures of all suites that the recipe asks, but for those that are asked with grey ones.
func (c *checker) suites(ctx context.Context) (out []Suite, err error) {
	out = []Suite{}
	drawn, release, err := atomicfile.ScratchDir() // of scenes; a run draws them again
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	for i := range c.recipe.Stages {
		s := &c.recipe.Stages[i]
		if s.Evaluate == nil {
			continue
		}
		for k, suite := range s.Evaluate.Suites {
			if suite.Blank {
				continue
			}
			at := Suite{Stage: c.recipe.Mask(s.Name), Name: c.recipe.Mask(suite.Name)}
			if err := c.suite(ctx, suite, filepath.Join(drawn, fmt.Sprintf("%d-%d", i, k)), &at); err != nil {
				return nil, err
			}
			out = append(out, at)
		}
	}
	sortMarks(c.shown)
	return out, nil
}

// suite hashes the pictures of one suite. The error is ctx's: what is wrong with the suite is a finding.
func (c *checker) suite(ctx context.Context, s recipe.Suite, dir string, at *Suite) (err error) {
	found := findings{mask: c.recipe.Mask}
	part := int32(len(c.names))
	c.names = append(c.names, at.Name)
	defer func() { at.Findings = found.sorted(saySuite) }()
	suite, err := inputs.OpenRecipeSuite(ctx, c.recipe, &s, s.Name, dir)
	if err != nil {
		found.add(Fault, CannotOpen, err.Error())
		return nil
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	at.Items = len(suite.Items)
	if !c.processor.Config.HasVision() {
		return nil
	}
	pictures := picturesOf(suite)
	at.Pictures = len(pictures)
	bar := progress.New(c.out, "suite "+at.Name+": pictures", len(pictures))
	defer bar.Done()
	sums, wrong := make([]sum, len(pictures)), make([]error, len(pictures))
	err = each(ctx, workers(c.recipe), len(pictures), func(i int) {
		sums[i], wrong[i] = c.pictureOf(suite, pictures[i].key)
		bar.Step(1, "")
	})
	if err != nil {
		return err
	}
	for i, p := range pictures {
		if wrong[i] != nil {
			found.add(Fault, Broken, fmt.Sprintf("question %d: %v", p.item+1, wrong[i]))
			continue
		}
		c.shown = append(c.shown, mark{sums[i], int32(p.item), part})
	}
	return nil
}

func saySuite(f Finding) string {
	if f.Kind == CannotOpen {
		return "the stage would stop before its first question"
	}
	return number(f.Count, "picture") + " that cannot be read: the stage would stop"
}

// shownPicture is a picture of a suite by the first item that shows it.
type shownPicture struct {
	key  string
	item int
}

// picturesOf lists the pictures of a suite. Items of one question follow one another.
func picturesOf(s *suites.Suite) (out []shownPicture) {
	var last []string
	for i, it := range s.Items {
		keys := it.Pictures()
		if slices.Equal(keys, last) {
			continue
		}
		last = keys
		for _, key := range keys {
			out = append(out, shownPicture{key, i})
		}
	}
	return out
}

func (c *checker) pictureOf(s *suites.Suite, key string) (_ sum, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder panicked: %v", r)
		}
	}()
	b, err := s.Picture(key)
	if err != nil {
		return sum{}, err
	}
	im, err := c.processor.Picture(b)
	if err != nil {
		return sum{}, fmt.Errorf("picture %s: %w", key, err)
	}
	return pictureSum(&im), nil
}

// workers is how many goroutines read pictures of suites: as many as those of the first training stage.
func workers(r *recipe.Recipe) int {
	for i := range r.Stages {
		if t := r.Stages[i].Train; t != nil {
			load := inputs.LoadOptions(r, t, 0)
			return load.Threads()
		}
	}
	return 1
}

// each calls do with 0 to n-1 from several goroutines, until ctx ends.
func each(ctx context.Context, workers, n int, do func(i int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, workers) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
