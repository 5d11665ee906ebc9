package arrowipc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// sink stops readers from being optimised away.
var sink int

// readAll reads every value of every column and counts the errors.
func readAll(s *Stream) (errs int) {
	var column func(c *Column)
	column = func(c *Column) {
		n := min(c.Len, 1<<12) // a null column may declare any length
		for i := range n {
			switch c.kind {
			case varbinary, view, indices:
				b, err := c.Bytes(i)
				if err != nil {
					errs++
				}
				for _, x := range b[:min(len(b), 1<<12)] {
					sink += int(x)
				}
			case integer:
				v, _ := c.Int(i)
				sink += int(v)
			case list:
				lo, hi, err := c.Range(i)
				if err != nil {
					errs++
				}
				sink += int(hi - lo)
			default:
				if c.IsNull(i) {
					sink++
				}
			}
		}
		for k := range c.kids {
			column(&c.kids[k])
		}
	}
	for i := range s.Batches() {
		cols, err := s.Batch(i)
		if err != nil {
			errs++
			continue
		}
		for k := range cols {
			column(&cols[k])
		}
	}
	return errs
}

// parse indexes a stream that is in memory.
func parse(b []byte) (*Stream, error) {
	s := &Stream{path: "memory", data: b}
	return s, s.index()
}

// files are small streams written by pyarrow.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	paths, _ := filepath.Glob("../testdata/forms/*.arrow")
	for _, p := range append(paths, "../testdata/hf-arrow/empty/data-00000-of-00001.arrow") {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = b
	}
	if len(out) < 19 {
		t.Fatalf("%d files, want 19", len(out))
	}
	return out
}

// TestTruncated: cut anywhere, a stream is an error or known to be incomplete.
func TestTruncated(t *testing.T) {
	for name, b := range files(t) {
		if strings.HasPrefix(name, "compressed") {
			continue
		}
		if s, err := parse(b); err != nil || !s.Complete() || readAll(s) > 0 {
			t.Errorf("%s: %v", name, err)
		}
		opened := 0
		for n := range len(b) {
			s, err := parse(b[:n])
			if err == nil {
				opened++
				if s.Complete() || readAll(s) > 0 {
					t.Errorf("%s cut to %d bytes passes for whole", name, n)
				}
			}
		}
		cuts := 4 // after the schema and each batch
		if name == "dictionary_replaced.arrow" {
			cuts = 7 // and each of three dictionaries
		}
		if opened > cuts {
			t.Errorf("%s: %d cuts are no error", name, opened)
		}
	}
}

// TestDamaged: whichever byte is wrong, opening and reading everything end.
func TestDamaged(t *testing.T) {
	for name, b := range files(t) {
		for at := range b {
			for _, v := range []byte{0, 1, 0x7F, 0x80, 0xFF, b[at] ^ 0x10} {
				old := b[at]
				if v == old {
					continue
				}
				b[at] = v
				if s, err := parse(b); err == nil {
					readAll(s)
				} else if err.Error() == "" {
					t.Errorf("%s: empty message", name)
				}
				b[at] = old
			}
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parse(b); err == nil {
			readAll(s)
			for _, row := range []int{0, s.Rows() - 1} {
				if row < 0 || s.Rows() == 0 {
					continue
				}
				if k, r := s.Locate(row); k < 0 || k >= s.Batches() || r < 0 {
					t.Errorf("row %d is in batch %d at %d", row, k, r)
				}
			}
		}
	})
}

// nested writes rows of nested columns with nulls as several batches.
func nested(t *testing.T, rows int) []byte {
	column := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	text := arrow.BinaryTypes.String
	schema := arrow.NewSchema([]arrow.Field{
		column("s", text), column("st", arrow.StructOf(column("b", arrow.BinaryTypes.Binary), column("t", text))),
		column("l", arrow.ListOf(arrow.StructOf(column("x", text)))),
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	s, st, l := b.Field(0).(*array.StringBuilder), b.Field(1).(*array.StructBuilder), b.Field(2).(*array.ListBuilder)
	x := l.ValueBuilder().(*array.StructBuilder)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	for i := range rows {
		if i%3 == 0 {
			s.AppendNull()
			st.AppendNull()
			l.AppendNull()
		} else {
			s.Append(fmt.Sprint("s", i))
			st.Append(true)
			st.FieldBuilder(0).(*array.BinaryBuilder).Append(bytes.Repeat([]byte{byte(i)}, i))
			st.FieldBuilder(1).AppendNull()
			l.Append(true)
			for k := range i % 4 {
				x.Append(true)
				x.FieldBuilder(0).(*array.StringBuilder).Append(fmt.Sprint(i, k))
			}
		}
		if i%17 == 16 || i == rows-1 {
			if err := w.Write(b.NewRecord()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestNested reads what arrow's writer makes of nested columns with nulls.
func TestNested(t *testing.T) {
	const rows = 41
	path := filepath.Join(t.TempDir(), "x.arrow")
	if err := os.WriteFile(path, nested(t, rows), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != rows || s.Batches() != 3 || !s.Complete() || s.Schema().NumFields() != 3 {
		t.Fatalf("%d rows in %d batches", s.Rows(), s.Batches())
	}
	for i := range rows {
		k, r := s.Locate(i)
		cols, err := s.Batch(k)
		if err != nil {
			t.Fatal(err)
		}
		row := int64(r)
		text, err := cols[0].Bytes(row)
		blob, err2 := cols[1].Child("b").Bytes(row)
		lo, hi, err3 := cols[2].Range(row)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		if null := i%3 == 0; null != cols[0].IsNull(row) || null != cols[1].IsNull(row) || null != cols[2].IsNull(row) || !cols[1].Child("t").IsNull(row) {
			t.Fatalf("row %d: nulls", i)
		} else if null {
			continue
		}
		if string(text) != fmt.Sprint("s", i) || len(blob) != i || blob[0] != byte(i) || int(hi-lo) != i%4 {
			t.Fatalf("row %d: %q, %d bytes, list of %d", i, text, len(blob), hi-lo)
		}
		for e := lo; e < hi; e++ {
			if x, err := cols[2].Elem().Child("x").Bytes(e); err != nil || string(x) != fmt.Sprint(i, e-lo) {
				t.Fatalf("row %d: element %d is %q, %v", i, e-lo, x, err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Batch(0); err == nil || !strings.Contains(err.Error(), "after Close") {
		t.Errorf("read after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestSchema compares the columns with what arrow's own reader says of them.
func TestSchema(t *testing.T) {
	for name, b := range files(t) {
		if bytes.HasPrefix(b, []byte(fileMagic)) || strings.HasPrefix(name, "compressed") {
			continue
		}
		s, err := parse(b)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ipc.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		got, want, read := s.Schema(), r.Schema(), 0
		if got.NumFields() != want.NumFields() {
			t.Errorf("%s: %d columns, want %d", name, got.NumFields(), want.NumFields())
			continue
		}
		for i, w := range want.Fields() {
			g := got.Field(i)
			if g.Type.ID() == arrow.EXTENSION && g.Name == w.Name && name == "other_columns.arrow" {
				continue // a type whose values are skipped
			}
			read++
			if !g.Equal(w) {
				t.Errorf("%s: column %v, want %v", name, g, w)
			}
		}
		if read < 3 {
			t.Errorf("%s: only %d columns can be read", name, read)
		}
	}
}

// TestValues checks that other bytes than the column's are never an answer.
func TestValues(t *testing.T) {
	s, err := parse(files(t)["id_uint32.arrow"])
	if err != nil {
		t.Fatal(err)
	}
	cols, err := s.Batch(0)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := cols[0].Int(1); v != 2 || !ok {
		t.Errorf("%d, %v", v, ok)
	}
	if _, ok := cols[0].Int(2); ok {
		t.Error("a value beyond the batch")
	}
	if _, err := cols[0].Bytes(0); err == nil {
		t.Error("an integer as a string")
	}
	if _, _, err := cols[0].Range(0); err == nil {
		t.Error("an integer as a list")
	}
	if cols[0].Elem() != nil || cols[0].Child("x") != nil || cols[1].Child("x") != nil || !cols[1].IsNull(-1) {
		t.Error("children of an integer")
	}
}
