package vlm

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"moslava/internal/checkpoint"
	"moslava/internal/nn"
)

// besideAdapters is what LLaVA's LoRA runs write beside adapter_model (llava/train/train.py at c121f043): what was trained and is no
// adapter, which is the projector.
const besideAdapters = "non_lora_trainables.bin"

// readBeside reads the projector in such a file under the program's names; none if there is no file. What else it holds is an error.
func (m *Model) readBeside(path string) (out []*nn.Param, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	d, err := OpenProjector(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var errs []error
	for p := range m.Params.All() {
		if !strings.HasPrefix(p.Name, ProjectorPrefix) {
			continue
		}
		data, err := d.Float32(p.Name, p.Shape)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, nn.NewParam(p.Name, data, p.Shape...))
	}
	misshapen := checkpoint.Misshapen(errors.Join(errs...))
	for _, name := range d.Unused(func(name string) bool { return misshapen[name] }) {
		errs = append(errs, fmt.Errorf("%s: the model has no place for %s", path, name))
	}
	return out, errors.Join(errs...)
}
