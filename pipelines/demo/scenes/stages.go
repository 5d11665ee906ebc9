package scenes

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"moslava/datasets"
)

// Purposes of a scene's own randomness; 0 draws the scene itself.
const (
	forDescribe = 1 + iota
	forAlign
	forTune
	forTest
	forWhose
)

// One tuning sample in describeEvery is a conversation of open answers, which keeps them alive.
const describeEvery = 8

// Pretrain yields n samples of the train split for pre-training tower and decoder together: of eight, two are texts
// as Reading has them, one is what Scan has, two are what Whose has, and three are conversations as [Scene.Describe] makes them.
// Sample i depends on seed and i alone.
func Pretrain(n int, seed uint64) iter.Seq[Sample] { return samples(n, pretraining(n, seed)) }

func pretraining(n int, seed uint64) func(i int) Sample {
	read, scan, whose := reading(n, seed), scanning(n, seed), whose(n, seed)
	return func(i int) Sample {
		switch r := rand.New(rand.NewPCG(mix(seed), uint64(i))); r.IntN(8) {
		case 0, 1:
			return read(i)
		case 2:
			return scan(i)
		case 3, 4:
			return whose(i)
		default:
			s := New(seed, Train, 3, i)
			return s.sample(s.Describe(s.Rand(forDescribe)))
		}
	}
}

// Reading yields n texts without pictures, half of them as [Recite] and half as [Lookup] makes them: what a decoder
// learns by itself.
func Reading(n int, seed uint64) iter.Seq[Sample] { return samples(n, reading(n, seed)) }

func reading(_ int, seed uint64) func(i int) Sample {
	return func(i int) Sample {
		r := rand.New(rand.NewPCG(mix(seed), uint64(i)))
		read := Lookup
		if r.IntN(2) == 0 {
			read = Recite
		}
		return Sample{ID: fmt.Sprintf("lookup-%06d", i), Turns: read(r), Origin: fmt.Sprintf("lookup:%d", i)}
	}
}

// Scan yields n samples of the train split whose one answer goes through all cells in reading order: what a vision tower
// learns by itself.
func Scan(n int, seed uint64) iter.Seq[Sample] { return samples(n, scanning(n, seed)) }

func scanning(_ int, seed uint64) func(i int) Sample {
	return func(i int) Sample {
		s := New(seed, Train, 3, i)
		return s.sample([]Turn{{From: datasets.Human, Value: imageMarker + "scan"}, {From: datasets.GPT, Value: s.scan()}})
	}
}

// Align yields n samples of the train split, one instruction and one description of the picture each.
func Align(n int, seed uint64) iter.Seq[Sample] { return samples(n, aligning(n, seed)) }

func aligning(_ int, seed uint64) func(i int) Sample {
	return func(i int) Sample {
		s := New(seed, Train, 3, i)
		r := s.Rand(forAlign)
		ask, answer := one(r, captionRequests), s.Caption()
		if r.IntN(4) == 0 {
			ask, answer = one(r, []string{"list the objects", "list everything"}), s.brief()
		}
		return s.sample([]Turn{{From: datasets.Human, Value: imageMarker + ask}, {From: datasets.GPT, Value: answer}})
	}
}

// Tune yields n samples of the train split: one picture each with one to six multiple-choice questions as [Question.Prompt] puts
// them, at most one of each l2-category, answered by the text of the right one. One sample in eight is a conversation of open answers instead.
func Tune(n int, seed uint64) iter.Seq[Sample] { return samples(n, tuning(n, seed)) }

func tuning(_ int, seed uint64) func(i int) Sample {
	return func(i int) Sample {
		s := New(seed, Train, 3, i)
		r := s.Rand(forTune)
		if i%describeEvery == describeEvery-1 {
			return s.sample(s.Describe(r))
		}
		var turns []Turn
		for _, q := range s.choose(r) {
			turns = append(turns, Turn{From: datasets.Human, Value: q.Prompt()}, Turn{From: datasets.GPT, Value: q.Reply()})
		}
		turns[0].Value = imageMarker + turns[0].Value
		return s.sample(turns)
	}
}

// chances are how often a category that a scene offers is asked when tuning. Each is drawn by itself, whatever else the scene offers,
// so that what is asked says nothing about the scene; the scarcer categories are asked more often.
var chances = map[string]float64{
	CoarsePerception: 0.45, FineInstance: 0.45, FineCross: 0.65, AttributeReasoning: 0.8, RelationReasoning: 1, LogicReasoning: 0.45,
}

// choose draws at least one of the scene's questions, at most one of a category, in random order.
func (s *Scene) choose(r *rand.Rand) []Question {
	for {
		var out []Question
		asked := map[string]bool{}
		for _, q := range s.Questions(r) {
			if !asked[q.L2] {
				asked[q.L2] = true
				if r.Float64() < chances[q.L2] {
					out = append(out, q)
				}
			}
		}
		if len(out) > 0 {
			return out
		}
	}
}

// samples yields what make returns for 0..n-1.
func samples(n int, make func(i int) Sample) iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		for i := range n {
			if !yield(make(i)) {
				return
			}
		}
	}
}

// sample joins the picture and a conversation about it.
func (s *Scene) sample(turns []Turn) Sample {
	return Sample{
		ID:       fmt.Sprintf("%s-%d-%06d", s.Split, s.Level, s.Index),
		Pictures: []datasets.Picture{{Bytes: s.PNG()}},
		Turns:    turns,
		Origin:   fmt.Sprintf("scenes/%s/level%d:%d", s.Split, s.Level, s.Index),
	}
}
