package engine

import (
	"moslava/internal/kernels"
	"moslava/language"
)

// sequence is a request in the cache.
type sequence struct {
	prompt   *prompt
	decoding *language.Decoding
	slot     int     // the first, which holds the prompt; beams have more, and each of them begins with it
	bytes    int     // of the cache
	have     int     // positions of the prompt that are computed
	next     []int32 // ids that the next pass appends
	ended    bool    // it is kept as a beginning
}

// next is what a pass reads of a sequence: the rest of its prompt, or the ids that were chosen last.
func (e *Engine) next(s *sequence) (chunks []language.Chunk) {
	if s.have < len(s.prompt.ids) {
		x := e.embed(s.prompt, s.have)
		s.have = len(s.prompt.ids)
		return []language.Chunk{{Slot: s.slot, X: x}}
	}
	for i, slot := range s.decoding.Slots() {
		chunks = append(chunks, language.Chunk{Slot: slot, X: e.Model.Language.Embed.Forward(nil, s.next[i:i+1])})
	}
	return chunks
}

// choose takes the logits of a sequence's slots, which it changes, and reports whether the sequence goes on.
func (e *Engine) choose(t *Ticket, logits []float32) bool {
	if len(t.request.First) > 0 {
		t.reply.First = first(logits, t.request.First)
		return false
	}
	t.sequence.next = t.sequence.decoding.Step(e.cache, logits)
	return len(t.sequence.next) > 0
}

// first are the log-probabilities of ids.
func first(logits []float32, ids []int32) []float64 {
	out := make([]float64, len(ids))
	for i, id := range ids {
		out[i] = float64(logits[id])
	}
	lse := kernels.Softmax(logits)
	for i := range out {
		out[i] -= lse
	}
	return out
}
