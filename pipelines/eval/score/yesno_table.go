package score

import (
	"slices"
	"strings"
)

// yesNoTable is POPE_rating of VLMEvalKit vlmeval/evaluate/yes_or_no.py; nil unless all questions are yes/no.
func yesNoTable(qs []question) []YesNoRow {
	qs = slices.DeleteFunc(slices.Clone(qs), func(q question) bool { return !q.labelled })
	if len(qs) == 0 || slices.ContainsFunc(qs, func(q question) bool { return len(q.first.Choices) > 0 || q.first.IsOpen() }) {
		return nil
	}
	var exploded []question
	for _, q := range qs {
		for _, c := range strings.Split(q.first.Category, ",") {
			one := q
			one.first.Category = c
			exploded = append(exploded, one)
		}
	}
	out := []YesNoRow{yesNoRow("Overall", exploded)}
	for _, p := range partition(exploded, func(q question) string { return q.first.Category }) {
		out = append(out, yesNoRow(p.name, p.qs))
	}
	return out
}

func yesNoRow(name string, qs []question) YesNoRow {
	var right, tp, fp, fn int
	for _, q := range qs {
		yes, said := q.first.Answer == "Yes", q.extracted == "Yes"
		switch {
		case yes && said:
			tp++
		case said:
			fp++
		case yes:
			fn++
		}
		if q.extracted == q.first.Answer {
			right++
		}
	}
	r := YesNoRow{Name: name, N: len(qs), Accuracy: float64(right) / float64(len(qs)), YesRatio: float64(tp+fp) / float64(len(qs))}
	if tp > 0 {
		r.Precision, r.Recall = float64(tp)/float64(tp+fp), float64(tp)/float64(tp+fn)
		r.F1 = 2 * (r.Precision * r.Recall) / (r.Precision + r.Recall)
	}
	return r
}
