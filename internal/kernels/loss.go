package kernels

import "math"

// CrossEntropy replaces each row of logits [n, v] by its gradient, softmax minus one at the
// target, and returns the summed loss -log softmax(target), natural logarithm.
func (on Workers) CrossEntropy(logits []float32, targets []int32, v int) float64 {
	loss := make([]float64, len(targets))
	on.Each(len(targets), func(i int) {
		row := logits[i*v:][:v]
		t := targets[i]
		x := float64(row[t])
		m := Max(row)
		sum := Exp(row, row, m)
		Scale(row, 1/sum)
		row[t]--
		loss[i] = float64(m) + math.Log(float64(sum)) - x
	})
	var s float64
	for _, l := range loss {
		s += l
	}
	return s
}
