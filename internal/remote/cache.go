package remote

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"moslava/internal/infile"
)

const (
	blockSize   = 1 << 20
	recent      = 32 // blocks that stay in memory as well
	defaultSize = 8 << 30
)

// A blockName is a content and the place of a block in it.
type blockName struct {
	content string
	index   int64
}

// cache keeps blocks on the disk, the ones used last, and a few of them in memory. What it reads again is checked, so that a damaged or
// unfinished block comes over the network once more. Several processes may share a directory: each keeps to the bound with what it knows.
type cache struct {
	dir   string
	limit int64

	mu      sync.Mutex
	size    int64            // bytes on the disk that are known
	known   map[string]int64 // size of each block's file
	used    []string         // names of the files, the one used longest ago first
	memory  map[blockName][]byte
	order   []blockName // of memory, as used
	pending map[blockName]*fetch
}

// A fetch is a block that is on its way.
type fetch struct {
	done chan struct{}
	b    []byte
	err  error
}

// shared is the cache of the process: $MOSLAVA_CACHE or the user's cache directory, of $MOSLAVA_CACHE_GIB GiB at most.
var shared = sync.OnceValues(func() (*cache, error) {
	dir := os.Getenv("MOSLAVA_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for what is read over the network: %w; MOSLAVA_CACHE names a directory", err)
		}
		dir = filepath.Join(user, "moslava")
	}
	limit := int64(defaultSize)
	if v := os.Getenv("MOSLAVA_CACHE_GIB"); v != "" {
		gib, err := strconv.ParseFloat(v, 64)
		if err != nil || !(gib > 0 && gib < 1<<20) {
			return nil, fmt.Errorf("MOSLAVA_CACHE_GIB is %q, expected a number of GiB above 0", v)
		}
		limit = int64(gib * (1 << 30))
	}
	return newCache(filepath.Join(dir, "blocks"), limit)
})

// newCache finds the blocks that are there from earlier, the oldest first.
func newCache(dir string, limit int64) (*cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &cache{dir: dir, limit: limit, known: map[string]int64{}, memory: map[blockName][]byte{}, pending: map[blockName]*fetch{}}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	times := map[string]int64{}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // another process has removed it
		}
		c.known[e.Name()], times[e.Name()] = info.Size(), info.ModTime().UnixNano()
		c.size += info.Size()
		c.used = append(c.used, e.Name())
	}
	slices.SortFunc(c.used, func(a, b string) int { return int(max(-1, min(1, times[a]-times[b]))) })
	return c, nil
}

// get is a block of so many bytes, fetched once for all who ask for it meanwhile. Nobody may change it.
func (c *cache) get(name blockName, size int, load func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	if b := c.memory[name]; b != nil {
		c.touch(name)
		c.mu.Unlock()
		return b, nil
	}
	if f := c.pending[name]; f != nil {
		c.mu.Unlock()
		<-f.done
		return f.b, f.err
	}
	f := &fetch{done: make(chan struct{})}
	c.pending[name] = f
	c.mu.Unlock()

	if f.b = c.fromDisk(name, size); f.b == nil {
		if f.b, f.err = load(); f.err == nil {
			f.err = c.toDisk(name, f.b)
		}
	}
	c.mu.Lock()
	delete(c.pending, name)
	if f.err == nil {
		c.memory[name] = f.b
		c.touch(name)
	}
	c.mu.Unlock()
	close(f.done)
	return f.b, f.err
}

// touch makes a block in memory the last one to go.
func (c *cache) touch(name blockName) {
	if i := slices.Index(c.order, name); i >= 0 {
		c.order = slices.Delete(c.order, i, i+1)
	}
	if c.order = append(c.order, name); len(c.order) > recent {
		delete(c.memory, c.order[0])
		c.order = slices.Delete(c.order, 0, 1)
	}
}

// file is the name of a block's file. It tells nothing of the address.
func (n blockName) file() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", n.content, n.index))
	return hex.EncodeToString(sum[:16])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fromDisk is a block of an earlier time, nil if it is not there whole.
func (c *cache) fromDisk(name blockName, size int) []byte {
	file := name.file()
	path := filepath.Join(c.dir, file)
	if info, err := os.Stat(path); err != nil || info.Size() != int64(size)+4 {
		return nil
	}
	b, err := infile.Read(path, int64(size)+4)
	if err != nil || len(b) != size+4 || crc32.Checksum(b[:size], castagnoli) != binary.LittleEndian.Uint32(b[size:]) {
		return nil
	}
	c.mu.Lock()
	c.keep(file, int64(len(b)))
	c.mu.Unlock()
	return b[:size:size]
}

// toDisk keeps a block, and lets go of those used longest ago where there is no more room. A disk that is full is no error.
func (c *cache) toDisk(name blockName, b []byte) error {
	n := int64(len(b)) + 4
	if n > c.limit {
		return nil
	}
	file := name.file()
	c.mu.Lock()
	c.keep(file, n)
	old := c.surplus()
	c.mu.Unlock()
	for _, o := range old {
		if err := os.Remove(filepath.Join(c.dir, o)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// Not atomicfile: a block that a crash damages is found by its sum and fetched again, so nothing has to wait for the disk.
	tmp, err := os.CreateTemp(c.dir, ".block-")
	if err != nil {
		return nil
	}
	_, err = tmp.Write(binary.LittleEndian.AppendUint32(slices.Clip(b), crc32.Checksum(b, castagnoli)))
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(c.dir, file))
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return nil
}

// keep notes that a file is used now.
func (c *cache) keep(file string, size int64) {
	if was, ok := c.known[file]; ok {
		c.size -= was
		if i := slices.Index(c.used, file); i >= 0 {
			c.used = slices.Delete(c.used, i, i+1)
		}
	}
	c.known[file] = size
	c.size += size
	c.used = append(c.used, file)
}

// surplus takes the files beyond the limit out of the books.
func (c *cache) surplus() (old []string) {
	for c.size > c.limit && len(c.used) > 1 {
		file := c.used[0]
		c.used = c.used[1:]
		c.size -= c.known[file]
		delete(c.known, file)
		old = append(old, file)
	}
	return old
}
