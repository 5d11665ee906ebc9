package states

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"moslava/internal/atomicfile"
	"moslava/internal/filehash"
	"moslava/internal/infile"
	"moslava/internal/sealed"
	"moslava/pipelines/metrics"
	"moslava/pipelines/train"
)

// sealedState is a state with the hashes of all that goes on with it: a flipped bit would be trained on in silence.
type sealedState struct {
	train.State
	Files   map[string]string `json:"files,omitempty"`   // SHA-256 of the files beside state.json
	Metrics *filehash.Sum     `json:"metrics,omitempty"` // of the lines up to this step
	SHA256  string            `json:"sha256,omitempty"`  // of this file without this field
}

func (s *sealedState) setSum(sum string) { s.SHA256 = sum }

const stateIndent = "  "

// seal writes state.json, with the hashes of the files that are there already and of the lines of metrics so far.
func seal(dir string, s train.State) error {
	out := sealedState{State: s, Files: map[string]string{}}
	for _, name := range []string{paramsFile, optimFile} {
		sum, err := filehash.File(context.Background(), filepath.Join(dir, name))
		if err != nil {
			return err
		}
		out.Files[name] = sum.SHA256
	}
	lines, err := filehash.File(context.Background(), filepath.Join(filepath.Dir(dir), metrics.LinesFile))
	if err != nil {
		return err
	}
	out.Metrics = &lines
	b, err := sealed.Encode(&out, stateIndent, out.setSum)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, stateFile), b)
}

// unseal reads the state in a directory after it has checked all that belongs to it. States of earlier versions have no hashes.
func unseal(dir string) (train.State, error) {
	s, err := readSealed(dir)
	if err != nil {
		return s.State, err
	}
	for name, want := range s.Files {
		if err := agrees(filepath.Join(dir, name), want); err != nil {
			return s.State, err
		}
	}
	return s.State, s.linesAgree(dir)
}

func readSealed(dir string) (*sealedState, error) {
	s, path := new(sealedState), filepath.Join(dir, stateFile)
	text, err := infile.Read(path, maxState)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	switch {
	case err != nil:
		return s, fmt.Errorf("%s: %w", path, err)
	case s.Files == nil && s.SHA256 == "":
		return s, nil
	}
	if err := sealed.Check(text, s, stateIndent, s.SHA256, s.setSum); err != nil {
		return s, fmt.Errorf("%s %w", path, err)
	}
	return s, nil
}

// maxState bounds state.json, which has a few numbers.
const maxState = 16 << 20

// agrees compares a file with its hash.
func agrees(path, want string) error {
	got, err := filehash.File(context.Background(), path)
	if err == nil && got.SHA256 != want {
		err = fmt.Errorf("%s has SHA-256 %s, %s says %s: it was damaged or replaced", path, got.SHA256, stateFile, want)
	}
	return err
}

// linesAgree checks the lines of metrics that were there when a state was saved.
func (s *sealedState) linesAgree(dir string) error {
	if s.Metrics == nil {
		return nil
	}
	path := filepath.Join(filepath.Dir(dir), metrics.LinesFile)
	f, err := infile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, s.Metrics.Bytes))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != s.Metrics.Bytes || got != s.Metrics.SHA256 {
		return fmt.Errorf("%s has %d bytes up to step %d with SHA-256 %s, %s says %d and %s: it was damaged or replaced", path, n, s.Step, got, stateFile, s.Metrics.Bytes, s.Metrics.SHA256)
	}
	return nil
}
