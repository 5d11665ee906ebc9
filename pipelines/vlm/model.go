package vlm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/autograd"
	"moslava/internal/kernels"
	"moslava/internal/nn"
	"moslava/language"
	"moslava/moslora"
	"moslava/pipelines/vlm/families"
	"moslava/projector"
	"moslava/vision"
)

// Prefixes of the parameters' names.
const (
	VisionPrefix    = families.Vision
	ProjectorPrefix = families.Connector
	LanguagePrefix  = families.Language
)

// Model is a LLaVA model with the adapters attached to it, or a decoder alone: then Config.HasVision is false, Vision and Projector are
// nil, and parameters have the names that they would have in a LLaVA model.
type Model struct {
	Config    *Config
	Vision    *vision.Tower
	Projector *projector.Projector
	Language  *language.Decoder
	Params    *nn.Params // of the base model, under their published names
	Adapters  *moslora.Set

	kept *kept // features of tiles, see KeepFeatures; nil: none
}

// New builds the model, its parameters from src under their published names. Frozen weights are kept as storage says.
func New(cfg *Config, src nn.Source, storage Storage) (*Model, error) {
	if src == nil {
		return nil, errors.New("a model without a source of parameters")
	}
	return build(cfg, src, storage)
}

// Outline is a model without weights: its parameters have names and shapes, and nothing can be computed.
func Outline(cfg *Config) (*Model, error) { return build(cfg, nil, Storage{}) }

func build(cfg *Config, src nn.Source, storage Storage) (*Model, error) {
	m := &Model{Config: cfg, Adapters: new(moslora.Set)}
	if src != nil && len(cfg.origin) > 0 {
		src = expanded{src, cfg}
	}
	_, ps, err := nn.BuildStored(src, storage.Kind, func(s *nn.Scope) *Model {
		if cfg.HasVision() {
			m.Vision = vision.New(s.In(strings.TrimSuffix(VisionPrefix, ".")), cfg.Vision)
			m.Projector = projector.New(s.In(strings.TrimSuffix(ProjectorPrefix, ".")), cfg.Projector)
			if _, err := cfg.Vision.States(cfg.Features.Layers); err != nil {
				s.Fail(err)
			}
		}
		m.Language = language.New(s.In(strings.TrimSuffix(LanguagePrefix, ".")), cfg.Text)
		return m
	})
	if err != nil {
		return nil, err
	}
	m.Params = ps
	return m, nil
}

// SelectFeatures changes which hidden states of the tower are used and the select strategy; nil and the empty string leave what the model
// has. The projector takes as many layers joined as it was made for.
func (m *Model) SelectFeatures(layers []int, strategy string) error {
	if f := m.Config.Family; f != nil && f.Chosen == nil && (len(layers) > 0 || strategy != "") {
		return fmt.Errorf("model.feature_layer, model.select_strategy: %s has one way to take features: leave the keys out", f.Name)
	}
	if len(layers) > 0 {
		if _, err := m.Config.Vision.States(layers); err != nil {
			return err
		}
		if want := len(m.Config.Features.Layers); len(layers) != want {
			return fmt.Errorf("vision_feature_layer is %v, the model's projector takes %d layers joined", layers, want)
		}
		m.Config.Features.Layers = layers
	}
	if strategy != "" {
		m.Config.Features.Full = strategy == "full"
	}
	return nil
}

// Checkpointing makes training compute the blocks of both towers twice in place of keeping what is inside them.
func (m *Model) Checkpointing(on bool) {
	m.Language.Checkpointing = on
	if m.Vision != nil {
		m.Vision.Checkpointing = on
	}
}

// Freeze makes nothing trainable and stores the weights of linear layers for inference: as they are (f32), or rounded
// to bf16, to 8-bit blocks (q8) or to nf4 with output layers in q8. The empty name is f32.
func (m *Model) Freeze(weights string) error {
	kind := kernels.F32
	if weights != "" {
		var err error
		if kind, err = kernels.ParseKind(weights); err != nil {
			return err
		}
	}
	m.Params.FreezeAs(kind)
	m.Adapters.Train(false)
	return nil
}

// Loss returns the summed cross-entropy of the batch's targets, on the tape and in float64.
func (m *Model) Loss(t *autograd.Tape, b *datasets.Batch) (v *autograd.Var, sum float64, err error) {
	var all Targets
	for i, l := range b.Labels {
		if l != datasets.IgnoreIndex {
			all.add(int32(i), l)
		}
	}
	if len(all.At) == 0 {
		return nil, 0, fmt.Errorf("a batch of %d tokens has no target", len(b.IDs))
	}
	vs, sums, err := m.Losses(t, b, all)
	if err != nil {
		return nil, 0, err
	}
	return vs[0], sums[0], nil
}

// Targets are positions of a batch, in ascending order, and the ids that follow them.
type Targets struct{ At, IDs []int32 }

func (s *Targets) add(at, id int32) { s.At, s.IDs = append(s.At, at), append(s.IDs, id) }

// Losses returns the summed cross-entropy of each of several sets of positions, which have none in common, on the tape and in float64.
func (m *Model) Losses(t *autograd.Tape, b *datasets.Batch, sets ...Targets) (vs []*autograd.Var, sums []float64, err error) {
	defer autograd.Catch(&err)
	for i := 1; i < len(b.Offsets); i++ {
		if err := m.Config.Text.Fits(int(b.Offsets[i] - b.Offsets[i-1])); err != nil {
			return nil, nil, err
		}
	}
	x, err := m.Embed(t, b.IDs, b.Images)
	if err != nil {
		return nil, nil, err
	}
	var at []int32
	for _, s := range sets {
		at = append(at, s.At...)
	}
	slices.Sort(at)
	h := m.Language.ForwardAt(t, x, language.Rows{Offsets: b.Offsets, Positions: b.Positions}, at)
	for _, s := range sets {
		rows := h
		if len(sets) > 1 {
			among := make([]int32, len(s.At))
			for i, p := range s.At {
				k, _ := slices.BinarySearch(at, p)
				among[i] = int32(k)
			}
			rows = t.SelectRows(h, among)
		}
		v, sum := m.Language.Head.Loss(t, rows, s.IDs)
		vs, sums = append(vs, v), append(sums, sum)
	}
	return vs, sums, nil
}

// Unreachable reports whether nothing that the named parameter or module computes reaches the
// features: the tower's blocks above the highest feature layer, its last norms, and the mask token.
func (m *Model) Unreachable(name string) bool {
	rest, ok := strings.CutPrefix(name, VisionPrefix)
	return ok && m.Config.Vision.Unread(rest, m.Config.Features)
}

// MemoryName is the path that transformers has in memory for a module of m, see families.Model.MemoryName.
func (m *Model) MemoryName(name string) string { return m.Config.MemoryName(name) }

// PublishedName is the program's path of a module that an adapter's file names, see families.Model.PublishedName.
func (m *Model) PublishedName(name string) string { return m.Config.PublishedName(name) }

// IsEmbedding and IsHead recognise the decoder's tables by their parameters' names.
func IsEmbedding(name string) bool {
	return strings.HasPrefix(name, LanguagePrefix) && language.IsEmbedding(name)
}

// IsHead is IsEmbedding for an output layer of its own.
func IsHead(name string) bool {
	return strings.HasPrefix(name, LanguagePrefix) && language.IsHead(name)
}

// Trains reports whether a parameter of m is trained where parts are: vision, projector, language, or blocks, the decoder's inserted ones.
func Trains(parts []string, m *Model, name string) bool {
	return (slices.Contains(parts, TowerOf(name)) || slices.Contains(parts, "blocks") && m.Config.Inserted(name)) && !m.Unreachable(name)
}

// TowerOf returns which part a parameter or module belongs to: "vision", "projector" or "language".
func TowerOf(name string) string {
	switch {
	case strings.HasPrefix(name, VisionPrefix):
		return "vision"
	case strings.HasPrefix(name, ProjectorPrefix):
		return "projector"
	default:
		return "language"
	}
}
