package plan

import (
	"fmt"
	"slices"

	"moslava/internal/kernels"
	"moslava/pipelines/vlm"
)

// model is what is trained of an outline, as leaves of the tape.
type model struct {
	*vlm.Model
	part     Part
	leaves   map[string]*value
	isLinear map[string]bool // names of the linears' weights
}

// Part says what a stage trains and how.
type Part struct {
	Train         []string                   // parts trained whole: vision, projector, language
	Adapters      map[string]*AdapterOutline // by the name of the linear
	Counts        []AdapterCount             // of each tower that Attach was called for
	Saved         map[string]bool            // parameters trained whole with the adapters
	Rows          map[string]int             // how many rows of a table are trained, by the table's name
	TrainAdapters bool
	Checkpointing bool
	Storage       vlm.Storage
	Files         map[string]kernels.Kind // of vision, projector, language: kernels.F16 or BF16 if all tensors that are read have no more bits
}

// AdapterOutline is an adapter's shape.
type AdapterOutline struct {
	Rank    int
	Mixer   bool // there is one
	Fixed   bool // and it is not trained
	FrozenA bool // neither is A
	DoRA    bool // there are magnitudes
	Dropout bool

	Coefficients int // if there are any, they alone are trained
}

func newModel(m *vlm.Model, p Part) *model {
	out := &model{m, p, map[string]*value{}, map[string]bool{}}
	for l := range m.Params.Linears() {
		out.isLinear[l.Weight.Name] = true
	}
	return out
}

func (m *model) trained(name string) bool {
	return vlm.Trains(m.part.Train, m.Model, name) || m.part.TrainAdapters && m.part.Saved[name]
}

// leaf is a parameter; nil if there is none of that name.
func (m *model) leaf(name string) *value {
	if v, ok := m.leaves[name]; ok {
		return v
	}
	p := m.Params.Get(name)
	if p == nil {
		return nil
	}
	cols := p.Shape[len(p.Shape)-1]
	m.leaves[name] = &value{rows: p.Size() / cols, cols: cols, track: m.trained(name)}
	return m.leaves[name]
}

func (m *model) extra(name string, rows, cols int, track bool) *value {
	if m.leaves[name] == nil {
		m.leaves[name] = &value{rows: rows, cols: cols, track: track}
	}
	return m.leaves[name]
}

// weight is a linear layer, or a head without a bias.
func (m *model) weight(name string) *weight {
	p := m.Params.Get(name + ".weight")
	w := &weight{out: p.Shape[0], in: p.Size() / p.Shape[0], w: m.leaf(name + ".weight"), b: m.leaf(name + ".bias")}
	in, out := w.in, w.out
	if name == m.embedName() { // its adapter is one of the transposed table
		in, out = out, in
	}
	if o := m.part.Adapters[name]; o != nil {
		all := m.part.TrainAdapters
		on := all && o.Coefficients == 0
		w.adapter = &adapter{rank: o.Rank, dropout: o.Dropout, a: m.extra(name+".A", o.Rank, in, on && !o.FrozenA), b: m.extra(name+".B", out, o.Rank, on)}
		if o.Mixer {
			w.adapter.m = m.extra(name+".M", o.Rank, o.Rank, on && !o.Fixed)
		}
		if o.Coefficients > 0 {
			w.adapter.c = m.extra(name+".C", 1, o.Coefficients, all)
		}
		if o.DoRA {
			w.adapter.magnitude = m.extra(name+".G", 1, w.out, on)
		}
	}
	return w
}

func (m *model) linear(t *tape, x *value, name string) *value {
	return m.linears(t, kept(x), x.rows, name)[0]
}

func (m *model) linears(t *tape, x lazy, rows int, names ...string) []*value {
	var ws []*weight
	for _, n := range names {
		ws = append(ws, m.weight(n))
	}
	return t.linears(x, rows, ws...)
}

// layerNorm and rmsNorm are the layers of package nn.
func (m *model) layerNorm(t *tape, x *value, name string) *value {
	return t.norm(x, 2, m.leaf(name+".weight"), m.leaf(name+".bias"))
}

func (m *model) lazyLayerNorm(t *tape, x *value, name string) lazy {
	return t.lazyNorm(x, 2, m.leaf(name+".weight"), m.leaf(name+".bias"))
}

func (m *model) lazyRMSNorm(t *tape, x *value, name string) lazy {
	return t.lazyNorm(x, 1, m.leaf(name+".weight"))
}

func (m *model) rmsNorm(t *tape, x *value, name string) *value {
	return t.norm(x, 1, m.leaf(name+".weight"))
}

// vars are the leaves that layers of these names read, as nn.Vars gives them.
func (m *model) vars(names []string) (out []*value) {
	for _, n := range names {
		for _, suffix := range []string{"", ".weight", ".bias"} {
			if v := m.leaf(n + suffix); v != nil {
				out = append(out, v)
			}
		}
		if m.part.Adapters[n] != nil {
			w := m.weight(n)
			out = append(out, w.adapter.leaves()...)
		}
	}
	return out
}

// block runs one transformer block, in the way of the stage.
func (m *model) block(t *tape, x *value, layers []string, f func(t *tape, x *value) *value) *value {
	from := len(t.loose)
	if m.part.Checkpointing {
		x = t.checkpoint(x, m.vars(layers), f)
	} else {
		x = f(t, x)
	}
	t.settle(from, x)
	return x
}

// Batch is the shape of what a step takes at a time.
type Batch struct {
	Lengths []int     // tokens of each sequence, image tokens included
	Images  []Picture // of all sequences
	Targets int       // positions that carry loss
	Asking  []int     // of each sequence, positions from the first that carries loss to the end, 1 if none does; nil: all
}

// Picture is the size of an image in pixels.
type Picture struct{ H, W int }

// Tokens is the number of positions.
func (b Batch) Tokens() int {
	n := 0
	for _, l := range b.Lengths {
		n += l
	}
	return n
}

// loss is vlm.Model.Loss.
func (m *model) loss(t *tape, b Batch) *value {
	x := m.embed(t, b.Tokens())
	for rest := b.Images; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n] == rest[0] {
			n++
		}
		from := len(t.loose)
		f := m.projector(t, m.features(t, n, rest[0]))
		x = t.splice(x, f)
		t.settle(from, x)
		rest = rest[n:]
	}
	cfg := m.Config.Text
	last := cfg.NumHiddenLayers - 1
	for i := range last {
		x = m.languageBlock(t, x, i, b)
	}
	x = m.lastBlock(t, x, last, b)
	x = m.rmsNorm(t, x, vlm.LanguagePrefix+"model.norm")
	return m.head(t, x)
}

// decoderNames are the layers of a decoder's block.
type decoderNames struct {
	norm1          string
	qkv            []string // three, or one that gives all
	o, norm2       string
	gate, up, down string
}

func (m *model) decoderNames(i int) decoderNames {
	n, p := m.Config.Text.Names(), fmt.Sprintf("%smodel.layers.%d.", vlm.LanguagePrefix, i)
	out := decoderNames{p + n.Norm1, []string{p + n.Q, p + n.K, p + n.V}, p + n.O, p + n.Norm2, p + n.Gate, p + n.Up, p + n.Down}
	if m.Config.Text.Fused() {
		out.qkv = []string{p + n.QKV}
	}
	return out
}

func (n decoderNames) all() []string {
	return append(slices.Clone(n.qkv), n.norm1, n.o, n.norm2, n.gate, n.up, n.down)
}

// project gives queries, keys and values of all rows.
func (m *model) project(t *tape, x *value, n decoderNames) []*value {
	qkv := m.linears(t, m.lazyRMSNorm(t, x, n.norm1), x.rows, n.qkv...)
	if c := m.Config.Text; c.Fused() {
		q, kv := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
		return []*value{t.columns(qkv[0], q), t.columns(qkv[0], kv), t.columns(qkv[0], kv)}
	}
	return qkv
}

func (m *model) languageBlock(t *tape, x *value, i int, b Batch) *value {
	c, names := m.Config.Text, m.decoderNames(i)
	return m.block(t, x, names.all(), func(t *tape, x *value) *value {
		qkv := m.project(t, x, names)
		q := t.rope(qkv[0])
		k := t.rope(qkv[1])
		a := t.attention(q, k, qkv[2], c.NumAttentionHeads, c.NumKeyValueHeads, c.HeadDim, true, b.Lengths, b.Lengths)
		return m.mlp(t, t.residual(x, m.linear(t, a, names.o)), names)
	})
}

// lastBlock is computed for rows that have a target, and for those that ask between them.
func (m *model) lastBlock(t *tape, x *value, i int, b Batch) *value {
	c, names := m.Config.Text, m.decoderNames(i)
	each := b.Asking
	if each == nil {
		each = b.Lengths
	}
	asking := 0
	for _, n := range each {
		asking += n
	}
	return m.block(t, x, names.all(), func(t *tape, x *value) *value {
		var q, k, v *value
		if c.Fused() {
			qkv := m.project(t, x, names)
			q, k, v = t.selectRows(qkv[0], asking), qkv[1], qkv[2]
			k = t.rope(k)
		} else {
			kv := m.linears(t, m.lazyRMSNorm(t, x, names.norm1), x.rows, names.qkv[1:]...)
			k, v = t.rope(kv[0]), kv[1]
			q = m.linears(t, m.lazyRMSNorm(t, t.selectRows(x, asking), names.norm1), asking, names.qkv[0])[0]
		}
		a := t.attention(t.rope(q), k, v, c.NumAttentionHeads, c.NumKeyValueHeads, c.HeadDim, true, b.Lengths, each)
		at := t.selectRows(x, b.Targets)
		return m.mlp(t, t.residual(at, m.linear(t, t.selectRows(a, b.Targets), names.o)), names)
	})
}

func (m *model) mlp(t *tape, x *value, n decoderNames) *value {
	h := m.linears(t, m.lazyRMSNorm(t, x, n.norm2), x.rows, n.gate, n.up)
	return t.residual(x, t.lastLinear(t.lazySwiGLU(h[0], h[1]), x.rows, m.weight(n.down)))
}

func (m *model) projector(t *tape, x *value) *value {
	y := m.linear(t, x, vlm.ProjectorPrefix+"linear_1")
	if m.Config.Projector.Type == "linear" {
		return y
	}
	return m.linears(t, t.lazyActivate(y), y.rows, vlm.ProjectorPrefix+"linear_2")[0]
}

// features is vision.Tower.Features of n pictures.
func (m *model) features(t *tape, n int, size Picture) *value {
	states, err := m.Vision.States(m.Config.FeatureLayers)
	if err != nil {
		panic(err) // the outline has looked
	}
	names := visionNamesOf(m.Config)
	x := m.tokens(t, n, size, names)
	tokens := x.rows / n
	out := make([]*value, len(states))
	for l := 0; ; l++ {
		for i, s := range states {
			if s == l {
				out[i] = x
			}
		}
		if l == slices.Max(states) {
			break
		}
		x = m.visionBlock(t, x, names.block(l), n, tokens)
	}
	for i, s := range out {
		if !m.Config.Full {
			out[i] = t.selectRows(s, n*(tokens-1))
		}
	}
	return t.concatColumns(out)
}

func (m *model) tokens(t *tape, n int, size Picture, names towerNames) *value {
	from := len(t.loose)
	c := m.Config.Vision
	gh, gw := size.H/c.PatchSize, size.W/c.PatchSize
	patch := names.weight(m, names.patch)
	cols := &value{rows: n * gh * gw, cols: patch.in, data: &buf{n: n * gh * gw * patch.in}}
	t.pool.heap.allocate(4 * cols.size())
	t.pool.heap.drop(4 * cols.size())
	t.touch(2 * cols.size())
	patches := t.linear(cols, patch)
	pos := m.leaf(vlm.VisionPrefix + names.pos)
	if c.Interpolates(size.H, size.W) {
		pos = t.matMul(gh*gw+pos.rows-c.Patches(c.ImageSize, c.ImageSize), pos.rows, pos)
	}
	x := t.patchTokens(patches, m.leaf(vlm.VisionPrefix+names.cls), m.leaf(vlm.VisionPrefix+names.registers), pos, n*(gh*gw+c.Extra()))
	if names.pre != "" {
		x = m.layerNorm(t, x, vlm.VisionPrefix+names.pre)
	}
	t.settle(from, x)
	return x
}

func (m *model) visionBlock(t *tape, x *value, b blockNames, n, tokens int) *value {
	c := m.Config.Vision
	lengths := slices.Repeat([]int{tokens}, n)
	residual := func(t *tape, x, y *value, scale string) *value {
		if scale != "" && m.leaf(scale).track {
			y = t.mulColumns(y, m.leaf(scale))
		}
		return t.residual(x, y)
	}
	return m.block(t, x, b.all(), func(t *tape, x *value) *value {
		qkv := m.linears(t, m.lazyLayerNorm(t, x, b.norm1), x.rows, b.q, b.k, b.v)
		a := t.attention(qkv[0], qkv[1], qkv[2], c.NumAttentionHeads, c.NumAttentionHeads, c.HiddenSize/c.NumAttentionHeads, false, lengths, lengths)
		x = residual(t, x, m.linear(t, a, b.o), b.scale1)
		h := m.linears(t, m.lazyLayerNorm(t, x, b.norm2), x.rows, b.fc1)[0]
		inner := t.lazyActivate(h)
		if c.SwiGLU {
			inner = t.lazySwiGLU(t.columns(h, h.cols/2), t.columns(h, h.cols/2))
		}
		return residual(t, x, t.lastLinear(inner, x.rows, m.weight(b.fc2)), b.scale2)
	})
}
