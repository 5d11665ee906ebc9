package metrics

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
)

// The files of a Log in its directory.
const (
	LinesFile  = "metrics.jsonl"                 // one Record a line
	EventsFile = "events.out.tfevents.0.moslava" // for TensorBoard, which looks for the word tfevents
)

// A Log writes records as they come. It is not safe for concurrent use.
type Log struct {
	dir           string
	lines, events *os.File
	samples       *os.File        // nil: none were asked yet
	step          int             // the last one written
	asked         []Sample        // after the next step
	shown         map[string]bool // pictures that are in events
}

// Open opens the log in a directory, to go on after the given step: the lines of later steps, which a process
// wrote that stopped before it saved its state, are removed, and so is a line that is cut off. After 0 everything
// is. If the file ends before that step, or holds anything but records of steps 1, 2, ..., that is an
// error and nothing is changed. The event file is made anew from the lines.
func Open(dir string, after int) (*Log, error) {
	if after < 0 {
		return nil, fmt.Errorf("metrics: go on after step %d, want at least 0", after)
	}
	l := &Log{dir: dir, step: after, shown: map[string]bool{}}
	if err := l.open(dir); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Log) open(dir string) (err error) {
	path := filepath.Join(dir, LinesFile)
	if l.lines, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	end, err := keep(path, l.lines, l.step)
	if err != nil {
		return err
	}
	if err := l.lines.Truncate(end); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if err := keepSamples(dir, l.step); err != nil {
		return err
	}
	events := filepath.Join(dir, EventsFile)
	if err := atomicfile.WriteFile(events, func(w io.Writer) error { return l.replay(path, w) }); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if l.events, err = os.OpenFile(events, os.O_WRONLY|os.O_APPEND, 0o666); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// keep finds where the line of a step ends.
func keep(path string, f *os.File, after int) (end int64, err error) {
	if after == 0 {
		return 0, nil
	}
	last := 0
	err = scan(path, f, func(r *Record, at int64) bool {
		last, end = r.Step, at
		return last < after
	})
	if err != nil && !errors.Is(err, errTorn) {
		return 0, err
	}
	if last < after {
		return 0, fmt.Errorf("metrics: %s ends at step %d, but step %d is to be followed: lines are missing", path, last, after)
	}
	return end, nil
}

// replay writes the events of all lines and samples.
func (l *Log) replay(path string, w io.Writer) error {
	samples, err := ReadSamples(l.dir)
	if err != nil {
		return err
	}
	f, err := infile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := w.Write(versionEvent()); err != nil {
		return err
	}
	var failed error
	err = scan(path, f, func(r *Record, _ int64) bool {
		n := 0
		for n < len(samples) && samples[n].Step == r.Step {
			n++
		}
		failed = l.event(w, r, samples[:n])
		samples = samples[n:]
		return failed == nil
	})
	return errors.Join(err, failed)
}

// Write appends a record, which must be that of the next step. A number that is not finite is an error.
// Each line goes to the system in one piece: it survives the process, though not the machine, until Sync.
func (l *Log) Write(r Record) error {
	if r.Step != l.step+1 {
		return fmt.Errorf("metrics: %s: step %d comes after step %d", l.lines.Name(), r.Step, l.step)
	}
	line, err := r.line()
	if err != nil {
		return err
	}
	if len(line) > maxLine {
		return fmt.Errorf("metrics: step %d: a line of %d bytes, want at most %d", r.Step, len(line), maxLine)
	}
	if _, err := l.lines.Write(line); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	l.step = r.Step
	asked := l.asked
	l.asked = nil
	return l.event(l.events, &r, asked)
}

// event writes what TensorBoard shows of a step.
func (l *Log) event(w io.Writer, r *Record, samples []Sample) error {
	values, err := l.values(samples)
	if err != nil {
		return err
	}
	if _, err := w.Write(stepEvent(r, values)); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Sync brings all lines to the disk. Call it before a state to resume from is saved, so that
// no state is ahead of its lines.
func (l *Log) Sync() error {
	for _, f := range []*os.File{l.samples, l.lines, l.events} {
		if f == nil {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

// Close ends the log.
func (l *Log) Close() error {
	var errs []error
	for _, f := range []*os.File{l.samples, l.lines, l.events} {
		if f != nil {
			errs = append(errs, f.Sync(), f.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}
