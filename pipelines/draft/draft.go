// Package draft writes a first recipe for data and a model: it looks at the rows, at the model's configuration, and at the memory there is, and
// has the result planned, so that the batch fits. It asks nothing and computes nothing.
package draft

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"moslava/internal/machine"
	"moslava/pipelines/inspect"
	"moslava/pipelines/preflight"
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
)

// Options say what a recipe is for.
type Options struct {
	Data   string
	Model  string // a directory of a LLaVA-like model or a decoder; empty: the towers of scripts/weights
	Vision string // a vision tower's directory, to join to a decoder in Model; may be empty
	Out    string // the recipe's file, to whose directory its paths are relative
}

// The towers of a recipe for pictures without a model, which scripts/weights makes.
const (
	usualVision   = "models/real/dinov2-small"
	usualLanguage = "models/real/smollm2-135m-instruct"
)

// samplesPerStep is how many samples make a step.
const samplesPerStep = 16

// Draft is a recipe.
type Draft struct {
	Text []byte
	Plan *preflight.Plan // of the recipe as it is
}

// Make drafts a recipe. It writes nothing.
func Make(ctx context.Context, opt Options) (*Draft, error) {
	d, err := look(ctx, opt.Data)
	if err != nil {
		return nil, err
	}
	m, err := modelOf(opt, d)
	if err != nil {
		return nil, err
	}
	w := &writer{opt: opt, data: d, model: m, batch: samplesPerStep}
	for {
		text, err := w.text()
		if err != nil {
			return nil, err
		}
		r, err := recipes.Parse(opt.Out, text)
		if err != nil {
			return nil, fmt.Errorf("the recipe would not do: %w", err)
		}
		p, err := preflight.MakePlan(ctx, r, preflight.PlanOptions{Batches: 8})
		if err != nil {
			return nil, err
		}
		if p.Memory == nil || p.Memory.Err() == nil || !w.smaller() {
			return &Draft{text, p}, nil
		}
	}
}

// model is what is trained.
type model struct {
	from, vision, language string
	family                 string // what was found, for people
}

// modelOf looks at what the model is.
func modelOf(opt Options, d *data) (m model, err error) {
	if opt.Model == "" {
		m.language, m.family = usualLanguage, "SmolLM2-135M"
		if d.hasPictures() {
			m.vision, m.family = usualVision, "DINOv2-S and SmolLM2-135M"
		}
		if opt.Vision != "" {
			m.vision, m.family = opt.Vision, opt.Vision+" and SmolLM2-135M"
		}
		for _, dir := range []string{m.vision, m.language} {
			if _, err := os.Stat(dir); dir != "" && err != nil {
				return m, fmt.Errorf("no model is given, and the usual one is not there (%w): name one with --model (and --vision), or make it with scripts/weights", err)
			}
		}
		return m, nil
	}
	r, err := inspect.Inspect(opt.Model, inspect.Options{})
	if err != nil {
		return m, err
	}
	switch r.Kind {
	case "language":
		if m.language, m.vision = opt.Model, opt.Vision; m.vision == "" && d.hasPictures() {
			return m, fmt.Errorf("%s is a decoder alone, and the data has pictures: name a vision tower with --vision, a directory of CLIP, SigLIP or DINOv2", opt.Model)
		}
	case "vision":
		return m, fmt.Errorf("%s is a vision tower: name it with --vision, and a decoder with --model", opt.Model)
	case "llava":
		if opt.Vision != "" {
			return m, fmt.Errorf("%s has a vision tower: leave --vision out", opt.Model)
		}
		m.from = opt.Model
	default:
		return m, fmt.Errorf("%s is %s, expected a directory of a model", opt.Model, r.Kind)
	}
	m.family = filepath.Base(filepath.Clean(opt.Model))
	return m, nil
}

// writer writes the recipe.
type writer struct {
	opt       Options
	data      *data
	model     model
	batch     int
	quantized bool
}

// smaller takes less memory, and reports whether it could.
func (w *writer) smaller() bool {
	switch {
	case w.batch > 1:
		w.batch /= 2
	case !w.quantized:
		w.quantized = true
	default:
		return false
	}
	return true
}

// epochs are so many that a small set is seen often enough to be learnt, and a large one once.
func (w *writer) epochs() int { return min(10, max(1, 5000/max(1, w.data.rows))) }

// path is a path as the recipe has it.
func (w *writer) path(p string) (string, error) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	dir, err := filepath.Abs(filepath.Dir(w.opt.Out))
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(dir, abs); err == nil && filepath.IsLocal(rel) {
		abs = rel
	}
	if recipe.HasVariables(abs) {
		return "", fmt.Errorf("%s: a recipe would take ${...} for a variable: give the directory another name", p)
	}
	return quoted(filepath.ToSlash(abs)), nil
}

var plainText = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*$`)

// quoted is text as YAML has it.
func quoted(text string) string {
	if plainText.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func (w *writer) text() ([]byte, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	d := w.data
	line("# Written by moslava init. What was found:")
	for _, text := range d.lines() {
		line("#   %s", strings.Join(strings.Fields(text), " "))
	}
	if room, err := machine.Memory(); err == nil {
		line("#   %s of memory (%s), %d cores", machine.Text(room.Bytes), room.Limit, runtime.NumCPU())
	}
	line("# moslava run FILE trains; moslava plan FILE says what that takes; moslava data check FILE reads all rows beforehand.")
	line("name: %s", nameOf(w.opt.Out))
	line("seed: 1")
	line("model:")
	for _, p := range []struct{ key, dir string }{{"from", w.model.from}, {"vision", w.model.vision}, {"language", w.model.language}} {
		if p.dir == "" {
			continue
		}
		text, err := w.path(p.dir)
		if err != nil {
			return nil, err
		}
		line("  %s: %s", p.key, text)
	}
	if w.quantized {
		line("  quantize: {language: nf4} # 4.5 bits a weight: in full the model does not fit into memory")
	}
	source, err := w.source()
	if err != nil {
		return nil, err
	}
	line("data: # rows that cannot be used are left out and counted; error would stop at the first")
	line("  on_bad: skip")
	line("  on_no_targets: skip")
	line("  on_empty: skip")
	line("  on_long: drop # longer than the model reads")
	line("stages:")
	pictures := w.model.from != "" || w.model.vision != ""
	if w.model.vision != "" {
		line("  - kind: align # the projector between the two towers is new: it is trained alone first")
		line("    data: &data")
		b.WriteString(source)
		line("    epochs: 1")
		w.step(line, "1e-3", "the projector alone takes a high rate")
	}
	line("  - kind: tune # low-rank adapters on the frozen model%s", map[bool]string{true: ", and its projector"}[pictures])
	if w.model.vision != "" {
		line("    data: *data")
	} else {
		line("    data:")
		b.WriteString(source)
	}
	line("    adapters:")
	if w.model.vision != "" {
		line("      vision: {r: 16}")
	}
	line("      language: {r: 16} # rank: 4 to 64; more for harder tasks, at more memory")
	line("    epochs: %d # how often each row is seen", w.epochs())
	w.step(line, "2e-4", "moslava lr FILE tries others")
	w.held(line)
	line("  - kind: export # a directory that transformers loads, adapters merged")
	return []byte(aligned(b.String())), nil
}

// commentColumn is where comments behind keys begin.
const commentColumn = 34

// aligned has comments behind keys begin in one column.
func aligned(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if key, comment, ok := strings.Cut(l, " # "); ok && !strings.HasPrefix(l, "#") {
			lines[i] = fmt.Sprintf("%-*s # %s", commentColumn, strings.TrimRight(key, " "), comment)
		}
	}
	return strings.Join(lines, "\n")
}

// step writes what a step is.
func (w *writer) step(line func(string, ...any), rate, why string) {
	line("    lr: %s # %s", rate, why)
	line("    batch: %d # samples in memory at once, chosen so that they fit", w.batch)
	if accum := samplesPerStep / w.batch; accum > 1 {
		line("    accum: %d # batches to a step", accum)
	}
}

// share is what is held out of training.
const share = 0.05

// held writes how the stage is measured.
func (w *writer) held(line func(string, ...any)) {
	steps := max(1, w.epochs()*w.data.rows/samplesPerStep)
	every := max(1, steps/10)
	if share*float64(w.data.rows) >= 1 {
		line("    validation: %g # this share of the rows is held out, and the loss on it measured", share)
		line("    validate_every: %d # steps", every)
		line("    stop_early: 4 # so many measurements without a lower loss end the stage")
		line("    leave: best # the model with the lowest one is exported")
	} else {
		line(" # too few rows to hold some out: nothing is measured but the loss on what is learnt")
	}
	line("    samples: %d # steps between looks at what a few questions are answered", every)
}

// source is the data as an item of a list.
func (w *writer) source() (string, error) {
	path := w.data.path
	if !strings.Contains(path, "://") && !strings.HasPrefix(path, "scenes:") {
		var err error
		if path, err = w.path(path); err != nil {
			return "", err
		}
	} else {
		path = quoted(path)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "      path: %s\n", path)
	if w.data.split != "" {
		fmt.Fprintf(&b, "      split: %s\n", quoted(w.data.split))
	}
	if w.data.imageFirst {
		b.WriteString("      image_first: true # rows have pictures and no marker for them\n")
	}
	if w.data.prompt != "" {
		fmt.Fprintf(&b, "      prompt: %s # rows do not say what is asked\n", quoted(w.data.prompt))
	}
	if len(w.data.ignore) > 0 {
		var names []string
		for _, n := range w.data.ignore {
			names = append(names, "'"+strings.ReplaceAll(n, "'", "''")+"'")
		}
		fmt.Fprintf(&b, "      ignore: [%s] # columns that mean nothing here; columns: {answer: label} would give one a meaning\n", strings.Join(names, ", "))
	}
	return b.String(), nil
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// nameOf makes a recipe's name of its file's.
func nameOf(file string) string {
	base := filepath.Base(file)
	name := strings.Trim(notInNames.ReplaceAllString(strings.TrimSuffix(base, filepath.Ext(base)), "-"), "-_")
	if name == "" {
		return "recipe"
	}
	return quoted(name)
}
