package kernels

import "math/bits"

// torchMean is the mean as torch 2.15 computes it on one thread with AVX2: 8 lanes of 4 sums each, in a cascade of 4 levels
// (aten/src/ATen/native/cpu/SumKernel.cpp). Other orders end a unit in the last place away, which would show in NF4 files.
func torchMean(x []float32) float32 {
	const lanes, rows = 8, 4
	vecs := len(x) / lanes
	groups := vecs / rows
	acc := cascade(x, groups)
	for v := groups * rows; v < vecs; v++ {
		for l := range lanes {
			acc[l] += x[v*lanes+l]
		}
	}
	for r := 1; r < rows; r++ {
		for l := range lanes {
			acc[l] += acc[r*lanes+l]
		}
	}
	var sum float32
	for _, v := range x[vecs*lanes:] {
		sum += v
	}
	for _, v := range acc[:lanes] {
		sum += v
	}
	return sum / float32(len(x))
}

// cascade adds up groups of 32 numbers, each place by itself.
func cascade(x []float32, groups int) [32]float32 {
	const levels = 4
	power := 4
	if groups > 1 {
		power = max(power, bits.Len(uint(groups-1))/levels)
	}
	step := 1 << power
	var acc [levels][32]float32
	add := func(g int) {
		for i, v := range x[g*32:][:32] {
			acc[0][i] += v
		}
	}
	i := 0
	for i+step <= groups {
		for range step {
			add(i)
			i++
		}
		for j := 1; j < levels; j++ {
			for k := range acc[j] {
				acc[j][k] += acc[j-1][k]
			}
			clear(acc[j-1][:])
			if i&((step-1)<<(j*power)) != 0 {
				break
			}
		}
	}
	for ; i < groups; i++ {
		add(i)
	}
	for j := 1; j < levels; j++ {
		for k, v := range acc[j] {
			acc[0][k] += v
		}
	}
	return acc[0]
}
