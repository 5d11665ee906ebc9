package scenes

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The named owner, and nobody else, has the value.
func TestPossessions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, class := range answerClasses {
		for range 300 {
			value := class[r.IntN(len(class))]
			owner, text := possessions(r, class, value)
			facts := strings.FieldsFunc(strings.ReplaceAll(text, ". ", "\n"), func(c rune) bool { return c == '\n' })
			if strings.Contains(text, " has ") {
				for i, f := range facts {
					facts[i] = strings.ReplaceAll(strings.TrimSuffix(f, "."), " has ", "\n")
				}
				facts = strings.Split(strings.Join(facts, "\n"), "\n")
			}
			if len(facts)%2 != 0 || len(facts) < 6 || len(facts) > 10 {
				t.Fatalf("%q falls into %q", text, facts)
			}
			for i := 0; i < len(facts); i += 2 {
				if (facts[i] == owner) != (facts[i+1] == value) || slices.Contains(facts[:i], facts[i]) {
					t.Fatalf("%s has %s in %q", owner, value, text)
				}
			}
		}
	}
}

// What is joined with a picture is a fact about it: each answer is a person of the text.
func TestWhose(t *testing.T) {
	for s := range Whose(500, 3) {
		for i := 0; i < len(s.Turns); i += 2 {
			ask, name := s.Turns[i].Value, s.Turns[i+1].Value
			name = name[strings.LastIndexByte(name, ' ')+1:]
			if !slices.Contains(people, name) || !strings.Contains(ask, name) {
				t.Fatalf("%s: %q to %q", s.ID, name, ask)
			}
		}
	}
}

// A recited list is the given one, in order or backwards.
func TestRecite(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		turns := Recite(r)
		ask, list, _ := strings.Cut(turns[0].Value, "\n")
		words, answer := split(list), split(turns[1].Value)
		if strings.HasSuffix(ask, "backwards") || strings.HasPrefix(ask, "turn") {
			slices.Reverse(answer)
		}
		if !slices.Equal(words, answer) {
			t.Fatalf("%q: %q", turns[0].Value, turns[1].Value)
		}
	}
}

func split(list string) []string { return strings.Split(strings.ReplaceAll(list, ", ", "\n"), "\n") }
