package datasets

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"

	"moslava/internal/infile"
)

// A tarSource is the samples of one shard of a WebDataset. Of each file it keeps where it lies, 24 bytes, and of each sample its name.
type tarSource struct {
	path    string
	f       *byteFile
	size    int64
	keys    []string // names of samples
	starts  []int    // first file of each sample, then the number of files
	files   []tarFile
	fields  []tarField
	opt     Options
	picture func(name string) ([]byte, error)
}

// A tarFile is where a file lies.
type tarFile struct {
	at, size int64
	field    uint16
}

// openTar opens a tar archive as WebDataset and datasets do: the files that stand one after the other with the same name up to the first dot are a sample.
// Only headers are read, and files of JSON.
func openTar(opt Options, path string) (Source, error) {
	f, err := opt.openPlain(path)
	if err != nil {
		return nil, err
	}
	s := &tarSource{path: path, f: f, opt: opt, picture: opt.reader(path)}
	if err := s.index(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s%w", path, prefixed(err)), f.Close())
	}
	return s, nil
}

func (s *tarSource) index() error {
	s.size = s.f.Size()
	r := tar.NewReader(s.f)
	end := int64(0) // of the last file
	for {
		h, err := r.Next()
		at, seekErr := s.f.Seek(0, io.SeekCurrent)
		switch {
		case seekErr != nil:
			return seekErr
		case err == io.EOF:
			if err := s.ended(end, at); err != nil {
				return err
			}
			return s.close()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the archive is cut off behind byte %d, after %d files", end, len(s.files))
		case err != nil:
			return fmt.Errorf("no tar archive, or a damaged one, behind byte %d, after %d files: %w", end, len(s.files), err)
		}
		if err := s.member(h, at); err != nil {
			return err
		}
		end = at + (h.Size+blockSize-1)/blockSize*blockSize
	}
}

// blockSize is the unit of tar archives.
const blockSize = 512

// ended looks for the mark at the end of an archive, without which it may have been cut between two files, and that nothing stands behind it.
func (s *tarSource) ended(last, at int64) error {
	if at < last+blockSize {
		return fmt.Errorf("the archive is cut off after %d files: no mark of its end (tar and WebDataset's writers put one)", len(s.files))
	}
	rest := io.NewSectionReader(s.f, at, s.size-at)
	var b [1 << 16]byte
	for {
		n, err := rest.Read(b[:])
		if len(bytes.Trim(b[:n], "\x00")) > 0 {
			return errors.New("there are more data behind the end of the archive: archives that were joined are to be unpacked and packed as one")
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// member takes in a file of the archive.
func (s *tarSource) member(h *tar.Header, at int64) error {
	name := h.Name
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeGNUSparse:
		return sparse(name)
	case tar.TypeLink, tar.TypeSymlink:
		return fmt.Errorf("%q is a link, expected the file itself: pack with --dereference (and --hard-dereference)", name)
	default:
		return fmt.Errorf("%q is of tar's type %q, expected files", name, h.Typeflag)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return sparse(name)
		}
	}
	if h.Size > s.size-at {
		return fmt.Errorf("the archive is cut off: %q has %d bytes from byte %d on, and the archive has %d", name, h.Size, at, s.size)
	}
	key, field, ok := sampleName(name)
	if !ok {
		return nil
	}
	if n := len(s.keys); n == 0 || s.keys[n-1] != key {
		if err := s.close(); err != nil {
			return err
		}
		if n == maxLen {
			return fmt.Errorf("more than %d samples", maxLen)
		}
		s.keys, s.starts = append(s.keys, key), append(s.starts, len(s.files))
	}
	k := slices.IndexFunc(s.fields, func(f tarField) bool { return f.name == field })
	if k < 0 {
		if k = len(s.fields); k > maxFields {
			return fmt.Errorf("more than %d kinds of files in samples", maxFields)
		}
		f, err := s.opt.tarField(field)
		if err != nil {
			return s.wrong(err)
		}
		s.fields = append(s.fields, f)
	}
	for _, f := range s.files[s.starts[len(s.starts)-1]:] {
		if int(f.field) == k {
			return s.wrong(fmt.Errorf("two files are called %q", name))
		}
	}
	s.files = append(s.files, tarFile{at, h.Size, uint16(k)})
	return nil
}

func sparse(name string) error {
	return fmt.Errorf("%q is a sparse file, expected all of its bytes: pack without --sparse", name)
}

// maxFields bounds the kinds of files in a shard's samples.
const maxFields = math.MaxUint16

// sampleName is the name of a file's sample, up to the first dot, and what stands behind it. Hidden files, and those without a dot, are of no sample.
func sampleName(name string) (key, field string, ok bool) {
	dir, base := path.Split(name)
	first, rest, ok := strings.Cut(base, ".")
	return dir + first, strings.ToLower(rest), ok && first != ""
}

// wrong is an error of the last sample so far.
func (s *tarSource) wrong(err error) error {
	row := len(s.keys) - 1
	return &rowError{row, fmt.Errorf("sample %s: %w", s.keys[row], err)}
}

// close ends a sample: its files are looked at, as rows of JSON are when they are opened.
func (s *tarSource) close() error {
	if len(s.keys) == 0 {
		return nil
	}
	m, err := s.members(len(s.keys) - 1)
	if err == nil {
		err = s.checked(m)
	}
	if err != nil {
		return s.wrong(err)
	}
	return nil
}

// A tarField is what the files of one name behind their sample's are taken for.
type tarField struct {
	name string
	key  string // of the row; "" of JSON that holds rows' keys itself
	kind memberKind
}

// A tarMember is a file of a sample.
type tarMember struct {
	tarFile
	tarField
}

type memberKind uint8

const (
	memberIgnored memberKind = iota
	memberText
	memberJSON
	memberPicture
)

// pictureField is the field of a sample's picture, or of one of several, by its number.
var pictureField = regexp.MustCompile(`^(?:\d+\.)?(?:jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?)$`)

// members are the files of sample i.
func (s *tarSource) members(i int) ([]tarMember, error) {
	last := len(s.files)
	if i+1 < len(s.starts) {
		last = s.starts[i+1]
	}
	var out []tarMember
	for _, f := range s.files[s.starts[i]:last] {
		m := tarMember{f, s.fields[f.field]}
		if m.kind == memberIgnored {
			continue
		}
		limit := int64(maxRow)
		if m.kind == memberPicture {
			limit = infile.MaxPicture
		}
		if m.size > limit {
			return nil, fmt.Errorf("file .%s has %d bytes, want at most %d", m.name, m.size, limit)
		}
		if j := slices.IndexFunc(out, func(o tarMember) bool { return o.key == m.key && m.key != "images" }); j >= 0 {
			return nil, fmt.Errorf("files .%s and .%s, expected one of them (ignore: [%s] leaves the second out)", out[j].name, m.name, m.name)
		}
		out = append(out, m)
	}
	return out, nil
}

// tarField finds out what files of a name are.
func (o *Options) tarField(name string) (tarField, error) {
	f := tarField{name: name}
	if o.meets(name) {
		return f, nil
	}
	key, err := o.found(name)
	if err != nil {
		return f, err
	}
	switch k := o.rows().keys[key]; {
	case key != name:
		f.key, f.kind = key, memberText
		if k.inside == pictureLevel {
			f.kind = memberPicture
		} else if k.nested() {
			return f, fmt.Errorf("%s cannot be the file .%s: it is neither a text nor a picture", key, name)
		}
	case pictureField.MatchString(name):
		f.key, f.kind = "images", memberPicture
	case name == "json", name == "jsn":
		f.kind = memberJSON
	case name == "txt", name == "text", name == "caption":
		f.key, f.kind = "caption", memberText
	case o.prompts(key):
		f.key, f.kind = key, memberText
	default:
		return f, fmt.Errorf("file .%s is not known: samples have pictures (.jpg, .png, ...), .txt and .json (ignore: [%s] leaves it out, columns says what it is)", name, name)
	}
	return f, nil
}

// checked looks at the keys of a sample's JSON.
func (s *tarSource) checked(members []tarMember) error {
	shaped, captioned := false, false
	for _, m := range members {
		shaped = shaped || s.opt.shapes(m.key)
		captioned = captioned || m.key == "caption"
	}
	for _, m := range members {
		if m.kind != memberJSON {
			continue
		}
		b, err := s.read(m.tarFile)
		if err != nil {
			return err
		}
		if captioned {
			_, err = s.metadata(b, s.opt.found)
			return err
		}
		x := newIndexer(bytes.NewReader(b), &s.opt)
		if err := x.single(shaped); err != nil {
			return fmt.Errorf(".json: %s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), ":0"), ": "))
		}
		shaped = true
	}
	if !shaped && s.opt.Values {
		return s.opt.shapeless()
	}
	return nil
}

// metadata is what is used of the JSON beside a caption in a file of its own: the keys that columns or prompt name.
func (s *tarSource) metadata(b []byte, keyOf func(column string) (string, error)) (*object, error) {
	all := s.opt
	all.columns = nil
	o, err := decodeRow(b, &all)
	if err != nil {
		return nil, fmt.Errorf(".json: %w", err)
	}
	out := &object{}
	for _, f := range o.fields {
		key, err := keyOf(f.key)
		if err != nil {
			return nil, err
		}
		named := s.opt.columns != nil && (s.opt.columns.keys[f.key] != "" || s.opt.prompts(key))
		is := slices.IndexFunc(shapes, func(s shape) bool { return s.key == key })
		switch {
		case named:
			out.fields = append(out.fields, field{key, f.value})
		case is >= 0 && !shapes[is].sees && !isEmpty(f.value):
			return nil, fmt.Errorf("a caption in a file, and %s in .json, expected one of them (ignore: [txt] or [%s] leaves one out)", f.key, f.key)
		}
	}
	return out, nil
}

func (s *tarSource) read(f tarFile) ([]byte, error) {
	b := make([]byte, f.size)
	if _, err := s.f.ReadAt(b, f.at); err != nil {
		if err == io.EOF {
			err = errShorter
		}
		return nil, err
	}
	return b, nil
}

func (s *tarSource) Len() int     { return len(s.keys) }
func (s *tarSource) Close() error { return s.f.Close() }

func (s *tarSource) At(i int) (Sample, error) {
	if i < 0 || i >= s.Len() {
		return Sample{}, fmt.Errorf("%s: row %d of %d", s.path, i, s.Len())
	}
	origin := fmt.Sprintf("%s:%d", s.path, i)
	x, err := s.sample(i)
	x.Origin = origin
	if err != nil {
		return x, fmt.Errorf("%s: sample %s: %w", origin, s.keys[i], err)
	}
	return x, nil
}

// sample puts sample i together: its pictures, its caption, the keys of its JSON.
func (s *tarSource) sample(i int) (Sample, error) {
	members, err := s.members(i)
	if err != nil {
		return Sample{}, err
	}
	o, pictures := &object{}, map[string]*object{}
	var own []any // in order
	captioned := slices.ContainsFunc(members, func(m tarMember) bool { return m.key == "caption" })
	for _, m := range members {
		b, err := s.read(m.tarFile)
		if err != nil {
			return Sample{}, err
		}
		switch m.kind {
		case memberPicture:
			name := path.Base(s.keys[i]) + "." + m.name
			p := &object{[]field{{"bytes", b}, {"path", name}}}
			pictures[name] = p
			own = append(own, p)
		case memberText:
			o.fields = append(o.fields, field{m.key, string(b)})
		case memberJSON:
			row := &object{}
			if captioned {
				row, err = s.metadata(b, func(column string) (string, error) { return s.opt.key(column), nil })
			} else {
				row, err = decodeRow(b, &s.opt)
			}
			if err != nil {
				return Sample{}, err
			}
			o.fields = append(o.fields, row.fields...)
		}
	}
	if o.get("id") == nil {
		o.fields = append(o.fields, field{"id", s.keys[i]})
	}
	if !o.has("image") && !o.has("images") && !namesPictures(o) {
		o.fields = append(o.fields, field{"images", own})
		return s.opt.sample(o, s.picture)
	}
	return s.named(o, pictures)
}

// named reads a row that names its pictures itself: they are files of the sample, or lie where those of other rows do.
func (s *tarSource) named(o *object, pictures map[string]*object) (Sample, error) {
	used := map[string]bool{}
	x, err := s.opt.sample(o, func(name string) ([]byte, error) {
		if p := pictures[strings.ToLower(path.Base(name))]; p != nil {
			used[strings.ToLower(path.Base(name))] = true
			return p.get("bytes").([]byte), nil
		}
		if p := pictures[path.Base(name)]; p != nil {
			used[path.Base(name)] = true
			return p.get("bytes").([]byte), nil
		}
		return s.picture(name)
	})
	for name := range pictures {
		if err == nil && !used[name] {
			err = fmt.Errorf("the row names its pictures, and %s is not among them", name)
		}
	}
	return x, err
}

// namesPictures says whether a turn of the row names a picture.
func namesPictures(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, namesPictures)
	case *object:
		for _, k := range []string{"image", "image_url", "url", "path"} {
			if v.has(k) {
				return true
			}
		}
		return slices.ContainsFunc(v.fields, func(f field) bool { return namesPictures(f.value) })
	}
	return false
}
