package inspect

import (
	"os"
	"path/filepath"

	"moslava/datasets/arrowipc"
	"moslava/internal/checkpoint"
)

// saved looks at what Hugging Face's save_to_disk wrote.
func (r *Report) saved(opt Options) error {
	var state struct {
		Files []struct {
			Name string `json:"filename"`
		} `json:"_data_files"`
	}
	if err := checkpoint.ReadJSON(r.Path, "state.json", &state); err != nil {
		return err
	}
	var files []string
	for _, f := range state.Files {
		files = append(files, filepath.Join(r.Path, filepath.Base(f.Name)))
	}
	return r.arrow(files, opt)
}

// arrow describes stored samples, and warns when they cannot be trained on.
func (r *Report) arrow(files []string, opt Options) error {
	r.Kind = "arrow"
	for i, path := range files {
		s, err := arrowipc.Open(path)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			r.Files = append(r.Files, File{filepath.Base(path), info.Size(), s.Rows()})
			r.Rows += s.Rows()
			if !s.Complete() {
				r.warn("%s ends without the mark that Arrow puts at the end: it may be cut", filepath.Base(path))
			}
			for _, f := range s.Schema().Fields() {
				if i == 0 {
					r.Columns = append(r.Columns, Column{Name: f.Name, Type: f.Type.String()})
				}
			}
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return r.samples(opt)
}
