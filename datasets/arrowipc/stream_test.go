package arrowipc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sink stops readers from being optimised away.
var sink int

// readAll reads every value of every column and counts the errors.
func readAll(s *Stream) (errs int) {
	var column func(c *Column)
	column = func(c *Column) {
		n := min(c.Len, 1<<12) // a null column may declare any length
		for i := range n {
			switch c.Field.Kind {
			case Bytes:
				b, err := c.Bytes(i)
				if err != nil {
					errs++
				}
				for _, x := range b[:min(len(b), 1<<12)] {
					sink += int(x)
				}
			case Int:
				v, _ := c.Int(i)
				sink += int(v)
			case List:
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
		if opened > 4 { // after the schema and each batch
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

// TestWriteRead writes nested columns with nulls over several batches.
func TestWriteRead(t *testing.T) {
	var out bytes.Buffer
	fields := []Field{String("s"), StructOf("st", Binary("b"), String("t")), ListOf("l", StructOf("", String("x")))}
	w, err := NewWriter(&out, fields, "key", "value", "other", "")
	if err != nil {
		t.Fatal(err)
	}
	const rows = 41
	for i := range rows {
		if i%3 == 0 {
			w.Columns[0].AppendNull()
			w.Columns[1].AppendNull()
			w.Columns[2].AppendNull()
		} else {
			w.Columns[0].AppendString(fmt.Sprint("s", i))
			w.Columns[1].AppendStruct()
			w.Columns[1].Child(0).AppendBytes(bytes.Repeat([]byte{byte(i)}, i))
			w.Columns[1].Child(1).AppendNull()
			w.Columns[2].AppendList(i % 4)
			for k := range i % 4 {
				w.Columns[2].Child(0).AppendStruct()
				w.Columns[2].Child(0).Child(0).AppendString(fmt.Sprint(i, k))
			}
		}
		if i%17 == 16 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.arrow")
	if err := os.WriteFile(path, out.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows() != rows || s.Batches() != 3 || !s.Complete() || len(s.Fields()) != 3 {
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

func TestFlushRefuses(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, []Field{String("a"), String("b")})
	if err != nil {
		t.Fatal(err)
	}
	w.Columns[0].AppendString("x")
	if err := w.Flush(); err == nil || !strings.Contains(err.Error(), `column "b" has 0 values, expected 1`) {
		t.Errorf("error %v", err)
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
