package vlm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/language"
)

// prompt is a question as the decoder reads it.
type prompt struct {
	ids      []int32
	pictures []placed
}

// placed is a picture in a prompt.
type placed struct {
	*picture
	rows []int32 // where its features stand
}

// picture is what is kept of one that prompts are about.
type picture struct {
	digest   [sha256.Size]byte
	image    datasets.Image // without its place
	features []float32      // [features, D] of all tiles; until they are there, image has pixels
}

// pictureCache keeps the last pictures that were asked about.
type pictureCache struct{ list []*picture }

const keptPictures = 32

func (c *pictureCache) find(digest [sha256.Size]byte) *picture {
	for _, p := range c.list {
		if p.digest == digest {
			return p
		}
	}
	return nil
}

func (c *pictureCache) trim() {
	if n := len(c.list) - keptPictures; n > 0 {
		c.list = slices.Delete(c.list, 0, n)
	}
}

// asking says what questions take: room more positions in each of so many slots, and whether prompts are raw, which is without
// the chat template.
type asking struct {
	room, slots int
	raw         bool
}

// waves runs the questions, as many at a time as the cache may hold, and hands over which of them they are, their slots and their last hidden states.
func (a *Answerer) waves(ctx context.Context, questions []Question, how asking, then func(which, slots []int, hidden *autograd.Var) error) (err error) {
	defer autograd.Catch(&err)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(questions) == 0 {
		return fmt.Errorf("no prompts")
	}
	if a.cache == nil {
		a.cache = a.Model.Language.NewCache(0, 0)
	}
	defer a.pictures.trim()
	for left := together(questions); len(left) > 0; {
		prompts, err := a.take(ctx, questions, left, how)
		if err != nil {
			return err
		}
		slots, hidden, err := a.prefill(ctx, prompts, how.room)
		if err == nil {
			err = then(left[:len(prompts)], slots, hidden)
		}
		a.cache.Reset()
		if err != nil {
			return err
		}
		left = left[len(prompts):]
		a.pictures.trim()
	}
	return nil
}

// together numbers the questions so that those about the same pictures follow each other, in the order in which pictures
// come: tables have a question's rows far apart, and what is shared is shared within a wave.
func together(questions []Question) []int {
	number := map[string]int{}
	var groups [][]int
	for i, q := range questions {
		var digests []byte
		for _, p := range q.Pictures {
			d := sha256.Sum256(p)
			digests = append(digests, d[:]...)
		}
		g, ok := number[string(digests)]
		if !ok {
			g = len(groups)
			number[string(digests)] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return slices.Concat(groups...)
}

// take prepares the first of the questions that are left, as many as the cache may hold, one at least, with the
// features of their pictures. Questions about the same pictures stay in one wave if all of them fit.
func (a *Answerer) take(ctx context.Context, questions []Question, left []int, how asking) ([]prompt, error) {
	bytes := a.CacheBytes
	if bytes <= 0 {
		bytes = 256 << 20
	}
	var out []prompt
	whole := 0 // how many of out are before those about the last one's pictures
	for _, i := range left {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p, err := a.prompt(questions[i], how.raw)
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && !sameView(out[n-1], p) {
			whole = n
		}
		bytes -= how.slots * a.cache.Bytes(len(p.ids)+how.room)
		if bytes < 0 && len(out) > 0 {
			if whole > 0 {
				out = out[:whole]
			}
			break
		}
		out = append(out, p)
	}
	return out, a.look(ctx, out)
}

// sameView says whether two prompts are about the same pictures.
func sameView(a, b prompt) bool {
	return slices.EqualFunc(a.pictures, b.pictures, func(x, y placed) bool { return x.picture == y.picture })
}

func (a *Answerer) prompt(q Question, raw bool) (prompt, error) {
	var p prompt
	var err error
	if raw {
		if len(q.Pictures) > 0 {
			return p, errors.New("a raw prompt has no place for a picture")
		}
		p.ids, err = a.Processor.Tokenizer.Encode(q.Prompt, true)
		return p, err
	}
	p.pictures = make([]placed, len(q.Pictures))
	images := make([]datasets.Image, len(q.Pictures))
	for i, encoded := range q.Pictures {
		if p.pictures[i].picture, err = a.picture(encoded); err != nil {
			if len(q.Pictures) > 1 {
				err = fmt.Errorf("picture %d: %w", i+1, err)
			}
			return p, err
		}
		images[i] = p.pictures[i].image
	}
	if p.ids, err = a.Processor.promptIDs(turn(q), images); err != nil {
		return p, err
	}
	for i, im := range images {
		if p.pictures[i].rows, err = a.Model.rows(p.ids, im); err != nil {
			return p, fmt.Errorf("picture %d: %w", i+1, err)
		}
	}
	return p, nil
}

// picture finds an encoded picture among those that are kept, or reads it.
func (a *Answerer) picture(encoded []byte) (*picture, error) {
	digest := sha256.Sum256(encoded)
	if p := a.pictures.find(digest); p != nil {
		return p, nil
	}
	image, err := a.Processor.image(encoded)
	if err != nil {
		return nil, err
	}
	p := &picture{digest: digest, image: image}
	a.pictures.list = append(a.pictures.list, p)
	return p, nil
}

// look computes the features of the prompts' pictures that have none, lookAtOnce tiles together.
func (a *Answerer) look(ctx context.Context, prompts []prompt) error {
	var fresh []*picture
	var tiles []datasets.Tile
	for _, p := range prompts {
		for _, at := range p.pictures {
			if at.features == nil && !slices.Contains(fresh, at.picture) {
				fresh = append(fresh, at.picture)
				tiles = append(tiles, at.image.Tiles...)
			}
		}
	}
	const lookAtOnce = 4
	var rows []float32
	for some := range slices.Chunk(tiles, lookAtOnce) {
		features, err := a.Model.Features(&autograd.Tape{Values: true, Context: ctx}, some)
		if err != nil {
			return err
		}
		for _, f := range features {
			rows = append(rows, f.Floats()...)
		}
	}
	d := a.Model.Config.Text.HiddenSize
	for _, p := range fresh {
		n := p.image.Layout.Features() * d
		p.features, rows = slices.Clone(rows[:n]), rows[n:]
		for i := range p.image.Tiles {
			p.image.Tiles[i].Pixels = nil
		}
	}
	return nil
}

// prefill runs the prompts up to their ends and returns the slots and the last hidden state of each.
func (a *Answerer) prefill(ctx context.Context, prompts []prompt, room int) ([]int, *autograd.Var, error) {
	d := a.Model.Config.Text.HiddenSize
	slots, hidden := make([]int, len(prompts)), make([]float32, len(prompts)*d)
	for _, level := range sharePrefixes(a.keys(prompts)) {
		for len(level) > 0 {
			if ctx.Err() != nil {
				return nil, nil, context.Cause(ctx)
			}
			some := level[:fitting(level)]
			level = level[len(some):]
			h, err := a.extend(some, prompts, room)
			if err != nil {
				return nil, nil, err
			}
			for i, p := range some {
				if len(p.children) == 0 {
					slots[p.rows[0]] = p.slot
					copy(hidden[p.rows[0]*d:(p.rows[0]+1)*d], h.Floats()[i*d:])
				}
			}
		}
	}
	return slots, autograd.New(hidden, len(prompts), d), nil
}

// rowsAtOnce is how many positions one pass takes: enough for products at full speed, few enough that what
// they read again and again stays in a core's cache, and that the pass's memory is small.
const rowsAtOnce = 512

// fitting is how many of the pieces go into one pass, one at least.
func fitting(level []*prefix) int {
	rows := 0
	for i, p := range level {
		if rows += p.to - p.from; rows > rowsAtOnce && i > 0 {
			return i
		}
	}
	return len(level)
}

// extend runs some pieces of a level and returns the last hidden state of each.
func (a *Answerer) extend(level []*prefix, prompts []prompt, room int) (*autograd.Var, error) {
	chunks := make([]language.Chunk, len(level))
	for i, p := range level {
		a.place(p, prompts, room)
		chunks[i] = language.Chunk{Slot: p.slot, X: a.embed(prompts[p.rows[0]], p.from, p.to)}
	}
	return a.Model.Language.Extend(a.cache, chunks)
}

// place finds a slot for a piece: the last one after a shared piece goes on where that stands, others in a copy.
func (a *Answerer) place(p *prefix, prompts []prompt, room int) {
	if up := p.parent; up != nil && up.children[len(up.children)-1] == p {
		p.slot = up.slot
		return
	}
	capacity := 0
	for _, r := range p.rows {
		capacity = max(capacity, len(prompts[r].ids)+room)
	}
	p.slot = a.cache.Open(capacity)
	if p.parent != nil {
		a.cache.Fork(p.parent.slot, p.slot)
	}
}

// keys tells the prompts' positions apart: by id, and features by picture.
func (a *Answerer) keys(prompts []prompt) [][]int64 {
	number := map[*picture]int64{}
	keys := make([][]int64, len(prompts))
	for i, p := range prompts {
		keys[i] = make([]int64, len(p.ids))
		for k, id := range p.ids {
			keys[i][k] = int64(id)
		}
		for _, at := range p.pictures {
			if _, ok := number[at.picture]; !ok {
				number[at.picture] = int64(len(number))
			}
			for _, row := range at.rows {
				keys[i][row] = -1 - number[at.picture]
			}
		}
	}
	return keys
}

// embed makes the embeddings of positions from..to, with the pictures' features in their places.
func (a *Answerer) embed(p prompt, from, to int) *autograd.Var {
	x := a.Model.Language.Embed.Forward(nil, p.ids[from:to])
	d := x.Cols()
	for _, at := range p.pictures {
		for f, row := range at.rows {
			if i := int(row); from <= i && i < to {
				copy(x.Floats()[(i-from)*d:(i-from+1)*d], at.features[f*d:])
			}
		}
	}
	return x
}
