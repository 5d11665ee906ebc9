package datacheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/pipelines/inputs"
	"moslava/pipelines/models"
	"moslava/pipelines/progress"
	"moslava/pipelines/recipe"
	"moslava/pipelines/vlm"
)

// Options say what is looked at.
type Options struct {
	Stages []string  // names of training stages; empty: all
	Out    io.Writer // progress; nil: nobody
}

// Check goes once over the data of the training stages of r. Of the model, configurations and the tokenizer are read, no weights, and nothing of the run
// directory. What a run would stop at is a finding of the report; the error is of the model, of stages that there are not, or ctx's.
func Check(ctx context.Context, r *recipe.Recipe, opt Options) (_ *Report, err error) {
	defer func() { err = r.MaskError(err) }()
	if opt.Out == nil {
		opt.Out = io.Discard
	}
	stages, err := chosen(r, opt.Stages)
	if err != nil {
		return nil, err
	}
	_, processor, err := models.Outline(r)
	if err != nil {
		return nil, err
	}
	if processor.Tokenizer == nil {
		return nil, fmt.Errorf("%s has no tokenizer.json, without which nobody knows what a sample becomes", r.Model.Language)
	}
	c := &checker{recipe: r, processor: processor, out: r.Masked(opt.Out)}
	report := &Report{Recipe: r.Mask(r.Name), Stages: []Stage{}, Suites: []Suite{}}
	if report.Suites, err = c.suites(ctx); err != nil {
		return nil, err
	}
	for _, i := range stages {
		s, err := c.stage(ctx, i)
		if err != nil {
			return nil, err
		}
		report.Stages = append(report.Stages, *s)
	}
	return report, nil
}

// chosen lists the training stages of these names, or all.
func chosen(r *recipe.Recipe, names []string) (out []int, err error) {
	var all []string
	for i := range r.Stages {
		s := &r.Stages[i]
		if s.Train == nil {
			continue
		}
		all = append(all, s.Name)
		if len(names) == 0 || slices.Contains(names, s.Name) {
			out = append(out, i)
		}
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("the recipe has no training stage %q; it has %s", name, strings.Join(all, ", "))
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the recipe has no training stage: there is no data to check")
	}
	return out, nil
}

// checker is a recipe being looked at.
type checker struct {
	recipe    *recipe.Recipe
	processor *vlm.Processor
	out       io.Writer
	names     []string // of the suites
	shown     []mark   // pictures of suites, sorted
}

// pass is one training stage being looked at.
type pass struct {
	*checker
	*Stage
	findings
	held     *datasets.Subset
	origins  []uint64 // of each row
	ids      []mark
	pictures []mark
	whole    []mark
	source   datasets.Source
	example  [rendered]int // the first row that is used of each third of all; -1: none
	first    []int         // the first rows that are used, where a third has none
	usedHeld int           // rows held out that are used
	cut      int           // sequences of samples that were too long
}

// rendered is how many samples are shown of each stage.
const rendered = 3

// stage looks at all rows of a training stage.
func (c *checker) stage(ctx context.Context, i int) (_ *Stage, err error) {
	s, written := &c.recipe.Stages[i], c.recipe.Written().Stages[i]
	p := &pass{checker: c, Stage: &Stage{Name: c.recipe.Mask(s.Name), Kind: s.Kind, Lengths: Counts{}, PerPicture: Counts{}, Sides: Counts{}, Samples: []Rendered{}},
		findings: findings{mask: c.recipe.Mask}, example: [rendered]int{-1, -1, -1}}
	for _, src := range written.Train.Sources {
		p.Data = append(p.Data, string(src.Path))
	}
	processor := c.processor.WithMaxPixels(s.Train.MaxPixels)
	load := inputs.LoadOptions(c.recipe, s.Train, c.processor.Config.Text.MaxPositionEmbeddings)
	p.MaxLength = load.MaxLength
	p.Policies = map[string]string{"on_long": load.OnLong, "on_bad": load.OnBad, "on_no_targets": load.OnNoTargets, "on_empty": load.OnEmpty}
	for name, value := range p.Policies {
		if value == "" {
			p.Policies[name] = datasets.Policies()[name][0]
		}
	}
	defer func() {
		if err == nil {
			p.Stage.Findings = p.sorted(p.say)
		}
	}()
	decoder := &c.processor.Config.Text
	if err := cmp.Or(inputs.CheckLength(s.Train, decoder.MaxPositionEmbeddings), decoder.Fits(load.MaxLength)); err != nil {
		p.add(Fault, BadLength, "max_length "+err.Error())
	}
	src, _, err := inputs.OpenData(ctx, c.recipe, s.Train)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		p.add(Fault, CannotOpen, err.Error())
		return p.Stage, nil
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	train, held, err := inputs.Rows(ctx, c.recipe, s.Train, src)
	if err != nil {
		p.add(Fault, CannotOpen, err.Error())
		return p.Stage, nil
	}
	p.source, p.held = train.Source, held
	p.Rows, p.Held = train.Len()+held.Len(), held.Len()
	p.origins = make([]uint64, 0, p.Rows)
	bar := progress.New(c.out, p.Name+": rows", p.Rows)
	defer bar.Done()
	for r, err := range datasets.Examine(ctx, p.source, processor, load, looker{processor}.look) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			p.add(Fault, CannotOpen, err.Error())
			return p.Stage, nil
		}
		p.count(r)
		bar.Step(1, "")
	}
	p.twice()
	p.inSuites()
	if p.Used == p.usedHeld {
		p.list = append(p.list, Finding{Level: Fault, Kind: NoneUsed, Count: p.Rows - p.Held})
	}
	if p.Held > 0 && p.usedHeld == 0 {
		p.list = append(p.list, Finding{Level: Fault, Kind: NoneUsedHeld, Count: p.Held})
	}
	if p.Context > 0 {
		p.list = append(p.list, Finding{Level: Note, Kind: AnswersAsContext, Count: p.Context})
	}
	return p.Stage, p.render(ctx, processor, load)
}

// isHeld says whether a row is held out for validation.
func (p *pass) isHeld(row int) bool {
	_, ok := slices.BinarySearch(p.held.Rows, int32(row))
	return ok
}

// count adds one row.
func (p *pass) count(r *record) {
	row, part := int32(r.row), int32(0)
	if p.isHeld(r.row) {
		part = 1
	}
	p.origins = append(p.origins, r.origin)
	if r.id != nil {
		p.ids = append(p.ids, mark{*r.id, row, part})
	}
	if r.whole != nil {
		p.whole = append(p.whole, mark{*r.whole, row, part})
	}
	for _, s := range r.pictures {
		p.pictures = append(p.pictures, mark{s, row, part})
	}
	for _, s := range r.sizes {
		p.Sides[max(s.W, s.H)]++
		if s.W*s.H > p.Largest.W*p.Largest.H {
			p.Largest = s
		}
		if p.Smallest.W == 0 || s.W*s.H < p.Smallest.W*p.Smallest.H {
			p.Smallest = s
		}
	}
	for _, n := range r.features {
		p.PerPicture[n]++
	}
	if r.length > 0 {
		p.Lengths[r.length]++
	}
	p.Stage.Context += r.context
	for _, f := range r.found {
		p.add(f.level, f.kind, f.named)
		if f.kind == TooLong {
			p.cut += r.sequences
		}
	}
	if r.sequences == 0 {
		return
	}
	p.Used++
	p.usedHeld += int(part)
	p.Sequences += r.sequences
	p.Tokens += int64(r.tokens)
	p.Learnt += int64(r.learnt)
	p.OfImages += int64(r.ofImages)
	if k := r.row * rendered / p.Rows; p.example[k] < 0 {
		p.example[k] = r.row
	}
	if len(p.first) < rendered {
		p.first = append(p.first, r.row)
	}
}

// render shows some of the samples.
func (p *pass) render(ctx context.Context, processor *vlm.Processor, load datasets.LoadOptions) error {
	var rows []int32
	for _, row := range slices.Concat(p.example[:], p.first) {
		if row >= 0 && len(rows) < rendered && !slices.Contains(rows, int32(row)) {
			rows = append(rows, int32(row))
		}
	}
	slices.Sort(rows)
	if len(rows) == 0 {
		return nil
	}
	some := &datasets.Subset{Source: p.source, Rows: rows}
	show := func(l *datasets.Look) *Rendered { return render(processor, l) }
	for r, err := range datasets.Examine(ctx, some, processor, load, show) {
		if err != nil {
			return err
		}
		if r != nil {
			p.Samples = append(p.Samples, *r)
		}
	}
	return nil
}
