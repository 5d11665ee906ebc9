package vlm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math"
	"strings"

	"moslava/internal/autograd"
)

// A FeatureStore keeps arrays by key.
type FeatureStore interface {
	Get(key [sha256.Size]byte) []float32 // nil: there is none; nobody may change it
	Put(key [sha256.Size]byte, features []float32)
}

// kept is a store of what the tower makes of tiles.
type kept struct {
	store FeatureStore
	tower [sha256.Size]byte // hash of its configuration, its weights and which of its states are features
}

// KeepFeatures has the model look for the features of tiles in a store before it runs the tower, and keep them there. Nothing of the tower
// may be trained from here on, and no adapter may be on it. Results do not change by a bit.
func (m *Model) KeepFeatures(s FeatureStore) error {
	if m.Vision == nil {
		return ErrNoVision
	}
	if module := m.VisionAdapter(); module != "" {
		return fmt.Errorf("the vision tower has adapters (%s): merge them first", module)
	}
	h := sha256.New()
	for _, v := range []any{m.Config.Vision, m.Config.Features} {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		h.Write(append(b, '\n'))
	}
	for p := range m.Params.All() {
		if !strings.HasPrefix(p.Name, VisionPrefix) {
			continue
		}
		if p.Trainable() {
			return errors.New("the vision tower is trained: its features change with every step")
		}
		fmt.Fprintln(h, p.Name, p.Shape)
		hashFloats(h, p.Floats())
	}
	m.kept = &kept{s, [sha256.Size]byte(h.Sum(nil))}
	return nil
}

// VisionAdapter is the first linear of the vision tower that has an adapter; "" if none has.
func (m *Model) VisionAdapter() string {
	for a := range m.Adapters.All() {
		if TowerOf(a.Module) == "vision" {
			return a.Module
		}
	}
	return ""
}

// hashFloats adds numbers, little-endian.
func hashFloats(h hash.Hash, x []float32) {
	var b [4 << 10]byte
	for len(x) > 0 {
		n := min(len(x), len(b)/4)
		for i, v := range x[:n] {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
		h.Write(b[:4*n])
		x = x[n:]
	}
}

// key is that of a tile of h x w pixels.
func (k *kept) key(pixels []float32, h, w int) [sha256.Size]byte {
	sum := sha256.New()
	sum.Write(k.tower[:])
	fmt.Fprintln(sum, h, w)
	hashFloats(sum, pixels)
	return [sha256.Size]byte(sum.Sum(nil))
}

// towerFeatures are the tower's features of tiles of one size, [Σ features, D].
func (m *Model) towerFeatures(t *autograd.Tape, pixels [][]float32, h, w int) (*autograd.Var, error) {
	if m.kept == nil {
		return m.Vision.Features(t, pixels, h, w, m.Config.Features)
	}
	keys, found := make([][sha256.Size]byte, len(pixels)), make([][]float32, len(pixels))
	var missing [][]float32
	for i, px := range pixels {
		keys[i] = m.kept.key(px, h, w)
		if found[i] = m.kept.store.Get(keys[i]); found[i] == nil {
			missing = append(missing, px)
		}
	}
	var fresh *autograd.Var
	size, width := 0, m.Config.Vision.HiddenSize*len(m.Config.Features.Layers)
	if len(missing) > 0 {
		var err error
		if fresh, err = m.Vision.Features(t, missing, h, w, m.Config.Features); err != nil {
			return nil, err
		}
		size = fresh.Size() / len(missing)
		rest := fresh.Floats()
		for i := range pixels {
			if found[i] == nil {
				m.kept.store.Put(keys[i], rest[:size])
				found[i], rest = rest[:size], rest[size:]
			}
		}
		if len(missing) == len(pixels) {
			return fresh, nil
		}
	}
	size = len(found[0])
	out := autograd.NewOn(m.Language.Embed.Weight.Device(), len(pixels)*size/width, width)
	for i, f := range found {
		if len(f) != size || size%width != 0 {
			return nil, fmt.Errorf("a tile of %d x %d pixels has %d numbers kept as its features, and another %d", w, h, len(f), size)
		}
		copy(out.Floats()[i*size:], f)
	}
	return t.Adopt(out), nil
}
