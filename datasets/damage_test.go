package datasets

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// damaged are small files of forms that tell when they are not whole.
func damaged(t testing.TB) map[string]string {
	csv := "id,question,answer\n1,q,a\n2,\"r;s\",b\n3,t,c\n"
	jsonl := `{"id": 1, "question": "q", "answer": "a"}` + "\n" + `{"id": 2, "question": "r", "answer": "b"}` + "\n"
	tar := archive(t, "0.jpg", "A", "0.txt", "x", "1.jpg", "B", "1.json", talk1+"}")
	return map[string]string{
		"rows.csv": csv, "rows.csv.gz": packedAs(t, ".gz", csv), "rows.csv.zst": packedAs(t, ".zst", csv),
		"rows.jsonl": jsonl, "rows.jsonl.gz": packedAs(t, ".gz", jsonl), "rows.jsonl.zst": packedAs(t, ".zst", jsonl),
		"rows.json": "[" + strings.ReplaceAll(strings.TrimSpace(jsonl), "\n", ",") + "]",
		"rows.tar":  tar, "rows.tar.gz": packedAs(t, ".gz", tar),
	}
}

// allRows opens a file and reads all of it.
func allRows(path string) (out []Sample, err error) {
	s, err := OpenWith(path, Options{Values: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for i := range s.Len() {
		x, err := s.At(i)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// TestCutShort: a file cut anywhere is an error, or still has all rows. Of CSV and JSON Lines that holds between rows only as far as
// the form can tell: a cut behind a row leaves a whole file, and one in the last cell of a line of CSV a shorter cell.
func TestCutShort(t *testing.T) {
	for name, text := range damaged(t) {
		path := filepath.Join(t.TempDir(), name)
		put(t, path, text)
		want, err := allRows(path)
		if err != nil || len(want) < 2 {
			t.Fatal(name, len(want), err)
		}
		step := 1
		if name == "rows.tar" {
			step = 7 // blocks of it are mostly nothing
		}
		for n := 0; n < len(text); n += step {
			put(t, path, text[:n])
			got, err := allRows(path)
			if err != nil {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%s cut to %d: %v does not name the file", name, n, err)
				}
				continue
			}
			line := text[strings.LastIndexByte(text[:n], '\n')+1 : n]
			switch {
			case reflect.DeepEqual(got, want):
			case name == "rows.jsonl" && (line == "" || text[n] == '\n') && reflect.DeepEqual(got, want[:len(got)]):
			case name == "rows.csv" && len(got) == 0 && n <= strings.IndexByte(text, '\n')+1: // names of columns alone
			case name == "rows.csv" && (line == "" || strings.Count(line, ",") == 2) && reflect.DeepEqual(got[:len(got)-1], want[:len(got)-1]):
			default:
				t.Errorf("%s cut to %d of %d bytes: %d of %d rows without an error", name, n, len(text), len(got), len(want))
			}
		}
	}
}

// TestBitFlips: one wrong bit ends in an error or in rows; in those that were there where the form has check sums of what it holds.
func TestBitFlips(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, text := range damaged(t) {
		path := filepath.Join(t.TempDir(), name)
		put(t, path, text)
		want, err := allRows(path)
		if err != nil {
			t.Fatal(err)
		}
		_, packed := strings.CutSuffix(name, ".gz")
		packed = packed || strings.HasSuffix(name, ".zst")
		for range 200 {
			b := []byte(text)
			at := r.IntN(len(b))
			b[at] ^= 1 << r.IntN(8)
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			got, err := allRows(path)
			if err == nil && packed && !reflect.DeepEqual(got, want) {
				t.Errorf("%s with another bit in byte %d: other rows without an error", name, at)
			}
			if err == nil && name == "rows.tar" && len(got) != len(want) {
				t.Errorf("%s with another bit in byte %d: %d rows", name, at, len(got))
			}
		}
	}
}

// fuzzRows makes sure that whatever the bytes of a file are, there are rows, or an error that names it.
func fuzzRows(f *testing.F, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := OpenWith(path, Options{Values: true})
		if err == nil {
			defer s.Close()
			for i := range min(s.Len(), 100) {
				if _, err = s.At(i); err != nil {
					break
				}
			}
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name the file", err)
		}
	})
}

func FuzzCSV(f *testing.F) {
	fuzzRows(f, "x.csv", damaged(f)["rows.csv"], "\ufeff,image,caption\r\n0,\"a\"\"b\r\n\",NA\r\n", "question,answers\nq,\"[\"\"a\"\"]\"\n", "conversations\n\"[{\"\"from\"\": 1}]\"\n")
}

func FuzzTar(f *testing.F) {
	fuzzRows(f, "x.tar", damaged(f)["rows.tar"], archive(f, strings.Repeat("long/", 40)+"0.txt", "x", "ü.json", `{"caption": "x"}`, "ü.png", "A"))
}

func FuzzGzip(f *testing.F) { fuzzRows(f, "x.jsonl.gz", damaged(f)["rows.jsonl.gz"]) }

func FuzzZstd(f *testing.F) { fuzzRows(f, "x.csv.zst", damaged(f)["rows.csv.zst"]) }
