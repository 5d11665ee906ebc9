package score

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"moslava/pipelines/eval/protocols"
)

// Paired counts how two runs did on the same questions.
type Paired struct {
	N       int
	Both    int // questions that both have right
	Neither int
	OnlyA   int // questions that only the first has right
	OnlyB   int
	P       float64 // McNemar's test, see McNemar
}

// PairedBucket is the comparison on a part of the questions.
type PairedBucket struct {
	Name string
	Paired
}

// Flip is a question that one run has right and the other wrong.
type Flip struct {
	Group int64
	A, B  bool
}

// Comparison compares two runs question by question.
type Comparison struct {
	Paired
	L2, Category []PairedBucket // sorted by name; none where no verdict has one
	Flips        []Flip         // by Group
}

// McNemar is the two-sided exact p-value of McNemar's test: how often a fair coin would divide the onlyA + onlyB
// questions that one of two runs has right at least as unevenly. It is 1 when there are none. Exact at every count,
// where the usual chi-square is an approximation for many.
func McNemar(onlyA, onlyB int) float64 {
	n, k := onlyA+onlyB, min(onlyA, onlyB)
	if 2*k >= n {
		return 1
	}
	// The largest term is the last: sum the others as shares of it.
	sum, term := 0.0, 1.0
	for i := k; i >= 0; i-- {
		sum += term
		term *= float64(i) / float64(n-i+1)
	}
	logChoose := lgamma(n+1) - lgamma(k+1) - lgamma(n-k+1)
	return min(1, 2*sum*math.Exp(logChoose-float64(n)*math.Ln2))
}

func lgamma(n int) float64 {
	v, _ := math.Lgamma(float64(n))
	return v
}

// Asked is what a verdict file says about one question.
type Asked struct {
	First    protocols.Verdict // of its first pass
	Passes   []protocols.Verdict
	Right    int // passes
	Hit      bool
	Labelled bool // the suite tells the answer
}

// ByQuestion puts verdicts together by question, in the order of Group and Pass. A question is a hit when every pass
// that was asked is right, which under StopEarly only one that was asked in full can be.
func ByQuestion(verdicts []protocols.Verdict) []Asked {
	sorted := slices.DeleteFunc(slices.Clone(verdicts), func(v protocols.Verdict) bool { return v.Rule == protocols.RuleNotAsked })
	slices.SortStableFunc(sorted, func(a, b protocols.Verdict) int {
		if a.Group != b.Group {
			return cmp.Compare(a.Group, b.Group)
		}
		return cmp.Compare(a.Pass, b.Pass)
	})
	var out []Asked
	for i, v := range sorted {
		if i == 0 || v.Group != sorted[i-1].Group {
			out = append(out, Asked{First: v, Hit: true, Labelled: true})
		}
		q := &out[len(out)-1]
		q.Passes = append(q.Passes, v)
		q.Labelled = q.Labelled && v.Want != ""
		q.Hit = q.Hit && v.Correct
		if v.Correct {
			q.Right++
		}
	}
	return out
}

// Compare compares the verdicts of two runs on one version of a suite; questions without an answer in the suite are
// left out. Other questions, or another version, are an error: the runs must have been asked the same. Protocols,
// models and pictures may differ.
func Compare(a, b []protocols.Verdict) (*Comparison, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("found %d and %d verdicts, expected some of each run", len(a), len(b))
	}
	if a[0].Suite != b[0].Suite {
		return nil, fmt.Errorf("found verdicts on version %s and on version %s of the suite, expected one", a[0].Suite, b[0].Suite)
	}
	qa, qb := ByQuestion(a), ByQuestion(b)
	if len(qa) != len(qb) {
		return nil, fmt.Errorf("found %d questions in one run and %d in the other, expected the same", len(qa), len(qb))
	}
	var c Comparison
	l2, category := map[string]*Paired{}, map[string]*Paired{}
	for i, q := range qa {
		if q.First.Group != qb[i].First.Group {
			return nil, fmt.Errorf("found question %d in one run where the other has %d, expected the same questions", q.First.Group, qb[i].First.Group)
		}
		if !q.Labelled {
			continue
		}
		for _, p := range []*Paired{&c.Paired, bucket(l2, q.First.L2), bucket(category, q.First.Category)} {
			p.count(q.Hit, qb[i].Hit)
		}
		if q.Hit != qb[i].Hit {
			c.Flips = append(c.Flips, Flip{q.First.Group, q.Hit, qb[i].Hit})
		}
	}
	c.P = McNemar(c.OnlyA, c.OnlyB)
	c.L2, c.Category = pairedBuckets(l2), pairedBuckets(category)
	return &c, nil
}

func (p *Paired) count(a, b bool) {
	p.N++
	switch {
	case a && b:
		p.Both++
	case a:
		p.OnlyA++
	case b:
		p.OnlyB++
	default:
		p.Neither++
	}
}

func bucket(m map[string]*Paired, name string) *Paired {
	if m[name] == nil {
		m[name] = &Paired{}
	}
	return m[name]
}

// pairedBuckets names questions without a name as Result does.
func pairedBuckets(m map[string]*Paired) []PairedBucket {
	if len(m) == 1 && m[""] != nil {
		return nil
	}
	var out []PairedBucket
	for name, p := range m {
		if name == "" {
			name = "none"
		}
		p.P = McNemar(p.OnlyA, p.OnlyB)
		out = append(out, PairedBucket{name, *p})
	}
	slices.SortFunc(out, func(a, b PairedBucket) int { return strings.Compare(a.Name, b.Name) })
	return out
}
