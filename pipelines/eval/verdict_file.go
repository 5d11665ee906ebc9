package eval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/pipelines/eval/protocols"
)

// lineOf is the verdict as a line of a file, Sum as it is.
func lineOf(v protocols.Verdict) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// sumOf is what Sum is to be.
func sumOf(v protocols.Verdict) (string, error) {
	v.Sum = ""
	b, err := lineOf(v)
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:8]), err
}

// VerdictsFile is the name of the file of verdicts in the directory of a suite that was asked.
const VerdictsFile = "verdicts.jsonl"

// maxVerdictLine bounds a line of a verdict file.
const maxVerdictLine = 16 << 20

// ReadVerdicts reads verdict files, the parts of a sharded run for example, in the given order. A last line without its line
// end, which a killed run may leave, is left out; anything else that is no verdict is an error naming file and line.
func ReadVerdicts(paths ...string) ([]protocols.Verdict, error) {
	var all []protocols.Verdict
	for _, p := range paths {
		f, err := infile.Open(p)
		if err != nil {
			return nil, err
		}
		vs, _, err := readVerdicts(p, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		all = append(all, vs...)
	}
	return all, nil
}

// WriteVerdicts writes a verdict file, whole or not at all, without the passes that were not asked.
func WriteVerdicts(path string, vs []protocols.Verdict) error {
	asked := slices.DeleteFunc(slices.Clone(vs), func(v protocols.Verdict) bool { return v.Rule == protocols.RuleNotAsked })
	b, err := encodeVerdicts(path, asked)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, b)
}

// readVerdicts also returns how many bytes the whole lines take.
func readVerdicts(name string, r io.Reader) (vs []protocols.Verdict, whole int64, err error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxVerdictLine)
	sc.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i+1], nil
		}
		return 0, nil, nil // what is left at the end is a torn line
	})
	seen := map[int64]int{}
	for line := 1; sc.Scan(); line++ {
		var v protocols.Verdict
		dec := json.NewDecoder(bytes.NewReader(sc.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&v); err != nil {
			return nil, 0, fmt.Errorf("%s:%d: found no verdict: %w", name, line, err)
		}
		if want, err := sumOf(v); err != nil {
			return nil, 0, fmt.Errorf("%s:%d: %w", name, line, err)
		} else if v.Sum != "" && v.Sum != want {
			return nil, 0, fmt.Errorf("%s:%d: found a verdict on item %d with sum %s, expected %s: the line was damaged; remove it, and the item is asked again", name, line, v.ID, v.Sum, want)
		}
		if same, err := lineOf(v); v.Sum != "" && (err != nil || !bytes.Equal(same, sc.Bytes())) { // keys that differ in case alone decode, too
			return nil, 0, fmt.Errorf("%s:%d: found a verdict on item %d that was not written so: the line was damaged; remove it, and the item is asked again", name, line, v.ID)
		}
		v.Sum = ""
		if v.Suite == "" || v.Protocol == "" {
			return nil, 0, fmt.Errorf("%s:%d: found a verdict without suite or protocol", name, line)
		}
		if first, twice := seen[v.ID]; twice {
			return nil, 0, fmt.Errorf("%s:%d: found a second verdict on item %d, the first is on line %d", name, line, v.ID, first)
		}
		seen[v.ID] = line
		vs = append(vs, v)
		whole += int64(len(sc.Bytes()))
	}
	if err := sc.Err(); err != nil {
		return nil, 0, fmt.Errorf("%s: after %d verdicts: %w", name, len(vs), err)
	}
	return vs, whole, nil
}

// journal is a verdict file that is being written.
type journal struct {
	f    *os.File // nil: verdicts are kept in memory only
	path string
}

// openJournal opens path for appending, drops a torn last line, and returns the verdicts that are there.
func openJournal(path string) (*journal, []protocols.Verdict, error) {
	if path == "" {
		return &journal{}, nil, nil
	}
	if err := atomicfile.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, err
	}
	vs, whole, err := readVerdicts(path, f)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return &journal{f: f, path: path}, vs, nil
}

// replace writes the file anew, so that it says what its answers are read as now.
func (j *journal) replace(vs []protocols.Verdict) error {
	err := errors.Join(j.f.Close(), WriteVerdicts(j.path, vs))
	if err != nil {
		j.f = nil
		return err
	}
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		j.f = nil
		return err
	}
	j.f = f
	return nil
}

// append writes verdicts with one write call, so that a kill tears at most one line.
func (j *journal) append(vs []protocols.Verdict) error {
	if j.f == nil {
		return nil
	}
	b, err := encodeVerdicts(j.path, vs)
	if err == nil {
		_, err = j.f.Write(b)
	}
	return err
}

// encodeVerdicts makes a line of each.
func encodeVerdicts(path string, vs []protocols.Verdict) ([]byte, error) {
	var b bytes.Buffer
	for _, v := range vs {
		var text []byte
		var err error
		if v.Sum, err = sumOf(v); err == nil {
			text, err = lineOf(v)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: verdict on item %d: %w", path, v.ID, err)
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

func (j *journal) close() error {
	if j.f == nil {
		return nil
	}
	return errors.Join(j.f.Sync(), j.f.Close())
}
