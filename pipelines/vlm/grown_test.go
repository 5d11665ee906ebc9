package vlm

import (
	"math"
	"testing"

	"moslava/internal/device"
	"moslava/internal/kernels"
	"moslava/internal/nn"
)

// half is a source of numbers that float16 has.
type half struct{ nn.Random }

func (h half) Tensor(name string, shape []int, init nn.Init) ([]float32, error) {
	data, err := h.Random.Tensor(name, shape, init)
	kernels.RoundTo(kernels.F16, data)
	return data, err
}

// TestRowsAreAddedInTheTablesPrecision: the mean of the rows, and of a table in half precision as near as that comes.
func TestRowsAreAddedInTheTablesPrecision(t *testing.T) {
	const rows, d = 5, 8
	for _, c := range []struct {
		src  nn.Source
		kind kernels.Kind
		off  float64
	}{{nn.Random(1), kernels.F32, 1e-8}, {half{1}, kernels.F16, 1.0 / 2048}} {
		data, err := grown{c.src, rows}.Tensor("model.embed_tokens.weight", []int{rows + 2, d}, nn.Normal(1))
		if err != nil {
			t.Fatal(err)
		}
		if got := device.Host.Workers().Lossless(data); got != c.kind {
			t.Errorf("a table of %s becomes one of %s", c.kind, got)
		}
		for i := rows * d; i < len(data); i++ {
			mean := 0.0
			for r := range rows {
				mean += float64(data[r*d+i%d]) / rows
			}
			if math.Abs(float64(data[i])-mean) > c.off*math.Abs(mean)+1e-7 {
				t.Errorf("%s: element %d of the added rows is %g, the mean %g", c.kind, i-rows*d, data[i], mean)
			}
		}
	}
}
