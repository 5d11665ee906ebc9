package samples

import (
	"testing"

	"moslava/datasets"
	"moslava/pipelines/metrics"
	"moslava/pipelines/vlm"
)

func said(answers ...string) (out []metrics.Sample) {
	for i := 0; i < len(answers); i += 2 {
		out = append(out, metrics.Sample{Wanted: answers[i], Said: answers[i+1]})
	}
	return out
}

func TestDominant(t *testing.T) {
	for _, c := range []struct {
		all  []metrics.Sample
		want bool
	}{
		{said("a", "b", "c", "b", "d", "B."), true},
		{said("a", "b", "c", "b"), false},                       // too few to tell
		{said("yes", "yes", "yes", "yes", "yes", "yes"), false}, // as it should be
		{said("a", "b", "c", "b", "d", "d"), false},
		{said("a", "", "c", "", "d", ""), true},
	} {
		if _, _, ok := Dominant(c.all); ok != c.want {
			t.Errorf("%+v: %v", c.all, ok)
		}
	}
	if !Right(metrics.Sample{Wanted: "A cat", Said: "a cat."}) || Right(metrics.Sample{Wanted: "cat", Said: "cats"}) {
		t.Error("what is right")
	}
}

func TestFirstQuestion(t *testing.T) {
	picture := []datasets.Picture{{Bytes: []byte("x")}, {Bytes: []byte("y")}}
	q, ok := vlm.FirstQuestion(datasets.Sample{Pictures: picture, Turns: []datasets.Turn{{From: datasets.System, Value: "s"}, {From: datasets.Human, Value: "<image>?"},
		{From: datasets.GPT, Value: "a"}, {From: datasets.Human, Value: "<image>"}, {From: datasets.GPT, Value: "b"}}})
	if !ok || len(q.Messages) != 2 || q.Messages[0].Role != "system" || q.Wanted != "a" || len(q.Pictures) != 1 {
		t.Errorf("%+v %v", q, ok)
	}
	for name, s := range map[string]datasets.Sample{"text": {Text: "x"}, "no answer": {Turns: []datasets.Turn{{From: datasets.Human, Value: "?"}}},
		"empty answer": {Turns: []datasets.Turn{{From: datasets.Human, Value: "?"}, {From: datasets.GPT, Value: " "}}},
		"no picture":   {Turns: []datasets.Turn{{From: datasets.Human, Value: "<image>"}, {From: datasets.GPT, Value: "a"}}}} {
		if q, ok := vlm.FirstQuestion(s); ok {
			t.Errorf("%s: %+v", name, q)
		}
	}
}
