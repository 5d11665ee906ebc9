package vlm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/language"
	"moslava/language/chat"
	"moslava/pipelines/eval"
)

// Answerer asks a model. Prompts about the same picture share what their ids have in common: the
// picture's features and their keys and values are computed once.
type Answerer struct {
	Model     *Model
	Processor *Processor
}

var _ eval.Answerer = (*Answerer)(nil)

// Answer implements eval.Answerer: greedy decoding, special tokens left out, trimmed.
func (a *Answerer) Answer(ctx context.Context, image []byte, prompts []string, opt eval.AnswerOptions) ([]string, error) {
	g := language.Generation{MaxNew: opt.MaxNewTokens, Stop: a.Processor.StopIDs()}
	out, err := a.Generate(ctx, image, prompts, g)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(out))
	for i, ids := range out {
		texts[i] = strings.TrimSpace(a.Processor.Tokenizer.Decode(ids, true))
	}
	return texts, nil
}

// Generate returns the new ids after each prompt.
func (a *Answerer) Generate(ctx context.Context, image []byte, prompts []string, g language.Generation) (out [][]int32, err error) {
	defer autograd.Catch(&err)
	cache, slots, hidden, err := a.prefill(image, prompts, g.MaxNew)
	if err != nil {
		return nil, err
	}
	return a.Model.Language.Generate(ctx, cache, slots, hidden, g)
}

// Letters implements eval.Answerer.
func (a *Answerer) Letters(_ context.Context, image []byte, prompts, letters []string) (out [][]float64, err error) {
	defer autograd.Catch(&err)
	ids := make([]int32, len(letters))
	for i, l := range letters {
		if ids[i], err = a.firstID(l); err != nil {
			return nil, err
		}
	}
	_, _, hidden, err := a.prefill(image, prompts, 0)
	if err != nil {
		return nil, err
	}
	logits := a.Model.Language.Logits(hidden)
	for r := range prompts {
		row := logits.Floats()[r*logits.Cols():][:logits.Cols()]
		raw := make([]float64, len(ids))
		for i, id := range ids {
			raw[i] = float64(row[id])
		}
		lse := kernels.Softmax(row)
		for i := range raw {
			raw[i] -= lse
		}
		out = append(out, raw)
	}
	return out, nil
}

// firstID is the first token of an answer that consists of text.
func (a *Answerer) firstID(text string) (int32, error) {
	if id, ok := a.Processor.Tokenizer.ID(text); ok {
		return id, nil
	}
	ids, err := a.Processor.Tokenizer.Encode(text, false)
	if err != nil || len(ids) == 0 {
		return 0, fmt.Errorf("the tokenizer makes nothing of %q: %w", text, err)
	}
	return ids[0], nil
}

// prefill runs the prompts and returns the cache, their slots, and the last hidden state of each.
func (a *Answerer) prefill(image []byte, prompts []string, room int) (*language.Cache, []int, *autograd.Var, error) {
	var pictures [][]byte
	mark := ""
	if image != nil {
		pictures, mark = [][]byte{image}, ImageTokenText+"\n"
	}
	m := a.Model
	var ids [][]int32
	var first *autograd.Var // embeddings of the first prompt, which has the picture
	longest := 0
	for i, p := range prompts {
		seq, images, err := a.Processor.Prompt([]chat.Message{{Role: "user", Content: mark + p}}, pictures)
		if err != nil {
			return nil, nil, nil, err
		}
		if i == 0 {
			if first, err = m.Embed(nil, seq, images); err != nil {
				return nil, nil, nil, err
			}
		}
		ids = append(ids, seq)
		longest = max(longest, len(seq))
	}
	if len(ids) == 0 {
		return nil, nil, nil, fmt.Errorf("no prompts")
	}
	shared := commonPrefix(ids)
	cache := m.Language.NewCache(len(ids), longest+room)
	slots := make([]int, len(ids))
	chunks := make([]language.Chunk, len(ids))
	if shared > 0 {
		d := m.Config.Text.HiddenSize
		x := autograd.New(first.Floats()[:shared*d:shared*d], shared, d)
		if _, err := m.Language.Extend(cache, []language.Chunk{{X: x}}); err != nil {
			return nil, nil, nil, err
		}
	}
	for i, seq := range ids {
		slots[i] = i
		cache.Fork(0, i)
		if slices.Contains(seq[shared:], m.Config.ImageToken) {
			return nil, nil, nil, fmt.Errorf("prompt %d: the picture stands after what the prompts share", i)
		}
		chunks[i] = language.Chunk{Slot: i, X: m.Language.Embed.Forward(nil, seq[shared:])}
	}
	hidden, err := m.Language.Extend(cache, chunks)
	return cache, slots, hidden, err
}

// commonPrefix is how many ids all sequences begin with, at most one less than the shortest has, so
// that each has a last position of its own. A single sequence shares all but its last.
func commonPrefix(ids [][]int32) int {
	n := len(ids[0]) - 1
	for _, seq := range ids[1:] {
		n = min(n, len(seq)-1)
		for i := range n {
			if seq[i] != ids[0][i] {
				n = i
				break
			}
		}
	}
	return n
}
