package checkpoint

import (
	"strings"

	"moslava/internal/safetensors"
)

// quantizedParts are the tensors that only files of quantised weights have, by the ends of their names, and who writes them.
var quantizedParts = []struct{ end, method string }{
	{".SCB", "bitsandbytes"}, {".absmax", "bitsandbytes"}, {".quant_map", "bitsandbytes"}, {".nested_absmax", "bitsandbytes"},
	{".quant_state.bitsandbytes__nf4", "bitsandbytes"}, {".quant_state.bitsandbytes__fp4", "bitsandbytes"},
	{".g_idx", "GPTQ"}, {".qweight", "GPTQ or AWQ"}, {".qzeros", "GPTQ or AWQ"},
	{".weight_packed", "compressed-tensors"}, {".weight_shape", "compressed-tensors"},
	{".weight_scale_inv", "FP8"}, {".weight_scale", "FP8 or compressed-tensors"}, {".W_q", "HQQ"},
	{".weight._data", "quanto"}, {"_blocks", "MXFP4"},
}

// A Quantized is a tensor that shows that the weights of a file are quantised.
type Quantized struct {
	Name   string
	Method string // "" if the name does not tell
	DType  safetensors.DType
}

// Quantized finds quantised weights: tensors that only quantisation leaves behind, and weights that are stored as integers or in 8 bits or
// fewer. What beside accepts is passed over; nil accepts nothing. The one with the best known method is returned, nil if there is none.
func (d *Dir) Quantized(beside func(name string) bool) *Quantized {
	var found *Quantized
	for _, name := range d.names {
		if IsBuffer(name) || beside != nil && beside(name) {
			continue
		}
		info, _ := d.byName[name].Info(name)
		q := Quantized{Name: name, DType: info.DType}
		for _, p := range quantizedParts {
			if strings.HasSuffix(name, p.end) {
				q.Method = p.method
				break
			}
		}
		switch {
		case q.Method != "" && (found == nil || found.Method == "" || strings.Contains(found.Method, " or ") && !strings.Contains(q.Method, " or ")):
			found = &q
		case found == nil && strings.HasSuffix(name, ".weight") && !floating(info.DType):
			found = &q
		}
	}
	return found
}

// floating reports whether weights of the type are numbers by themselves.
func floating(d safetensors.DType) bool {
	switch d {
	case safetensors.F16, safetensors.BF16, safetensors.F32, safetensors.F64:
		return true
	}
	return false
}
