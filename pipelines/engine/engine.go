// Package engine answers requests with one model, many at a time. A request is a conversation with pictures; [Engine.Submit] queues
// it, and every [Engine.Step] is one forward pass: it reads prompts of requests that have come in and appends a token to every
// sequence that is being answered (continuous batching). What requests have in common is computed once: the features of a picture,
// and the keys and values of a beginning that another request has read (prefix cache). Both are kept within bounds.
//
// The ids that a request gets do not depend on which others share its passes.
package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

	"moslava/internal/autograd"
	"moslava/language"
	"moslava/pipelines/vlm"
)

// Limits bound an engine's memory. Zero fields have defaults.
type Limits struct {
	// CacheBytes is for keys and values, 256 MiB: requests that do not fit wait for others to finish. One alone may take more.
	CacheBytes int
	// PictureBytes is for the features of pictures that no request reads any more, 64 MiB.
	PictureBytes int
}

// Engine answers requests with a model, which must not change meanwhile. Its methods may be called from several goroutines.
type Engine struct {
	Model     *vlm.Model
	Processor *vlm.Processor
	limits    Limits

	mu       sync.Mutex
	cache    *language.Cache
	pictures pictureCache
	waiting  []*Ticket
	active   []*Ticket
	ended    []*sequence // whose slots are kept as beginnings for others, the oldest first
}

// New makes an engine.
func New(m *vlm.Model, p *vlm.Processor, limits Limits) *Engine {
	if limits.CacheBytes <= 0 {
		limits.CacheBytes = 256 << 20
	}
	if limits.PictureBytes <= 0 {
		limits.PictureBytes = 64 << 20
	}
	return &Engine{Model: m, Processor: p, limits: limits, cache: m.Language.NewCache(0, 0), pictures: pictureCache{most: limits.PictureBytes}}
}

// Submit queues a request. It ends with ctx's cause once ctx has ended.
func (e *Engine) Submit(ctx context.Context, r Request) *Ticket {
	t := &Ticket{request: r, ctx: ctx, done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, t)
	return t
}

// Step makes one forward pass and reports whether requests are left. Those that fail say so in their tickets.
func (e *Engine) Step() (more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dropCancelled()
	e.admit()
	if err := e.pass(); err != nil {
		e.abort(err)
	}
	e.pictures.trim()
	return len(e.waiting)+len(e.active) > 0
}

// FailedError is of one of several requests.
type FailedError struct {
	Index int // of the request
	Err   error
}

func (e *FailedError) Error() string { return e.Err.Error() }
func (e *FailedError) Unwrap() error { return e.Err }

// Do submits requests and steps until all of them have ended, those about the same pictures after one another. The error is a
// *FailedError of the first one that failed; the others are cancelled then.
func (e *Engine) Do(ctx context.Context, requests []Request) ([]Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tickets := make([]*Ticket, len(requests))
	for _, i := range byPictures(requests) {
		tickets[i] = e.Submit(ctx, requests[i])
	}
	replies := make([]Reply, len(requests))
	var failed error
	for {
		over := true
		for i, t := range tickets {
			select {
			case <-t.done:
				replies[i] = t.reply
				if t.reply.Err != nil && failed == nil {
					failed = &FailedError{i, t.reply.Err}
					cancel(failed)
				}
			default:
				over = false
			}
		}
		if over {
			return replies, failed
		}
		e.Step()
	}
}

// dropCancelled ends requests whose context has ended.
func (e *Engine) dropCancelled() {
	over := func(t *Ticket) bool {
		if t.ctx.Err() == nil {
			return false
		}
		e.finish(t, context.Cause(t.ctx))
		return true
	}
	e.waiting = slices.DeleteFunc(e.waiting, over)
	e.active = slices.DeleteFunc(e.active, over)
}

// pass reads prompts and appends tokens, one chunk to a slot, and lets requests choose from what comes out.
func (e *Engine) pass() (err error) {
	defer autograd.Catch(&err)
	chunks := make([]language.Chunk, 0, len(e.active))
	for _, t := range e.active {
		chunks = append(chunks, e.next(t.sequence)...)
	}
	if len(chunks) == 0 {
		return nil
	}
	hidden, err := e.Model.Language.Extend(e.cache, chunks)
	if err != nil {
		return err
	}
	var left []*Ticket
	e.Model.Language.Read(e.cache, hidden, func(logits []float32) {
		vocabulary := len(logits) / len(chunks)
		for _, t := range e.active {
			n := len(t.sequence.decoding.Slots()) * vocabulary
			if e.choose(t, logits[:n]) {
				left = append(left, t)
			} else {
				e.finish(t, nil)
			}
			logits = logits[n:]
		}
	})
	e.active = left
	return nil
}

// abort ends every request that has begun: a pass has failed, and what the cache holds of them is unknown.
func (e *Engine) abort(err error) {
	for _, t := range e.active {
		e.finish(t, err)
	}
	e.active = nil
	for _, s := range e.ended {
		s.decoding.Close(e.cache)
	}
	e.ended = nil
}

// finish hands a request's reply over. Its slot stays as a beginning for others if all went well.
func (e *Engine) finish(t *Ticket, err error) {
	if s := t.sequence; s != nil {
		e.release(s.prompt)
		s.prompt.pictures = nil
		if err == nil {
			t.reply.IDs = s.decoding.IDs()
			s.ended = true
			e.ended = append(e.ended, s)
		} else {
			s.decoding.Close(e.cache)
		}
	}
	t.sequence, t.read, t.reply.Err = nil, nil, err
	close(t.done)
}

// Idle lets go of what is kept for requests to come. It is for the time between uses; no request may be under way.
func (e *Engine) Idle() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting)+len(e.active) > 0 {
		return errors.New("engine: requests are under way")
	}
	e.ended, e.pictures.kept = nil, nil
	e.cache = e.Model.Language.NewCache(0, 0)
	return nil
}
