// Package metrics keeps what a training stage measures: one line of JSON a step, and the same numbers as a TensorBoard
// event file. It knows steps and numbers, and neither the loop that measures them nor the model.
//
// All that a clock decides is in the object "time", which comes last in a line. The rest of a
// resumed run's file is that of the uninterrupted run, byte for byte; see WithoutTime.
package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"moslava/internal/infile"
)

// A Record is one step of training.
type Record struct {
	Step     int     `json:"step"`      // from 1: how many steps are done
	Loss     float64 `json:"loss"`      // mean over the step's targets, in nats
	GradNorm float64 `json:"grad_norm"` // of all gradients together, before clipping
	LR       float64 `json:"lr"`        // the base rate this step used
	Tokens   int64   `json:"tokens"`    // positions in the step's batches, image tokens included
	Targets  int64   `json:"targets"`   // of these, supervised ones
	// Counts of samples since the stage began, by what became of them, such as "dropped".
	Counts map[string]int64 `json:"counts,omitempty"`
	// Rewards of the step's pairs, in stages that learn preferences.
	Rewards *Rewards `json:"rewards,omitempty"`
	// Validation is the mean loss on the held-out share, in steps in which it was measured.
	Validation *float64 `json:"validation_loss,omitempty"`
	Time       Time     `json:"time,omitzero"`
}

// Rewards are means over the pairs of a step: of the rewards of the chosen answers, of the rejected ones, of the difference, and the share of pairs
// whose chosen answer has the higher one.
type Rewards struct {
	Chosen   float64 `json:"chosen"`
	Rejected float64 `json:"rejected"`
	Margin   float64 `json:"margin"`
	Accuracy float64 `json:"accuracy"`
}

// Time is what a clock says about a step.
type Time struct {
	Unix            float64 `json:"unix"`              // when it ended, in seconds since 1970
	Seconds         float64 `json:"seconds"`           // how long it took
	TokensPerSecond float64 `json:"tokens_per_second"` // of the step alone
}

// scalars lists the numbers of a record with their TensorBoard tags, in a fixed order.
func (r *Record) scalars() []scalar {
	out := []scalar{{"train/loss", r.Loss}, {"train/grad_norm", r.GradNorm}, {"train/lr", r.LR},
		{"train/tokens", float64(r.Tokens)}, {"train/targets", float64(r.Targets)}}
	for _, k := range slices.Sorted(maps.Keys(r.Counts)) {
		out = append(out, scalar{"data/" + k, float64(r.Counts[k])})
	}
	if w := r.Rewards; w != nil {
		out = append(out, scalar{"rewards/chosen", w.Chosen}, scalar{"rewards/rejected", w.Rejected}, scalar{"rewards/margin", w.Margin},
			scalar{"rewards/accuracy", w.Accuracy})
	}
	if r.Validation != nil {
		out = append(out, scalar{"validation/loss", *r.Validation})
	}
	if r.Time != (Time{}) {
		out = append(out, scalar{"time/seconds", r.Time.Seconds}, scalar{"time/tokens_per_second", r.Time.TokensPerSecond})
	}
	return out
}

// line is the record as it stands in the file, with the newline. JSON has no NaN and no infinity.
func (r *Record) line() ([]byte, error) {
	for _, s := range append(r.scalars(), scalar{"time/unix", r.Time.Unix}) {
		if math.IsNaN(s.value) || math.IsInf(s.value, 0) {
			return nil, fmt.Errorf("metrics: step %d: %s is %v, want a finite number", r.Step, s.tag, s.value)
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("metrics: step %d: %w", r.Step, err)
	}
	return append(b, '\n'), nil
}

// maxLine is far above any record and far below what would hurt to read.
const maxLine = 1 << 20

// errTorn says that the last line of a file has no end: its writer died.
var errTorn = errors.New("the last line is cut off")

// scan calls f with each record and the offset behind its line, until f returns false. A file
// whose last line is cut off gives errTorn after the others.
func scan(name string, in io.Reader, f func(r *Record, end int64) bool) error {
	br := bufio.NewReaderSize(in, maxLine)
	end := int64(0)
	for n := 1; ; n++ {
		text, err := br.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("metrics: %s:%d: longer than %d bytes", name, n, maxLine)
		case errors.Is(err, io.EOF) && len(text) > 0:
			return fmt.Errorf("metrics: %s:%d: %w", name, n, errTorn)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("metrics: %w", err)
		}
		r := new(Record)
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(r); err != nil {
			return fmt.Errorf("metrics: %s:%d: %w", name, n, err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("metrics: %s:%d: there is more behind the record", name, n)
		}
		if r.Step != n {
			return fmt.Errorf("metrics: %s:%d: step is %d, want %d", name, n, r.Step, n)
		}
		end += int64(len(text))
		if !f(r, end) {
			return nil
		}
	}
}

// Read returns the records of a file. A last line that is cut off, as a process leaves it that is killed, is
// not counted; anything else that is wrong is an error with the line.
func Read(path string) ([]Record, error) {
	var out []Record
	f, err := infile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	defer f.Close()
	err = scan(path, f, func(r *Record, _ int64) bool {
		out = append(out, *r)
		return true
	})
	if errors.Is(err, errTorn) {
		err = nil
	}
	return out, err
}

// WithoutTime returns the lines of a file without their "time" objects, for comparing runs.
func WithoutTime(path string) ([]byte, error) {
	rs, err := Read(path)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i := range rs {
		rs[i].Time = Time{}
		line, err := rs[i].line()
		if err != nil {
			return nil, err
		}
		out = append(out, line...)
	}
	return out, nil
}
