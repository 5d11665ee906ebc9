package eval

import (
	"context"

	"moslava/pipelines/eval/suites"
)

// Answerer is a model that can be asked. Answers must not depend on which questions share a call.
type Answerer interface {
	// TakesPictures is nil, or an error that says why it takes none.
	TakesPictures() error
	// Answer returns, per question, the decoded text with special tokens left out and surrounding space trimmed.
	Answer(ctx context.Context, questions []Question, opt AnswerOptions) ([]string, error)
	// Letters returns [questions][letters]: the natural log-probability of each letter (a candidate answer, in general)
	// being the first token of the answer.
	Letters(ctx context.Context, questions []Question, letters []string) ([][]float64, error)
}

// Question is a prompt and the pictures it is about, encoded (PNG, JPEG, ..) and in the order of their markers. The
// prompt is the user's turn. Where it has no protocols.ImageMarker, the Answerer puts one and a line end before it for
// each picture; else it must have one for each. The Answerer wraps it in its chat template without a system text, and
// opens the assistant's turn.
//
// Before are turns that come first: a system text, or earlier questions and answers. Their markers count, and come first.
type Question struct {
	Pictures [][]byte
	Prompt   string
	Before   []suites.Said
}

// QuestionError is an Answerer's error about one question of a call.
type QuestionError struct {
	Index int // of the question
	Err   error
}

func (e *QuestionError) Error() string { return e.Err.Error() }

func (e *QuestionError) Unwrap() error { return e.Err }

// AnswerOptions bound an answer.
type AnswerOptions struct {
	MaxNewTokens int
	Beams        int  // above 1: beam search with so many, in place of greedy decoding
	Raw          bool // the prompt is all that the model reads: no chat template, no picture
}
