package datasets

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMemoryOfForms: what a source holds of 60,000 rows of 400 bytes, after they were read in an order of their own, is some bytes for each.
func TestMemoryOfForms(t *testing.T) {
	const n = 60000
	say := strings.Repeat("an answer of some length, ", 15)
	lines := func(w io.Writer, head, format string) (err error) {
		_, err = io.WriteString(w, head)
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(w, format, i, say)
		}
		return err
	}
	for name, c := range map[string]struct {
		write func(w io.Writer) error
		most  int // bytes a row
	}{
		"rows.csv":   {func(w io.Writer) error { return lines(w, "question,answer\n", "what %d,\"%s\"\n") }, 8},
		"rows.jsonl": {func(w io.Writer) error { return lines(w, "", `{"question": "what %d", "answer": "%s"}`+"\n") }, 16},
		"rows.jsonl.gz": {func(w io.Writer) error {
			z := gzip.NewWriter(w)
			return errors.Join(lines(z, "", `{"question": "what %d", "answer": "%s"}`+"\n"), z.Close())
		}, 16},
		"rows.tar": {func(w io.Writer) error {
			z := tar.NewWriter(w)
			for i := range n {
				text := fmt.Sprintf(`{"question": "what %d", "answer": "%s"}`, i, say)
				if err := z.WriteHeader(&tar.Header{Name: fmt.Sprintf("%08d.json", i), Typeflag: tar.TypeReg, Size: int64(len(text))}); err != nil {
					return err
				}
				if _, err := io.WriteString(z, text); err != nil {
					return err
				}
			}
			return z.Close()
		}, 24 + 8 + 16 + 8},
	} {
		path := filepath.Join(t.TempDir(), name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriter(f)
		if err := errors.Join(c.write(w), w.Flush(), f.Close()); err != nil {
			t.Fatal(err)
		}
		before := anonymous(t)
		s := mustOpen(t, path)
		for i := range 2000 {
			if _, err := s.At(i * 7919 % n); err != nil {
				t.Fatal(err)
			}
		}
		// Lists grow by a quarter at a time, and the heap has slack of its own.
		if grown := anonymous(t) - before; grown > c.most*n*5/4/1024+6<<10 {
			t.Errorf("%s: %d KiB more for %d rows", name, grown, n)
		}
		if s.Len() != n {
			t.Errorf("%s: %d rows", name, s.Len())
		}
	}
}
