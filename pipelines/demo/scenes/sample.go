package scenes

import (
	"iter"

	"moslava/datasets"
)

// Turn and Sample are the stored forms that everything here is written in.
type (
	Turn   = datasets.Turn
	Sample = datasets.Sample
)

const imageMarker = datasets.ImageMarker + "\n"

// Rows pairs the samples of a stage with the nil errors that datasets.WriteArrow expects; drawing cannot fail.
func Rows(samples iter.Seq[Sample]) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for s := range samples {
			if !yield(s, nil) {
				return
			}
		}
	}
}
