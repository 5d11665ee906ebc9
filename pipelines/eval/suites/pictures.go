package suites

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	_ "image/gif" // decoders for Blank, which needs a picture's size
	_ "image/jpeg"
	"io"
	"strconv"
	"strings"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// Pictures gives encoded pictures (PNG, JPEG, ...) by key. It is called again whenever a picture is needed.
type Pictures interface {
	// Picture returns the encoded bytes of the picture.
	Picture(key string) ([]byte, error)
	// Digest identifies the picture's content without decoding it.
	Digest(key string) (string, error)
}

// maxPictures bounds how many pictures a question may have; MMMU's have up to seven.
const maxPictures = 64

// pictureList takes apart what a cell holds: base64, or, as VLMEvalKit's toliststr has it, a Python list of texts of
// base64. The parts are slices of the cell.
func pictureList(cell []byte) (parts [][]byte, err error) {
	if cell[0] != '[' {
		return [][]byte{cell}, nil
	}
	wrong := func(at []byte) error {
		return fmt.Errorf("found %.40q, expected a list ['..', '..'] of quoted base64", at)
	}
	rest, closed := bytes.CutSuffix(cell[1:], []byte("]"))
	if !closed {
		return nil, wrong(cell)
	}
	for rest = bytes.TrimSpace(rest); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		quote := rest[0]
		end := bytes.IndexByte(rest[1:], quote)
		if quote != '\'' && quote != '"' || end < 0 {
			return nil, wrong(rest)
		}
		part := rest[1 : 1+end]
		if len(part) <= maxReference {
			return nil, fmt.Errorf("found %q as picture %d of a list, expected base64 of more than %d characters", part, len(parts)+1, maxReference)
		}
		if parts = append(parts, part); len(parts) > maxPictures {
			return nil, fmt.Errorf("found more than %d pictures, expected at most that", maxPictures)
		}
		if rest = bytes.TrimSpace(rest[end+2:]); len(rest) > 0 && rest[0] != ',' {
			return nil, wrong(rest)
		}
		rest = bytes.TrimPrefix(rest, []byte(","))
	}
	if len(parts) == 0 {
		return nil, wrong(cell)
	}
	return parts, nil
}

// bareBase64 is the base64 of a cell that may be a data: URI, which VLMEvalKit cannot read.
func bareBase64(cell []byte) []byte {
	if !bytes.HasPrefix(cell, []byte("data:")) {
		return cell
	}
	if _, after, ok := bytes.Cut(cell, []byte(";base64,")); ok {
		return after
	}
	return cell
}

// checkPicture makes sure, while the table is read, that a picture can be decoded when it is needed. number counts a
// cell's pictures from 1.
func checkPicture(part []byte, number int) error {
	r := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(bareBase64(part)))
	if n, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("picture %d is no base64: %w", number, err)
	} else if n == 0 {
		return fmt.Errorf("picture %d is empty", number)
	}
	return nil
}

// rename gives every row's key another name.
func (s *store) rename(to func(string) string) {
	same, kept := map[string]string{}, map[string]field{}
	for k, first := range s.same {
		same[to(k)] = to(first)
	}
	for k, f := range s.kept {
		kept[to(k)] = f
	}
	s.same, s.kept, s.sums = same, kept, nil
}

// store keeps where each different picture of a table lies. Rows with the same base64 share one. The key of a row's
// first picture is the row's index, that of its k-th is index#k.
type store struct {
	name string
	r    io.ReaderAt
	same map[string]string // any key -> key of the first row with that content
	kept map[string]field  // key -> field
	sums map[[32]byte]string
}

func newStore(name string, r io.ReaderAt) *store {
	return &store{name: name, r: r, same: map[string]string{}, kept: map[string]field{}, sums: map[[32]byte]string{}}
}

func (s *store) add(key string, f field) {
	if first, ok := s.sums[f.sum]; ok {
		s.same[key] = first
		return
	}
	s.sums[f.sum], s.same[key], s.kept[key] = key, key, f
}

// more are the keys of the second and later pictures in the cell with that key.
func (s *store) more(key string) []string { return several(key, s.kept[key].count) }

// find is the cell of a key, and which of its pictures, from 1.
func (s *store) find(key string) (field, int, error) {
	row, k := cutKey(key)
	f, ok := s.kept[row]
	if !ok || k < 1 || k > f.count {
		return f, 0, fmt.Errorf("%s: no row %s with a picture", s.name, key)
	}
	return f, k, nil
}

// cutKey is the row of a key, and which of its pictures, from 1; 0 if the key is none.
func cutKey(key string) (row string, k int) {
	row, number, several := strings.Cut(key, "#")
	if !several {
		return row, 1
	}
	k, err := strconv.Atoi(number)
	if err != nil {
		return row, 0
	}
	return row, k
}

// Picture decodes the base64 of the row that holds the picture.
func (s *store) Picture(key string) ([]byte, error) {
	f, k, err := s.find(key)
	if err != nil {
		return nil, err
	}
	text := make([]byte, f.where.n) // at most maxImageField
	if _, err := s.r.ReadAt(text, f.where.off); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:%d: %w", s.name, f.line, err)
	}
	if text[0] == '[' { // a quoted cell has the quotes of its texts twice
		text = bytes.ReplaceAll(text, []byte(`""`), []byte(`"`))
	}
	parts, err := pictureList(text)
	if err == nil && k > len(parts) {
		err = fmt.Errorf("found %d pictures, expected %d", len(parts), f.count)
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%d: column \"image\": %w", s.name, f.line, err)
	}
	text = bareBase64(parts[k-1])
	n, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: column \"image\": picture %d: %w", s.name, f.line, k, err)
	}
	return text[:n], nil
}

// Digest is the SHA-256 of the cell's text, with the number of the picture behind it if there are several.
func (s *store) Digest(key string) (string, error) {
	f, k, err := s.find(key)
	if err != nil {
		return "", err
	}
	digest := hex.EncodeToString(f.sum[:])
	if k > 1 {
		digest += "#" + strconv.Itoa(k)
	}
	return digest, nil
}

// several are the keys of the pictures of a row after its first one.
func several(key string, count int) (keys []string) {
	for k := 2; k <= count; k++ {
		keys = append(keys, fmt.Sprintf("%s#%d", key, k))
	}
	return keys
}
