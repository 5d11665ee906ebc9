package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/machine"
)

// A MismatchError says everything in which the tensors of a checkpoint are not those that a model has.
type MismatchError struct {
	Path       string
	Missing    []*MissingError
	Misshapen  []*ShapeError
	Unexpected []string // names in the file that the model has no place for
	Others     []error  // whatever else there was
}

// Mismatch sorts what went wrong in building a model from the checkpoint at path, errors that may be joined, and the names
// that were left over, among which those of misshapen ones do not count. It is nil if there is neither.
func Mismatch(path string, err error, unexpected []string) error {
	if short := new(machine.ShortError); errors.As(err, &short) {
		return fmt.Errorf("%s: %w", path, short) // the rest was not looked for
	}
	m := &MismatchError{Path: path}
	m.sort(err)
	misshapen := Misshapen(err)
	for _, name := range unexpected {
		if !misshapen[name] {
			m.Unexpected = append(m.Unexpected, name)
		}
	}
	if len(m.Missing)+len(m.Misshapen)+len(m.Unexpected) == 0 {
		return errors.Join(m.Others...)
	}
	return m
}

// Misshapen are the names, as they are in the files, of the tensors that errors, which may be joined, call misshapen.
func Misshapen(err error) map[string]bool {
	var m MismatchError
	m.sort(err)
	names := map[string]bool{}
	for _, e := range m.Misshapen {
		names[e.Stored] = true
	}
	return names
}

func (m *MismatchError) sort(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			m.sort(e)
		}
		return
	}
	var missing *MissingError
	var shape *ShapeError
	switch {
	case errors.As(err, &missing):
		m.Missing = append(m.Missing, missing)
	case errors.As(err, &shape):
		m.Misshapen = append(m.Misshapen, shape)
	default:
		m.Others = append(m.Others, err)
	}
}

// Unwrap gives the single errors.
func (m *MismatchError) Unwrap() []error {
	out := slices.Clone(m.Others)
	for _, e := range m.Missing {
		out = append(out, e)
	}
	for _, e := range m.Misshapen {
		out = append(out, e)
	}
	return out
}

func (m *MismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the weights do not fit the configuration: %d missing, %d of another shape, %d unexpected",
		m.Path, len(m.Missing), len(m.Misshapen), len(m.Unexpected))
	for _, e := range m.Missing {
		fmt.Fprintf(&b, "\n  missing     %s", e.Name)
		if e.Nearest != "" {
			fmt.Fprintf(&b, " (the nearest is %s)", e.Nearest)
		}
	}
	for _, e := range m.Misshapen {
		fmt.Fprintf(&b, "\n  shape       %s is %v, want %v", e.Name, e.Got, e.Want)
		if e.Stored != e.Name {
			fmt.Fprintf(&b, " (stored as %s)", e.Stored)
		}
	}
	for _, name := range m.Unexpected {
		fmt.Fprintf(&b, "\n  unexpected  %s", name)
	}
	for _, e := range m.Others {
		fmt.Fprintf(&b, "\n  %v", e)
	}
	return b.String()
}
