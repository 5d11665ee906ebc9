package dataconvert

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path"
	"path/filepath"
	"sync"

	"moslava/internal/atomicfile"
)

// ending is how the name of a picture's file ends, by its first bytes.
func ending(b []byte) string {
	for _, k := range []struct{ magic, ending string }{
		{"\x89PNG\r\n\x1a\n", "png"}, {"\xff\xd8\xff", "jpg"}, {"GIF8", "gif"}, {"BM", "bmp"}, {"II*\x00", "tiff"}, {"MM\x00*", "tiff"},
	} {
		if bytes.HasPrefix(b, []byte(k.magic)) {
			return k.ending
		}
	}
	if len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" {
		return "webp"
	}
	return "img"
}

// imagesDir is where pictures lie beside rows.
const imagesDir = "images"

// atOnce is how many pictures are on their way to the disk at a time: each is flushed, and one flush waits as long as many.
const atOnce = 16

// pictures writes those of a shard below images/.
type pictures struct {
	dir  string
	room chan struct{}
	wait sync.WaitGroup
	mu   sync.Mutex
	err  error // the first
}

func newPictures(dir string) *pictures { return &pictures{dir: dir, room: make(chan struct{}, atOnce)} }

// save begins to write a picture under a name that its bytes give, so that one that many rows show is there once, and tells the name below images/.
// Thousands in a directory are slow to list: there are 256.
func (p *pictures) save(b []byte) (string, error) {
	sum := sha256.Sum256(b)
	text := hex.EncodeToString(sum[:16])
	name := path.Join(text[:2], text+"."+ending(b))
	file := filepath.Join(p.dir, imagesDir, filepath.FromSlash(name))
	if info, err := os.Stat(file); err == nil && info.Size() == int64(len(b)) {
		return name, p.failed()
	}
	p.room <- struct{}{}
	p.wait.Go(func() {
		defer func() { <-p.room }()
		err := atomicfile.MkdirAll(filepath.Dir(file))
		if err == nil {
			err = atomicfile.WriteBytes(file, b)
		}
		if err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.err = cmp.Or(p.err, err)
		}
	})
	return name, p.failed()
}

func (p *pictures) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// done waits for all that are on their way.
func (p *pictures) done() error {
	p.wait.Wait()
	return p.failed()
}
