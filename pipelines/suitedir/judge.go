package suitedir

import (
	"moslava/pipelines/eval"
	"moslava/pipelines/eval/judge"
)

// OpenJudge is the judge of a configuration, nil for the zero value.
func OpenJudge(c judge.Config) (eval.Judge, error) {
	if c == (judge.Config{}) {
		return nil, nil
	}
	j, err := judge.New(c)
	if err != nil {
		return nil, err // not j, which would be a Judge of no client
	}
	return j, nil
}
