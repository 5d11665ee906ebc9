package features

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
)

// Key names an array by the hash of all that it is made from.
type Key = [sha256.Size]byte

// A Store keeps arrays. It may be used from several goroutines.
type Store struct {
	dir          string
	memory, disk int64 // bytes that are left
	notice       func(string)

	mu     sync.Mutex
	held   map[Key][]float32
	filed  map[Key]bool
	counts Counts
}

// Counts say what a store was good for.
type Counts struct {
	Found, Missed int
	Held, Filed   int // arrays that are kept, in memory and in files
	Refused       int // that found no room
}

// Open opens the store whose files are in dir, if there are any, for up to so many bytes in memory and in files. What was kept in files
// before is there, whatever the bound. notice is told of files that cannot be read or written, which costs time and nothing else.
func Open(dir string, memory, disk int64, notice func(string)) (*Store, error) {
	s := &Store{dir: dir, memory: memory, disk: disk, notice: notice, held: map[Key][]float32{}, filed: map[Key]bool{}}
	if err := atomicfile.SweepTree(dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	for _, e := range entries {
		name, err := hex.DecodeString(e.Name())
		if err != nil || len(name) != len(Key{}) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		s.filed[Key(name)] = true
		s.disk -= info.Size()
	}
	s.counts.Filed = len(s.filed)
	return s, err
}

// Remove removes the files.
func (s *Store) Remove() error { return os.RemoveAll(s.dir) }

// Counts are those so far.
func (s *Store) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Get is what is kept under a key, which nobody may change; nil if there is nothing.
func (s *Store) Get(k Key) []float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.held[k]
	if x == nil && s.filed[k] {
		var err error
		if x, err = read(s.path(k), k); err != nil {
			s.notice(fmt.Sprintf("%v: it is computed again", err))
			s.drop(k)
		}
	}
	if x == nil {
		s.counts.Missed++
	} else {
		s.counts.Found++
	}
	return x
}

// drop forgets a file.
func (s *Store) drop(k Key) {
	if info, err := os.Stat(s.path(k)); err == nil && os.Remove(s.path(k)) == nil {
		s.disk += info.Size()
	}
	delete(s.filed, k)
	s.counts.Filed--
}

// Put keeps a copy of an array, if there is room.
func (s *Store) Put(k Key, x []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[k] != nil || s.filed[k] || len(x) == 0 {
		return
	}
	size := 4 * int64(len(x))
	switch {
	case size <= s.memory:
		s.memory -= size
		s.held[k] = slices.Clone(x)
		s.counts.Held++
	case size+sha256.Size <= s.disk:
		err := atomicfile.MkdirAll(s.dir)
		if err == nil {
			err = write(s.path(k), k, x)
		}
		if err != nil {
			s.notice(fmt.Sprintf("%v: no more features are kept in files", err))
			s.disk = 0
			return
		}
		s.disk -= size + sha256.Size
		s.filed[k] = true
		s.counts.Filed++
	default:
		s.counts.Refused++
	}
}

func (s *Store) path(k Key) string { return filepath.Join(s.dir, hex.EncodeToString(k[:])) }

// A file is the array, little-endian float32, and the SHA-256 of its key and that.

func write(path string, k Key, x []float32) error {
	b := make([]byte, 0, 4*len(x)+sha256.Size)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	sum := seal(k, b)
	return atomicfile.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(append(b, sum[:]...))
		return err
	})
}

// mostBytes bounds a file: far above the features of any tile.
const mostBytes = 1 << 30

func read(path string, k Key) ([]float32, error) {
	b, err := infile.Read(path, mostBytes)
	if err != nil {
		return nil, err
	}
	n := len(b) - sha256.Size
	if n <= 0 || n%4 != 0 {
		return nil, fmt.Errorf("%s: %d bytes are no features", path, len(b))
	}
	if sum := seal(k, b[:n]); !bytes.Equal(sum[:], b[n:]) {
		return nil, fmt.Errorf("%s: is not what was written", path)
	}
	x := make([]float32, n/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}

func seal(k Key, b []byte) Key {
	h := sha256.New()
	h.Write(k[:])
	h.Write(b)
	return Key(h.Sum(nil))
}
