package vlm

import (
	"strings"

	"moslava/datasets"
	"moslava/language/chat"
)

// A Question is what stands before the first answer of a stored sample that is learnt.
type Question struct {
	Messages []chat.Message
	Pictures [][]byte
	Wanted   string // the answer
}

// FirstQuestion is the first one of a sample, and whether there is one: a text that is learnt whole has none.
func FirstQuestion(s datasets.Sample) (q Question, ok bool) {
	if s.Text != "" || s.Dense != nil {
		return q, false
	}
	pictures := 0
	for _, t := range s.Turns {
		if t.From == datasets.GPT && !t.Context {
			q.Wanted = t.Value
			break
		}
		role, known := roles[t.From]
		if !known {
			return q, false
		}
		q.Messages = append(q.Messages, chat.Message{Role: role, Content: t.Value})
		pictures += strings.Count(t.Value, datasets.ImageMarker)
	}
	if len(q.Messages) == 0 || strings.TrimSpace(q.Wanted) == "" || pictures > len(s.Pictures) {
		return q, false
	}
	for _, p := range s.Pictures[:pictures] {
		q.Pictures = append(q.Pictures, p.Bytes)
	}
	return q, true
}
