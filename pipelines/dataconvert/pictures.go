package dataconvert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path"
	"path/filepath"

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

// savePicture writes a picture below images/ under a name that its bytes give, so that one that many rows show is there once, and tells the name
// below images/. Thousands in a directory are slow to list: there are 256.
func savePicture(dir string, b []byte) (string, error) {
	sum := sha256.Sum256(b)
	text := hex.EncodeToString(sum[:16])
	name := path.Join(text[:2], text+"."+ending(b))
	file := filepath.Join(dir, imagesDir, filepath.FromSlash(name))
	if info, err := os.Stat(file); err == nil && info.Size() == int64(len(b)) {
		return name, nil
	}
	if err := atomicfile.MkdirAll(filepath.Dir(file)); err != nil {
		return "", err
	}
	return name, atomicfile.WriteBytes(file, b)
}
