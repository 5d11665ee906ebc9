package suites

import (
	"fmt"
	"math"
	"slices"
)

// Kind says how a suite's answers are counted.
type Kind string

const (
	Circular   Kind = "circular" // multiple choice; a question counts when every rotation of its options is answered right
	Vanilla    Kind = "vanilla"  // multiple choice, every row for itself
	YesNo      Kind = "yesno"    // the answer is Yes or No
	YesNoPairs Kind = "paired"   // the answer is Yes or No, and two questions share a picture (MME)
	Open       Kind = "open"     // the answer is a short text
	Mixed      Kind = "mixed"    // options for some questions, short texts or numbers for others
)

// Choice is one option of a multiple-choice item.
type Choice struct {
	Letter byte // 'A'..'Z'
	Text   string
}

// PassDistance is MMBench's distance between the passes of a question: index = base + pass*1e6.
const PassDistance = 1_000_000

// Item is one row of a suite: one prompt, about a picture or several.
type Item struct {
	ID       int64 // unique in the suite; in a circular suite base + pass*1e6
	Group    int64 // rows with the same group are the passes of one question
	Pass     int   // 0 is the question as written, pass k has its options shifted left by k
	Split    string
	Category string // leaf ability
	L2       string // l2-category
	Comment  string
	Source   string
	Hint     string
	Question string
	Choices  []Choice // none for a yes/no item
	Answer   string   // a choice's letter, or "Yes" or "No"; empty when the suite does not tell
	ImageKey string   // the same key is the same picture; empty is no picture
	More     []string `json:",omitempty"` // keys of the second and later pictures

	Index   string   `json:",omitempty"` // the file's index, where it is not a number; ID is then the row, from 1
	Name    string   `json:",omitempty"` // upstream's name of the item, where it is not a number
	Form    Form     `json:",omitempty"` // of the answer, when it is neither a letter nor yes or no
	Answers []string `json:",omitempty"` // all that are accepted, Answer first, or ten people's (TextVQA); none when Answer is all there is
	Pair    string   `json:",omitempty"` // the two items of a picture have the same (MME)
	ImageID string   `json:",omitempty"` // upstream's name of the picture, where answers go by it (TextVQA)
	Topics  []string `json:",omitempty"` // further buckets of a score sheet (MathVista's skills)
	Before  []Said   `json:",omitempty"` // what was said before the question, where that is shown; its markers come first
}

// Said is a turn of a conversation before a question.
type Said struct {
	Role string // system, user or assistant
	Text string
}

// Form says what the answer to an item without options is.
type Form string

const (
	YesOrNo  Form = ""        // Yes or No, when there are no choices
	FreeText Form = "text"    // a short text
	Integer  Form = "integer" // a whole number
	Float    Form = "float"   // a number
	Recast   Form = "recast"  // a short text that VLMEvalKit makes option A of, beside "Other Answers" (MMMU)
	Given    Form = "given"   // an option's letter, read by somebody else already (MMMU's parsed answers)
)

// OptionCount is how many answers a guesser picks from; infinite for a free text.
func (it Item) OptionCount() float64 {
	switch {
	case len(it.Choices) > 0:
		return float64(len(it.Choices))
	case it.Form != YesOrNo:
		return math.Inf(1)
	}
	return 2
}

// IsOpen says that the answer is a text that is compared by rule, not a letter, Yes or No.
func (it Item) IsOpen() bool { return it.Form != YesOrNo }

// Pictures are the keys of all the item's pictures, in order.
func (it Item) Pictures() []string {
	if it.ImageKey == "" {
		return nil
	}
	return append([]string{it.ImageKey}, it.More...)
}

// HasOption says whether there is an option with that letter.
func (it Item) HasOption(letter string) bool {
	return slices.ContainsFunc(it.Choices, func(c Choice) bool { return string(c.Letter) == letter })
}

// Letters are the options' letters in order.
func (it Item) Letters() []string {
	out := make([]string, len(it.Choices))
	for i, c := range it.Choices {
		out[i] = string(c.Letter)
	}
	return out
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Groups cuts items, sorted by Group, into questions.
func Groups(items []Item) [][]Item {
	var out [][]Item
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && items[j].Group == items[i].Group {
			j++
		}
		out = append(out, items[i:j])
		i = j
	}
	return out
}

// ByID is a look-up of items by their IDs.
func ByID(items []Item) map[int64]Item {
	byID := make(map[int64]Item, len(items))
	for _, it := range items {
		byID[it.ID] = it
	}
	return byID
}

// NameOrID is how messages call the item.
func (it Item) NameOrID() string {
	if it.Name != "" {
		return it.Name
	}
	return fmt.Sprint(it.ID)
}
