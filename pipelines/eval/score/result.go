package score

import (
	"fmt"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// Tally counts the questions of one bucket that have an answer in the suite. Accuracies are fractions; they are
// NotKnown when N is 0.
type Tally struct {
	N            int     `json:"n"`             // questions
	Rows         int     `json:"rows"`          // their passes
	Hits         int     `json:"hits"`          // questions with every pass right
	RowHits      Count   `json:"row_hits"`      // passes right
	Unresolved   Count   `json:"unresolved"`    // passes from which no rule read an answer; they count as wrong
	Circular     Share   `json:"circular"`      // Hits / N
	Low          Share   `json:"low"`           // Wilson 95 % interval of Circular
	High         Share   `json:"high"`          //
	Vanilla      Share   `json:"vanilla"`       // RowHits / Rows
	Chance       float64 `json:"chance"`        // mean of 1/options over rows: vanilla accuracy of any blind guesser on average
	ChanceSteady float64 `json:"chance_steady"` // mean of 1/options over questions: circular accuracy of a blind guesser that sticks to an option's text
}

// Bucket is a tally with a name.
type Bucket struct {
	Name string `json:"name"`
	Tally
}

// Breakdown is a tally and its parts, sorted by name.
type Breakdown struct {
	Tally
	L2       []Bucket `json:"l2,omitempty"`
	Category []Bucket `json:"category,omitempty"`
	Comment  []Bucket `json:"comment,omitempty"`
}

// SplitBreakdown is the breakdown of one split.
type SplitBreakdown struct {
	Name string `json:"name"`
	Breakdown
}

// YesNoRow is a line of VLMEvalKit's POPE table, as fractions. An answer that is neither counts as No in precision,
// recall and F1, and as wrong in accuracy.
type YesNoRow struct {
	Name      string  `json:"name"` // Overall, or a category; a row with categories "a,b" counts in both, and twice in Overall
	N         int     `json:"n"`
	Accuracy  float64 `json:"accuracy"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	YesRatio  float64 `json:"yes_ratio"` // of the extracted answers
}

// Result is a suite's score. Buckets without a name in the suite are called "none"; a field the suite has for no item
// has no buckets.
type Result struct {
	Suite      string              `json:"suite"`
	Version    string              `json:"version"`
	Table      string              `json:"table,omitempty"`  // the suite's file, for who wants its pictures
	Images     []string            `json:"images,omitempty"` // the directories of its pictures, where they are files
	Data       *suites.Data        `json:"data,omitempty"`   // in place of a table: the stored samples that the suite is made of
	Kind       suites.Kind         `json:"kind"`
	Protocol   string              `json:"protocol"`
	Model      string              `json:"model,omitempty"`
	Judge      string              `json:"judge,omitempty"`  // who was asked what no rule reads
	Judged     int                 `json:"judged,omitempty"` // answers it has read
	Blank      bool                `json:"blank,omitempty"`
	Limit      int                 `json:"limit,omitempty"`
	Shard      suites.Shard        `json:"shard,omitzero"`
	StopEarly  bool                `json:"stop_early,omitempty"` // decided questions were not asked in full: what counts passes is not known
	Notes      []string            `json:"notes,omitempty"`
	Unlabelled int                 `json:"unlabelled,omitempty"` // questions without an answer in the suite; they are in no tally, and a bucket of them alone has N 0
	Overall    Breakdown           `json:"overall"`
	Splits     []SplitBreakdown    `json:"splits"`
	YesNo      []YesNoRow          `json:"yesno,omitempty"`
	Confused   []Confusion         `json:"confused,omitempty"`      // the most frequent first: of yes/no questions and of a person's own
	Sheet      *Sheet              `json:"sheet,omitempty"`         // the benchmark's own report, where it is not one of these tallies
	Drawn      int                 `json:"drawn,omitempty"`         // answers without an option, for which upstream draws one at random
	DrawnHits  int                 `json:"drawn_hits,omitempty"`    // of which the draw was right; they are among the hits
	Sum        string              `json:"record_sha256,omitempty"` // of the file's record without it; results of earlier versions have none
	Verdicts   []protocols.Verdict `json:"-"`                       // in the order of the items
}

// eachTally calls f for every tally of a result.
func (r *Result) eachTally(f func(*Tally)) {
	one := func(b *Breakdown) {
		f(&b.Tally)
		for _, bs := range [][]Bucket{b.L2, b.Category, b.Comment} {
			for i := range bs {
				f(&bs[i].Tally)
			}
		}
	}
	one(&r.Overall)
	for i := range r.Splits {
		one(&r.Splits[i].Breakdown)
	}
}

// forgetPasses marks what depends on every pass having been asked.
func (t *Tally) forgetPasses() { t.RowHits, t.Unresolved, t.Vanilla = NotKnown, NotKnown, NotKnown }

// Line is the result in a line for people.
func (r *Result) Line() string {
	t := r.Overall.Tally
	if t.N == 0 {
		return fmt.Sprintf("%s: no answers in the suite: predictions only, of %d questions, %s", r.Suite, r.Unlabelled, r.Protocol)
	}
	what := "accuracy"
	if r.Kind == suites.Circular {
		what = "circular"
	}
	line := fmt.Sprintf("%s: %s %.1f %% (%d of %d, 95 %% interval %.1f to %.1f), %s", r.Suite, what, 100*t.Circular, t.Hits, t.N, 100*t.Low, 100*t.High, r.Protocol)
	if r.Sheet != nil && len(r.Sheet.Rows) > 0 && (r.Protocol == protocols.ANLS || r.Protocol == protocols.F1) {
		line += fmt.Sprintf(", mean %s %.3f", r.Sheet.Metric, r.Sheet.Rows[0].Value)
	}
	if t.Unresolved > 0 {
		line += fmt.Sprintf(", %d answers not read", t.Unresolved)
	}
	if r.Unlabelled > 0 {
		line += fmt.Sprintf(", left out: %d of %d questions, to which the suite has no answer", r.Unlabelled, r.Unlabelled+t.N)
	}
	return line
}
