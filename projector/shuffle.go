package projector

import (
	"moslava/internal/autograd"
	"moslava/internal/nn"
)

// shuffle is transformers' Idefics3Connector and SmolVLMConnector (5.23): a pixel shuffle and one linear map without a bias.
type shuffle struct {
	scale  int
	linear *nn.Linear
}

func newShuffle(s *nn.Scope, cfg Config) *shuffle {
	return &shuffle{cfg.Scale, s.In("modality_projection").LinearNoBias("proj", cfg.In, cfg.Out)}
}

func (p *shuffle) forward(t *autograd.Tape, x *autograd.Var, h, w int) *autograd.Var {
	return p.linear.Forward(t, PixelShuffle(t, x, h, w, p.scale))
}

// PixelShuffle joins the features of each square of s x s patches: x [pictures*h*w, D] becomes [pictures*(h/s)*(w/s), s*s*D]. A
// square's patches follow one another row by row.
func PixelShuffle(t *autograd.Tape, x *autograd.Var, h, w, s int) *autograd.Var {
	at := make([]int32, 0, x.Rows())
	for first := 0; first < x.Rows(); first += h * w {
		for row := 0; row < h; row += s {
			for col := 0; col < w; col += s {
				for i := range s {
					for j := range s {
						at = append(at, int32(first+(row+i)*w+col+j))
					}
				}
			}
		}
	}
	return t.JoinRows(x, at, s*s)
}
