package vlm

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/language"
	"moslava/pipelines/eval"
)

// Answerer asks a model, which must not change meanwhile. What prompts of a call share (a picture's features,
// keys and values of what their ids begin with) is computed once, and all are decoded together. An answer
// does not depend on which prompts share a call, to the bit. It may be used from several goroutines, which
// take turns.
type Answerer struct {
	Model     *Model
	Processor *Processor
	// CacheBytes bounds the keys and values in memory, 256 MiB if 0: prompts that do not fit wait for others to be
	// finished. A single prompt may take more.
	CacheBytes int

	mu       sync.Mutex
	cache    *language.Cache
	pictures pictureCache
}

var (
	_ eval.BatchAnswerer = (*Answerer)(nil)
	_ eval.Picky         = (*Answerer)(nil)
)

// TakesPictures implements eval.Picky.
func (a *Answerer) TakesPictures() error {
	if a.Processor.Config.HasVision() {
		return nil
	}
	return errNoVision
}

// Question is a prompt and the encoded pictures it is about.
type Question = eval.Question

// Answer implements eval.Answerer: greedy decoding, special tokens left out, trimmed.
func (a *Answerer) Answer(ctx context.Context, pictures [][]byte, prompts []string, opt eval.AnswerOptions) ([]string, error) {
	return a.AnswerAll(ctx, about(pictures, prompts), opt)
}

// AnswerAll implements eval.BatchAnswerer.
func (a *Answerer) AnswerAll(ctx context.Context, questions []Question, opt eval.AnswerOptions) ([]string, error) {
	g := language.Generation{MaxNew: opt.MaxNewTokens, Stop: a.Processor.StopIDs(), Beams: opt.Beams}
	out, err := a.generate(ctx, questions, g, opt.Raw)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(out))
	for i, ids := range out {
		texts[i] = strings.TrimSpace(a.Processor.Tokenizer.Decode(ids, true))
	}
	return texts, nil
}

func about(pictures [][]byte, prompts []string) []Question {
	qs := make([]Question, len(prompts))
	for i, p := range prompts {
		qs[i] = Question{Pictures: pictures, Prompt: p}
	}
	return qs
}

// Generate returns the new ids after each prompt.
func (a *Answerer) Generate(ctx context.Context, pictures [][]byte, prompts []string, g language.Generation) ([][]int32, error) {
	return a.GenerateAll(ctx, about(pictures, prompts), g)
}

// GenerateAll is Generate for prompts about different pictures.
func (a *Answerer) GenerateAll(ctx context.Context, questions []Question, g language.Generation) ([][]int32, error) {
	return a.generate(ctx, questions, g, false)
}

// generate is GenerateAll; raw prompts are all that the decoder reads.
func (a *Answerer) generate(ctx context.Context, questions []Question, g language.Generation, raw bool) (out [][]int32, err error) {
	each := g
	out = make([][]int32, len(questions))
	err = a.waves(ctx, questions, asking{room: g.MaxNew, slots: max(1, g.Beams), raw: raw}, func(which, slots []int, hidden *autograd.Var) error {
		if g.Token != nil {
			each.Token = func(i int, id int32) { g.Token(which[i], id) }
		}
		ids, err := a.Model.Language.Generate(ctx, a.cache, slots, hidden, each)
		if err != nil {
			return err
		}
		for i, w := range which {
			out[w] = ids[i]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Letters implements eval.Answerer.
func (a *Answerer) Letters(ctx context.Context, pictures [][]byte, prompts, letters []string) (out [][]float64, err error) {
	ids := make([]int32, len(letters))
	for i, l := range letters {
		if ids[i], err = a.firstID(l); err != nil {
			return nil, err
		}
	}
	out = make([][]float64, len(prompts))
	err = a.waves(ctx, about(pictures, prompts), asking{slots: 1}, func(which, _ []int, hidden *autograd.Var) error {
		logits := a.Model.Language.Logits(hidden)
		for r, w := range which {
			row := logits.Floats()[r*logits.Cols():][:logits.Cols()]
			raw := make([]float64, len(ids))
			for i, id := range ids {
				raw[i] = float64(row[id])
			}
			lse := kernels.Softmax(row)
			for i := range raw {
				raw[i] -= lse
			}
			out[w] = raw
		}
		return nil
	})
	return out, err
}

// firstID is the first token of an answer that consists of text.
func (a *Answerer) firstID(text string) (int32, error) {
	if id, ok := a.Processor.Tokenizer.ID(text); ok && int(id) < a.Processor.Config.Text.VocabSize {
		return id, nil
	}
	ids, err := a.Processor.Tokenizer.Encode(text, false)
	if err != nil || len(ids) == 0 {
		return 0, fmt.Errorf("the tokenizer makes nothing of %q: %w", text, err)
	}
	return ids[0], nil
}
