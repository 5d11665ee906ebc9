package features

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func opened(t *testing.T, dir string, memory, disk int64) (*Store, *[]string) {
	t.Helper()
	var heard []string
	s, err := Open(dir, memory, disk, func(text string) { heard = append(heard, text) })
	if err != nil {
		t.Fatal(err)
	}
	return s, &heard
}

// TestStore: memory first, then files, then nothing; files are there for the next process.
func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	s, heard := opened(t, dir, 25, 100) // one array of five in memory, one with its hash on the disk
	x := func(i int) []float32 { return []float32{float32(i), 1, 2, 3, -0.1} }
	for i := range 4 {
		s.Put(Key{byte(i)}, x(i))
		s.Put(Key{byte(i)}, x(9))
	}
	for i, want := range []bool{true, true, false, false} {
		if got := s.Get(Key{byte(i)}); slices.Equal(got, x(i)) != want || !want && got != nil {
			t.Errorf("array %d: %v", i, got)
		}
	}
	if got, want := s.Counts(), (Counts{Found: 2, Missed: 2, Held: 1, Filed: 1, Refused: 4}); got != want || len(*heard) > 0 {
		t.Errorf("%+v, want %+v; heard %q", got, want, *heard)
	}
	s, heard = opened(t, dir, 0, 100)
	if got := s.Get(Key{1}); !slices.Equal(got, x(1)) || s.Get(Key{0}) != nil {
		t.Errorf("after a new start: %v", got)
	}
	s.Put(Key{7}, x(7))
	if s.Get(Key{7}) != nil {
		t.Error("files of an earlier process do not count")
	}
	path := s.path(Key{1})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range [][]byte{nil, b[:7], b[:len(b)-4], slices.Concat([]byte{b[0] ^ 1}, b[1:])} {
		if err := os.WriteFile(path, damage, 0o666); err != nil {
			t.Fatal(err)
		}
		s, heard = opened(t, dir, 0, 100)
		if s.Get(Key{1}) != nil || len(*heard) != 1 || !strings.Contains((*heard)[0], "computed again") {
			t.Errorf("damaged: heard %q", *heard)
		}
		s.Put(Key{1}, x(1))
		if !slices.Equal(s.Get(Key{1}), x(1)) {
			t.Error("the damaged file is not replaced")
		}
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestStoreWithoutRoomToWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	if err := os.WriteFile(dir, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	s := &Store{dir: dir, disk: 1 << 20, held: map[Key][]float32{}, filed: map[Key]bool{}}
	var heard []string
	s.notice = func(text string) { heard = append(heard, text) }
	s.Put(Key{1}, []float32{1})
	s.Put(Key{2}, []float32{1})
	if len(heard) != 1 || !strings.Contains(heard[0], "no more features are kept in files") || s.Counts().Refused != 1 {
		t.Errorf("heard %q, %+v", heard, s.Counts())
	}
}
