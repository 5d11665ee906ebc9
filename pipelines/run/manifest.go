package run

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"moslava/internal/filehash"
	"moslava/internal/infile"
)

const (
	manifestFile = "manifest.json"
	begunFile    = "begun.json"

	manifestFormat = 2
	oldestFormat   = 1        // without what was taken and without hashes of records
	maxRecord      = 64 << 20 // bytes of a record; a manifest takes about 150 per output
)

// A Plan is what a stage is done with: it decides, with the program's version, what comes out.
type Plan struct {
	Stage        string            `json:"stage"`
	Kind         string            `json:"kind"`
	Config       json.RawMessage   `json:"config"` // recipe.StageJSON
	ConfigSHA256 string            `json:"config_sha256"`
	Inputs       []Input           `json:"inputs"`
	Variables    map[string]string `json:"variables,omitempty"` // of the environment, by name: salted hashes of their values
	Taken        []Taken           `json:"taken,omitempty"`     // files that are not of this run, by key and name; of format 2

	values map[string]string // of variables, as they are now
}

// A Taken is a file that a stage takes and that is not of this run: of the base model, data, a suite.
type Taken struct {
	Key  string `json:"key"`            // of the recipe
	File string `json:"file,omitempty"` // its name in the directory that the key names; empty: the key names it
	Path string `json:"path"`           // where it was; only for people and Verify
	filehash.Sum
	Sampled bool `json:"sampled,omitempty"` // the hash is of the size and of pieces of the file: filehash.Sampled
}

// An Input is a stage that another one takes its model from.
type Input struct {
	Stage         string `json:"stage"`
	OutputsSHA256 string `json:"outputs_sha256"`
}

// A Manifest is the record of a finished stage.
type Manifest struct {
	Format int `json:"format"` // 2
	Plan
	Outputs       []Output          `json:"outputs"`                 // sorted by path
	OutputsSHA256 string            `json:"outputs_sha256"`          // of all of them together
	Versions      map[string]string `json:"versions"`                // moslava, go, platform
	Begun         time.Time         `json:"begun"`                   // UTC, by the first process that worked on the stage
	Finished      time.Time         `json:"finished"`                // UTC
	Record        string            `json:"record_sha256,omitempty"` // of this record without this field
}

// begun is the record of a stage that was begun.
type begun struct {
	Plan
	Begun  time.Time `json:"begun"`
	Record string    `json:"record_sha256,omitempty"`
}

// A sealed record has a hash of itself.
type sealed interface{ seal() *string }

func (m *Manifest) seal() *string { return &m.Record }
func (b *begun) seal() *string    { return &b.Record }

// sealOf is the hash of a record without its hash.
func sealOf(r sealed) (string, error) {
	was := *r.seal()
	*r.seal() = ""
	b, err := json.Marshal(r)
	*r.seal() = was
	return sha256Hex(b), err
}

// unbroken says whether a record that was read is the one that was written. Those of format 1 do not tell.
func unbroken(r sealed) error {
	if *r.seal() == "" {
		return nil
	}
	got, err := sealOf(r)
	if err == nil && got != *r.seal() {
		err = fmt.Errorf("record_sha256 is %s, but the record's is %s: it was damaged", *r.seal(), got)
	}
	return err
}

// valid checks what a record read from a file must be.
func (p *Plan) valid() error {
	var config bytes.Buffer
	if err := json.Compact(&config, p.Config); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	p.Config = config.Bytes()
	if got := sha256Hex(p.Config); got != p.ConfigSHA256 {
		return fmt.Errorf("config_sha256 is %q, but the configuration's is %s", p.ConfigSHA256, got)
	}
	for _, in := range p.Inputs {
		if !isSHA256(in.OutputsSHA256) {
			return fmt.Errorf("outputs_sha256 of input %q is %q, expected 64 hexadecimal digits", in.Stage, in.OutputsSHA256)
		}
	}
	return nil
}

func (m *Manifest) valid() error {
	if m.Format < oldestFormat || m.Format > manifestFormat {
		return fmt.Errorf("format is %d, this program reads %d to %d", m.Format, oldestFormat, manifestFormat)
	}
	if m.Format > 1 && m.Record == "" {
		return errors.New("there is no record_sha256")
	}
	for _, o := range m.Outputs {
		local := filepath.FromSlash(Expanded(o.Path))
		switch {
		case !filepath.IsLocal(local) && !filepath.IsAbs(local) && !strings.HasPrefix(o.Path, "${"):
			return fmt.Errorf("output %q is neither below the stage's directory nor absolute", o.Path)
		case o.Bytes < 0:
			return fmt.Errorf("output %q has %d bytes", o.Path, o.Bytes)
		case !isSHA256(o.SHA256):
			return fmt.Errorf("sha256 of output %q is %q, expected 64 hexadecimal digits", o.Path, o.SHA256)
		}
	}
	if got := digest(m.Outputs); got != m.OutputsSHA256 {
		return fmt.Errorf("outputs_sha256 is %q, but that of the outputs listed is %s", m.OutputsSHA256, got)
	}
	return m.Plan.valid()
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

// readJSON reads a record strictly and checks it. A file that is not there is fs.ErrNotExist.
func readJSON(path string, v interface{ valid() error }) error {
	b, err := infile.Read(path, maxRecord)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return decodeRecord(path, b, v)
}

func decodeRecord(path string, b []byte, v interface{ valid() error }) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("run: %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("run: %s: there is more behind the record", path)
	}
	if err := v.valid(); err != nil {
		return fmt.Errorf("run: %s: %w", path, err)
	}
	if r, ok := v.(sealed); ok {
		if err := unbroken(r); err != nil {
			return fmt.Errorf("run: %s: %w", path, err)
		}
	}
	return nil
}
