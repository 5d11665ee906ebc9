package dataconvert

import (
	"archive/tar"
	"fmt"

	"moslava/datasets"
)

// tarRows writes a shard of WebDataset: of row 7 the pictures 000000007.png (of several 000000007.0.png and so on) and the rest as 000000007.json.
type tarRows struct {
	tar *tar.Writer
	row int
}

func beginTar(at place) (rowWriter, error) { return &tarRows{tar.NewWriter(at.w), at.first}, nil }

func (t *tarRows) Write(s *datasets.Sample) error {
	key := fmt.Sprintf("%09d", t.row)
	t.row++
	for i, p := range s.Pictures {
		name := key + "." + ending(p.Bytes)
		if len(s.Pictures) > 1 {
			name = fmt.Sprintf("%s.%d.%s", key, i, ending(p.Bytes))
		}
		if err := t.file(name, p.Bytes); err != nil {
			return err
		}
	}
	b, err := text(rowOf(s))
	if err != nil {
		return err
	}
	return t.file(key+".json", b)
}

func (t *tarRows) file(name string, b []byte) error {
	if err := t.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b)), Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err := t.tar.Write(b)
	return err
}

func (t *tarRows) Close() error { return t.tar.Close() }
