package moslora

import (
	"math"
	"math/rand/v2"

	"moslava/internal/nn"
)

// DoRA (arXiv 2402.09353; PEFT's use_dora) trains a length of its own for every row of the weight,
//
//	y = diag(m/‖W + s·B·M·A‖)·(W + s·B·M·A)·x + b,
//
// with a mixer as without: the authors' fork of PEFT leaves M out where both are asked for (layer.py:584), this does not.

// rowNorms is where magnitudes start: the lengths of the rows of l's weight.
func rowNorms(l *nn.Linear) nn.Init {
	return func(_ *rand.Rand, _ []int, data []float32) { copy(data, l.RowNorms()) }
}

// rescale brings row j of w to the length m[j]. A row of zeros stays.
func rescale(w, m []float32) {
	in := len(w) / len(m)
	for j, length := range m {
		row := w[j*in:][:in]
		var square float64
		for _, v := range row {
			square += float64(v) * float64(v)
		}
		if square == 0 {
			continue
		}
		gain := float64(length) / math.Sqrt(square)
		for i, v := range row {
			row[i] = float32(float64(v) * gain)
		}
	}
}

// rescaleColumns is rescale for an embedding's weight, whose lengths are those of its columns.
func rescaleColumns(w, m []float32) {
	d := len(m)
	squares := make([]float64, d)
	for i, v := range w {
		squares[i%d] += float64(v) * float64(v)
	}
	for i, v := range w {
		if s := squares[i%d]; s > 0 {
			w[i] = float32(float64(v) * float64(m[i%d]) / math.Sqrt(s))
		}
	}
}
