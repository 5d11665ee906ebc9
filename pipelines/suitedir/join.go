package suitedir

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"moslava/internal/atomicfile"
	"moslava/internal/output"
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/inputs"
)

// Join puts the directories of a suite's shards together in the directory to, which then has what one run over
// everything would have left. What is there already is an error, or by force is set aside.
func Join(ctx context.Context, suite string, dirs []string, to string, force bool, images ...string) (_ *score.Result, err error) {
	reads := slices.Concat(dirs, images, []string{inputs.SuitePath(suite)})
	release, err := output.Dir(to, output.Options{Reads: reads, Force: force})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, Undraw(to))
		}
		err = errors.Join(err, release())
	}()
	parts := make([]*score.Result, len(dirs))
	for i, dir := range dirs {
		if parts[i], err = Read(dir); err != nil {
			return nil, err
		}
	}
	var s *suites.Suite
	data := recordedData(parts[0])
	if data != nil {
		if len(data.Sources) == 1 && data.HeldOut == nil { // it may have been moved
			data.Sources[0].Path = suite
			data.Sources[0].Images = slices.Concat(images, data.Sources[0].Images)
		}
		s, err = inputs.OpenQuestions(ctx, data, parts[0].Suite)
	} else {
		s, err = inputs.OpenSuite(suite, "", to, images...)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	res, err := eval.Join(s, parts)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.MkdirAll(to); err != nil {
		return nil, err
	}
	if err := eval.WriteVerdicts(filepath.Join(to, eval.VerdictsFile), res.Verdicts); err != nil {
		return nil, err
	}
	d := &Dir{path: to, table: suite, suite: s, opt: Options{Images: images, Data: data}}
	return res, d.write(res)
}
