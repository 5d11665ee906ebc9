// Package answers has an engine answer the questions of pipelines/eval, so that neither knows the other. It makes
// requests of questions, and texts or log-probabilities of replies. How a question is worded and how an answer is read,
// the protocols of eval say; how many are answered at a time, the engine.
package answers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"moslava/language"
	"moslava/language/chat"
	"moslava/pipelines/engine"
	"moslava/pipelines/eval"
	"moslava/pipelines/vlm"
)

// Model is an eval.Answerer.
type Model struct{ *engine.Engine }

var _ eval.Answerer = Model{}

// New asks a model with an engine of its own.
func New(m *vlm.Model, p *vlm.Processor) Model { return Model{engine.New(m, p, engine.Limits{})} }

// TakesPictures implements eval.Answerer.
func (m Model) TakesPictures() error {
	if m.Processor.Config.HasVision() {
		return nil
	}
	return vlm.ErrNoVision
}

// Answer implements eval.Answerer: greedy decoding or a search, special tokens left out, trimmed.
func (m Model) Answer(ctx context.Context, questions []eval.Question, opt eval.AnswerOptions) ([]string, error) {
	requests := make([]engine.Request, len(questions))
	for i, q := range questions {
		requests[i] = engine.Request{Raw: q.Prompt, Pictures: q.Pictures,
			Generation: language.Generation{MaxNew: opt.MaxNewTokens, Stop: m.Processor.StopIDs(), Beams: opt.Beams}}
		if !opt.Raw {
			requests[i].Messages = Messages(q)
		}
	}
	replies, err := m.do(ctx, requests)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(replies))
	for i, r := range replies {
		texts[i] = strings.TrimSpace(m.Processor.Tokenizer.Decode(r.IDs, true))
	}
	return texts, nil
}

// Messages is the conversation that a question is the end of.
func Messages(q eval.Question) (out []chat.Message) {
	pictures := len(q.Pictures)
	for _, said := range q.Before {
		pictures -= strings.Count(said.Text, chat.ImageMarker)
		out = append(out, chat.Message{Role: said.Role, Content: said.Text})
	}
	return append(out, vlm.Turn(q.Prompt, max(0, pictures))...)
}

// Letters implements eval.Answerer.
func (m Model) Letters(ctx context.Context, questions []eval.Question, letters []string) ([][]float64, error) {
	ids := make([]int32, len(letters))
	for i, l := range letters {
		var err error
		if ids[i], err = m.firstID(l); err != nil {
			return nil, err
		}
	}
	requests := make([]engine.Request, len(questions))
	for i, q := range questions {
		requests[i] = engine.Request{Messages: Messages(q), Pictures: q.Pictures, First: ids}
	}
	replies, err := m.do(ctx, requests)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(replies))
	for i, r := range replies {
		out[i] = r.First
	}
	return out, nil
}

// do is Do with an error that names a question.
func (m Model) do(ctx context.Context, requests []engine.Request) ([]engine.Reply, error) {
	replies, err := m.Do(ctx, requests)
	if f := (*engine.FailedError)(nil); errors.As(err, &f) {
		err = &eval.QuestionError{Index: f.Index, Err: f.Err}
	}
	return replies, err
}

// firstID is the first token of an answer that consists of text.
func (m Model) firstID(text string) (int32, error) {
	if id, ok := m.Processor.Tokenizer.ID(text); ok && int(id) < m.Processor.Config.Text.VocabSize {
		return id, nil
	}
	ids, err := m.Processor.Tokenizer.Encode(text, false)
	if err == nil && len(ids) == 0 {
		err = errors.New("no token")
	}
	if err != nil {
		return 0, fmt.Errorf("the tokenizer makes nothing of %q: %w", text, err)
	}
	return ids[0], nil
}
