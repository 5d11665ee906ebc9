package moslora

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"moslava/internal/pyregexp"
)

// A Fault is something wrong with one field of a Config.
type Fault struct {
	Field string // as recipes and PEFT spell it: r, mixer, modules_to_save
	Text  string // what was found and what was expected, to be read after the field's name
}

func (f Fault) Error() string { return f.Field + " " + f.Text }

// faults collects them.
type faults []Fault

func (fs *faults) add(field, format string, args ...any) {
	*fs = append(*fs, Fault{field, fmt.Sprintf(format, args...)})
}

func (fs faults) err() error {
	errs := make([]error, len(fs))
	for i, f := range fs {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// maxRank is beyond any use; it bounds the memory that a slip of the pen may ask for.
const maxRank = 1 << 14

// Validate reports everything that is wrong with c.
func (c Config) Validate() error { return c.faults().err() }

// Faults lists everything that is wrong with c.
func (c Config) Faults() []Fault { return c.faults() }

func (c Config) faults() (fs faults) {
	if c.R < 1 || c.R > maxRank {
		fs.add("r", "is %d, want 1 to %d", c.R, maxRank)
	}
	if c.Alpha == 0 {
		fs.add("alpha", "is 0: the adapter would change nothing")
	}
	if math.IsNaN(c.Alpha) || math.IsInf(c.Alpha, 0) {
		fs.add("alpha", "is %g, want a finite number", c.Alpha)
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		fs.add("dropout", "is %g, want 0 to below 1", c.Dropout)
	}
	c.Mixer.faults(c.R, &fs)
	c.startFaults(&fs)
	if c.LoRABias && (c.DoRA || c.Start == PiSSA) {
		fs.add("lora_bias", "is not supported with dora or start: pissa, as in PEFT: leave one of them out")
	}
	moduleFaults(&fs, "targets", c.Targets, true, true)
	moduleFaults(&fs, "exclude_modules", c.Exclude, true, false)
	return append(fs, c.Beside.faults()...)
}

// startFaults are about what goes with a start. A mixer_pattern may give modules a mixer, or take it from them.
func (c Config) startFaults(fs *faults) {
	switch patterns := !c.MixerPattern.IsZero(); c.Start {
	case LoRAStart:
	case MoSLoRAInit:
		if c.Mixer == None && !patterns {
			fs.add("start", "moslora_init multiplies a mixer into A, and mixer is none")
		}
	case PiSSA:
		switch {
		case c.Mixer != None:
			fs.add("start", "pissa splits the weight into A and B, and mixer is %s: give mixer: none", c.Mixer)
		case patterns:
			fs.add("start", "pissa splits the weight into A and B, and mixer_pattern is about mixers: leave it out")
		}
		if c.Alpha < 0 {
			fs.add("alpha", "is %g: start pissa needs a positive scale", c.Alpha)
		}
		if c.DoRA {
			fs.add("start", "pissa and dora are not supported together")
		}
	default:
		fs.add("start", "is %q; known are %s, %s and nothing", c.Start, MoSLoRAInit, PiSSA)
	}
}

// listed is "a, b and c".
func listed(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// signs are in patterns and in no name of a layer.
const signs = `()[]{}|*+?^$\`

// moduleFaults are about a list of names of modules, one pattern in their place, or all-linear.
func moduleFaults(fs *faults, field string, list []string, patterns, linear bool) {
	for i, name := range list {
		pattern, isPattern := strings.CutPrefix(name, patternPrefix)
		switch {
		case name == "":
			fs.add(field, "has an empty entry, expected the name of a layer")
		case slices.Index(list, name) < i:
			fs.add(field, "has %s twice", name)
		case name == allLinear && !linear:
			fs.add(field, "has %s, which stands for targets alone: name the layers", name)
		case name == allLinear && len(list) > 1:
			fs.add(field, "has %s beside others: it stands alone or not at all", name)
		case isPattern && !patterns:
			fs.add(field, "has the pattern %s, expected names of layers", name)
		case isPattern:
			if _, err := pyregexp.Full(pattern); err != nil {
				fs.add(field, "has the pattern %s: %v", name, err)
			} else if len(list) > 1 {
				fs.add(field, "has the pattern %s beside others: it stands alone or not at all", name)
			}
		case strings.ContainsAny(name, signs) && patterns:
			fs.add(field, "has %q, which is no name of a layer: a pattern is written with re: before it, as in %q", name, patternPrefix+name)
		case strings.ContainsAny(name, signs):
			fs.add(field, "has %q, which is no name of a layer, and patterns are for targets and exclude_modules", name)
		}
	}
}
