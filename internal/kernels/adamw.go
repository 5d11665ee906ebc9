package kernels

import "math"

// AdamW holds the scalars of one update, rounded to float32 where torch.optim.AdamW rounds them (single tensor, not fused).
type AdamW struct {
	Shrink     float32 // 1 - rate·decay
	W1         float32 // 1 - beta1, the weight of the gradient in the mean; at 0.5 or more torch.lerp turns round
	Beta2, W2  float32 // W2 is 1 - beta2
	Correction float32 // sqrt(1 - beta2^step)
	Eps        float32
	MinusStep  float32 // -rate / (1 - beta1^step)
}

// Update changes value and the moments of its gradient, arrays of one length.
func (c *AdamW) Update(value, grad, mean, square []float32) {
	if c.W1 >= 0.5 {
		adamWGo(value, grad, mean, square, c)
		return
	}
	adamW(value, grad, mean, square, c)
}

// adamWGo is Update. The conversions around each product forbid the compiler to fuse it with the sum that
// follows, on machines where it would.
func adamWGo(value, grad, mean, square []float32, c *AdamW) {
	grad, mean, square = grad[:len(value)], mean[:len(value)], square[:len(value)]
	for i, g := range grad {
		m := mean[i]
		if c.W1 >= 0.5 {
			m = g - float32((g-m)*(1-c.W1))
		} else {
			m += float32(c.W1 * (g - m))
		}
		s := float32(square[i]*c.Beta2) + float32(float32(c.W2*g)*g)
		mean[i], square[i] = m, s
		root := float32(math.Sqrt(float64(s)))
		v := float32(value[i] * c.Shrink)
		value[i] = v + float32(float32(c.MinusStep*m)/(root/c.Correction+c.Eps))
	}
}
