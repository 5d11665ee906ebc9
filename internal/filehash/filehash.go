// Package filehash gives the SHA-256 of files, and reads a file again only if it has changed since. It knows single
// files, and of a change only that there is one. Which files a run depends on, and what follows from a change, is in
// pipelines/run.
package filehash

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/sealed"
)

// A Sum is what is known of a file's content.
type Sum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hexadecimal
}

// pieceBytes is how much is read between two looks at the context.
const pieceBytes = 1 << 20

// File reads a file from beginning to end, with 1 MiB in memory.
func File(ctx context.Context, path string) (Sum, error) {
	if info, err := os.Stat(path); err != nil { // before it is opened: a pipe would wait
		return Sum{}, err
	} else if !info.Mode().IsRegular() {
		return Sum{}, fmt.Errorf("%s is %v, expected a regular file", path, info.Mode().Type())
	}
	f, err := infile.Open(path)
	if err != nil {
		return Sum{}, err
	}
	defer f.Close()
	h, buf := sha256.New(), make([]byte, pieceBytes)
	s := Sum{}
	for {
		if ctx.Err() != nil {
			return Sum{}, context.Cause(ctx)
		}
		n, err := io.ReadFull(f, buf)
		h.Write(buf[:n])
		s.Bytes += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			s.SHA256 = hex.EncodeToString(h.Sum(nil))
			return s, nil
		} else if err != nil {
			return Sum{}, err
		}
	}
}

// identity is what a file system says of a file, which changes when somebody writes to it or puts another in its place.
type identity struct {
	Path   string `json:"path"` // in a cache hidden: see hide
	Size   int64  `json:"size"`
	Mtime  int64  `json:"mtime"` // nanoseconds
	Change string `json:"change,omitempty"`
}

type entry struct {
	identity
	Sum
}

// settled is how old the last change of a file must be before its hash is kept: clocks of file systems are coarse, and two changes
// within a tick look like one.
const settled = time.Second

// known are the hashes of files that this process has read.
var known sync.Map // identity to Sum

// A Cache keeps hashes of files between processes.
type Cache struct {
	// Damage says what is wrong with the file of the cache, none of which is believed then; nil: nothing.
	Damage error

	path  string
	salt  string
	list  map[identity]Sum
	fresh bool
}

// Open reads the cache in a file. One that is not there, or damaged, is empty: it is only there to save time.
func Open(path string) *Cache {
	c := &Cache{path: path, salt: rand.Text(), list: map[identity]Sum{}}
	all, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Damage = err
	}
	if all.Salt == "" { // of an earlier version, or none
		return c
	}
	c.salt = all.Salt
	for _, e := range all.Files {
		c.list[e.identity] = e.Sum
	}
	return c
}

// record is the file of a cache.
type record struct {
	Salt   string  `json:"salt"` // of the hashes of paths
	Files  []entry `json:"files"`
	SHA256 string  `json:"record_sha256"` // of the record without it: a hash that was damaged is not to be blamed on the file
}

func (r *record) seal(sum string) { r.SHA256 = sum }

const indent = " "

func read(path string) (record, error) {
	var all record
	b, err := infile.Read(path, 64<<20)
	if err != nil {
		return record{}, err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return record{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := sealed.Check(b, &all, indent, all.SHA256, all.seal); err != nil {
		return record{}, fmt.Errorf("%s %w", path, err)
	}
	return all, nil
}

// File is File, or what is known of a file that has not changed.
func (c *Cache) File(ctx context.Context, path string) (Sum, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return Sum{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return Sum{}, err
	}
	id := identity{real, info.Size(), info.ModTime().UnixNano(), change(info)}
	hidden := id
	hidden.Path = c.hide(real)
	if s, ok := known.Load(id); ok {
		c.keep(hidden, s.(Sum))
		return s.(Sum), nil
	}
	if s, ok := c.list[hidden]; ok {
		known.Store(id, s)
		return s, nil
	}
	began := time.Now()
	s, err := File(ctx, real)
	if err != nil {
		return Sum{}, err
	}
	if began.Sub(changed(info)) > settled {
		known.Store(id, s)
		c.keep(hidden, s)
	}
	return s, nil
}

// hide is the hash of an absolute path, links followed, with the cache's salt: a path may be nobody's business.
func (c *Cache) hide(path string) string {
	s := sha256.Sum256([]byte(c.salt + "\x00" + path))
	return hex.EncodeToString(s[:])
}

func (c *Cache) keep(id identity, s Sum) {
	if _, ok := c.list[id]; !ok {
		c.list[id], c.fresh = s, true
	}
}

// Save writes the cache, if anything has been added. Of several hashes of a path the last one stays.
func (c *Cache) Save() error {
	if !c.fresh {
		return nil
	}
	newest := map[string]entry{}
	for id, s := range c.list {
		if old, ok := newest[id.Path]; !ok || id.Mtime > old.Mtime {
			newest[id.Path] = entry{id, s}
		}
	}
	all := record{Salt: c.salt}
	for _, e := range newest {
		all.Files = append(all.Files, e)
	}
	slices.SortFunc(all.Files, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	b, err := sealed.Encode(&all, indent, all.seal)
	if err != nil {
		return err
	}
	c.fresh = false
	return atomicfile.WriteBytes(c.path, b)
}
