package vlm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"moslava/internal/checkpoint"
	"moslava/internal/hfconfig"
)

// quantizationKey is what programs that quantise weights leave in a config.json.
const quantizationKey = "quantization_config"

// refuseQuantized returns an error if the weights are quantised, whatever the configuration says. beside accepts tensors that are not read.
func refuseQuantized(d *checkpoint.Dir, beside func(name string) bool) error {
	q := d.Quantized(beside)
	if q == nil {
		return nil
	}
	method := q.Method
	if named := quantMethods(filepath.Join(d.Path(), ConfigFile)); len(named) > 0 {
		method = fmt.Sprintf("%.40q", named[0])
	}
	if method == "" {
		method = "a method that the names do not tell"
	}
	return fmt.Errorf("%s: the weights are quantised by %s (tensor %s is stored as %s), want float32, float16 or bfloat16: take the model that they were made "+
		"from, or write them in full with transformers (for bitsandbytes: model.dequantize(), then save_pretrained); "+
		"quantize: {language: nf4} under model in a recipe, or --weights nf4, keeps full weights in 4 bits", d.Path(), method, q.Name, q.DType)
}

// LeftoverQuantization is a warning about each directory whose config.json has a quantization_config although its weights are not
// quantised. What cannot be read has nothing to warn of here: loading says so.
func LeftoverQuantization(dirs ...string) (warnings []string) {
	for _, dir := range dirs {
		methods := quantMethods(filepath.Join(dir, ConfigFile))
		if len(methods) == 0 {
			continue
		}
		d, err := checkpoint.Open(dir)
		if err != nil {
			continue
		}
		err = refuseQuantized(d, nil)
		if errors.Join(err, d.Close()) != nil {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("%s: %s (%.40q) is passed over: no tensor of the weights is quantised; exports leave it out",
			filepath.Join(dir, ConfigFile), quantizationKey, methods[0]))
	}
	return warnings
}

// quantMethods are the quant_method of each quantization_config in a config.json; none if it cannot be read, which others report.
func quantMethods(path string) (out []string) {
	top, err := readFields(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, part := range []hfconfig.Fields{top, member(top, "text_config"), member(top, "vision_config")} {
		if !part.Has(quantizationKey) {
			continue
		}
		var q struct {
			Method string `json:"quant_method"`
		}
		if json.Unmarshal(part[quantizationKey], &q) != nil || q.Method == "" {
			q.Method = "without quant_method"
		}
		out = append(out, q.Method)
	}
	return out
}

// member is an object among the fields, nil if there is none.
func member(f hfconfig.Fields, name string) hfconfig.Fields {
	in, err := hfconfig.Parse(f[name])
	if err != nil {
		return nil
	}
	return in
}

// withoutQuantization is a configuration without quantization_config, at the top and in its parts. Whether weights are quantised is seen by
// their tensors, and what is written is not.
func withoutQuantization(f hfconfig.Fields) (hfconfig.Fields, error) {
	for _, part := range []string{"text_config", "vision_config"} {
		in := member(f, part)
		if _, ok := in[quantizationKey]; !ok {
			continue
		}
		delete(in, quantizationKey)
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		f[part] = raw
	}
	delete(f, quantizationKey)
	return f, nil
}
