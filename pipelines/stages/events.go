package stages

import (
	"path/filepath"
	"slices"

	"moslava/pipelines/eval/score"
	"moslava/pipelines/eval/suites"
	"moslava/pipelines/metrics"
)

// Kinds of events.
const (
	StageSkipped  = "skipped"  // it was finished before
	StageBegun    = "begun"    // Reason says what was there
	StageStep     = "step"     // of a training stage
	StageResult   = "result"   // of one suite
	StageFinished = "finished" // Outputs are there
)

// An Event is something that a run has done, for programs that follow it. Fields that do not belong to the kind are empty. Names and paths have ${NAME}
// where the recipe has it.
type Event struct {
	Event   string          `json:"event"`
	Stage   string          `json:"stage"`
	Kind    string          `json:"kind"`              // of the stage
	Dir     string          `json:"dir"`               // of the stage, or of the suite
	Reason  string          `json:"reason,omitempty"`  // why a stage is begun: not begun, or what is missing
	Resumed bool            `json:"resumed,omitempty"` // an earlier process began it with the same configuration
	Steps   int             `json:"steps,omitempty"`   // of the optimiser, in all
	Record  *metrics.Record `json:"record,omitempty"`  // a line of metrics.jsonl
	Suite   string          `json:"suite,omitempty"`
	Result  *Accuracy       `json:"result,omitempty"`
	Outputs []string        `json:"outputs,omitempty"` // absolute, or relative to Dir
}

// Accuracy is a suite's result in short; result.json in the suite's directory has all of it.
type Accuracy struct {
	Protocol string      `json:"protocol"`
	Measure  string      `json:"measure"` // circular, or accuracy
	N        int         `json:"n"`       // questions
	Hits     int         `json:"hits"`
	Value    score.Share `json:"value"` // Hits / N, null without a question that has an answer
	Low      score.Share `json:"low"`   // Wilson's 95 % interval
	High     score.Share `json:"high"`
	Summary  string      `json:"summary"` // in a line, for people
}

func accuracyOf(r *score.Result) *Accuracy {
	t := r.Overall.Tally
	measure := "accuracy"
	if r.Kind == suites.Circular {
		measure = "circular"
	}
	return &Accuracy{Protocol: r.Protocol, Measure: measure, N: t.N, Hits: t.Hits, Value: t.Circular, Low: t.Low, High: t.High, Summary: r.Line()}
}

// emit tells whoever follows the run.
func (s *stage) emit(e Event) {
	if s.events == nil {
		return
	}
	e.Stage, e.Kind = s.written.Name, s.Kind
	if e.Dir == "" {
		e.Dir = s.dir.StageDir(s.index)
	}
	e.Dir, e.Reason = s.recipe.WrittenPath(e.Dir), s.recipe.Mask(e.Reason)
	e.Outputs = slices.Clone(e.Outputs)
	for i, path := range e.Outputs {
		e.Outputs[i] = s.dir.Recorded(s.index, path)
	}
	s.events(e)
}

// emitResult tells the result of one suite, in the directory of that name.
func (s *stage) emitResult(dir, suite string, r *score.Result) {
	s.emit(Event{Event: StageResult, Dir: filepath.Join(s.path, dir), Suite: suite, Result: accuracyOf(r)})
}
