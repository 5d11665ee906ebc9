package datasets

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
)

// A ParquetShard writes rows as one Parquet file with the columns of WriteArrow, as the Hub has them: Snappy, a page index, and the columns' features in the
// metadata, by which the datasets library knows pictures. One row group is held at a time.
type ParquetShard struct {
	layout layout
	file   parquetFile
	rows   int // of the row group at hand
	bytes  int
}

// Columns of each layout. Null is what a pointer is that points nowhere: an optional text by itself would be null if it is empty.
type (
	parquetPicture struct {
		Bytes []byte  `parquet:"bytes,optional"`
		Path  *string `parquet:"path,optional"`
	}
	parquetTalk[T any] struct {
		ID    *string         `parquet:"id,optional"`
		Image *parquetPicture `parquet:"image,optional"`
		Turns []*T            `parquet:"conversations,optional,list"`
	}
	parquetMessages[T any] struct {
		ID     *string           `parquet:"id,optional"`
		Images []*parquetPicture `parquet:"images,optional,list"`
		Turns  []*T              `parquet:"messages,optional,list"`
	}
	parquetTurn struct {
		From  *string `parquet:"from,optional"`
		Value *string `parquet:"value,optional"`
	}
	parquetWeighed struct {
		From   *string `parquet:"from,optional"`
		Value  *string `parquet:"value,optional"`
		Weight *int64  `parquet:"weight,optional"`
	}
	parquetMessage struct {
		Role    *string `parquet:"role,optional"`
		Content *string `parquet:"content,optional"`
	}
	parquetWeighedMessage struct {
		Role    *string `parquet:"role,optional"`
		Content *string `parquet:"content,optional"`
		Weight  *int64  `parquet:"weight,optional"`
	}
)

// parquetFile is a writer of one of the layouts.
type parquetFile interface {
	write(s *Sample) error
	Flush() error
	Close() error
}

// parquetRows writes rows that are R.
type parquetRows[R any] struct {
	*parquet.GenericWriter[R]
	row func(*Sample) R
}

func (p parquetRows[R]) write(s *Sample) error {
	_, err := p.Write([]R{p.row(s)})
	return err
}

func newParquetRows[R any](w io.Writer, meta string, row func(*Sample) R) parquetFile {
	var zero R
	schema := parquet.NewSchema("schema", parquet.SchemaOf(zero)) // by that name as other programs write
	return parquetRows[R]{parquet.NewGenericWriter[R](w, schema, parquet.Compression(&parquet.Snappy), parquet.KeyValueMetadata("huggingface", meta),
		parquet.PageBufferSize(256<<10)), row}
}

// NewParquetShard begins a file. Without Close it has no footer, and nobody reads it.
func NewParquetShard(w io.Writer, opt WriteOptions) (*ParquetShard, error) {
	l := opt.layout()
	meta, err := json.Marshal(map[string]any{"info": map[string]any{"features": features(l)}})
	if err != nil {
		return nil, err
	}
	p := &ParquetShard{layout: l}
	switch {
	case l.kind == Messages && l.weights:
		p.file = newParquetRows(w, string(meta), messagesOf(func(role, text *string, weight *int64) parquetWeighedMessage {
			return parquetWeighedMessage{role, text, weight}
		}))
	case l.kind == Messages:
		p.file = newParquetRows(w, string(meta), messagesOf(func(role, text *string, _ *int64) parquetMessage { return parquetMessage{role, text} }))
	case l.weights:
		p.file = newParquetRows(w, string(meta), talkOf(func(from, text *string, weight *int64) parquetWeighed { return parquetWeighed{from, text, weight} }))
	default:
		p.file = newParquetRows(w, string(meta), talkOf(func(from, text *string, _ *int64) parquetTurn { return parquetTurn{from, text} }))
	}
	return p, nil
}

func talkOf[T any](turn func(from, text *string, weight *int64) T) func(*Sample) parquetTalk[T] {
	return func(s *Sample) parquetTalk[T] {
		r := parquetTalk[T]{ID: orNull(s.ID), Turns: turnsOf(s, func(t *Turn) string { return t.From }, turn)}
		if len(s.Pictures) > 0 {
			r.Image = parquetPictureOf(s.Pictures[0])
		}
		return r
	}
}

func messagesOf[T any](turn func(role, text *string, weight *int64) T) func(*Sample) parquetMessages[T] {
	return func(s *Sample) parquetMessages[T] {
		r := parquetMessages[T]{ID: orNull(s.ID), Images: []*parquetPicture{}, Turns: turnsOf(s, func(t *Turn) string { return roles[t.From] }, turn)}
		for _, p := range s.Pictures {
			r.Images = append(r.Images, parquetPictureOf(p))
		}
		return r
	}
}

func turnsOf[T any](s *Sample, who func(*Turn) string, turn func(who, text *string, weight *int64) T) []*T {
	out := []*T{}
	for i := range s.Turns {
		t := &s.Turns[i]
		var weight *int64
		if t.Context {
			weight = new(int64)
		}
		speaker := who(t)
		x := turn(&speaker, &t.Value, weight)
		out = append(out, &x)
	}
	return out
}

func parquetPictureOf(p Picture) *parquetPicture {
	if filepath.IsAbs(p.Path) { // says nothing on another machine
		p.Path = filepath.Base(p.Path)
	}
	return &parquetPicture{p.Bytes, orNull(p.Path)}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Write adds a row, or refuses one that the columns cannot hold.
func (p *ParquetShard) Write(s *Sample) error {
	size, err := checkRow(p.layout, s)
	if err != nil {
		return err
	}
	if err := p.file.write(s); err != nil {
		return fmt.Errorf("sample %q: %w", s.ID, err)
	}
	p.rows++
	p.bytes += size
	if p.rows >= maxBatchRows || p.bytes >= maxBatchSize {
		p.rows, p.bytes = 0, 0
		return p.file.Flush()
	}
	return nil
}

// Close writes the footer.
func (p *ParquetShard) Close() error { return p.file.Close() }
