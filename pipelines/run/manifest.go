package run

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"moslava/internal/infile"
)

const (
	manifestFile = "manifest.json"
	begunFile    = "begun.json"

	manifestFormat = 1
	maxRecord      = 64 << 20 // bytes of a record; a manifest takes about 150 per output
)

// A Plan is what a stage is done with: it decides, with the program's version, what comes out.
type Plan struct {
	Stage        string          `json:"stage"`
	Kind         string          `json:"kind"`
	Config       json.RawMessage `json:"config"` // recipe.StageJSON
	ConfigSHA256 string          `json:"config_sha256"`
	Inputs       []Input         `json:"inputs"`
}

// An Input is a stage that another one takes its model from.
type Input struct {
	Stage         string `json:"stage"`
	OutputsSHA256 string `json:"outputs_sha256"`
}

// A Manifest is the record of a finished stage.
type Manifest struct {
	Format int `json:"format"` // 1
	Plan
	Outputs       []Output          `json:"outputs"`        // sorted by path
	OutputsSHA256 string            `json:"outputs_sha256"` // of all of them together
	Versions      map[string]string `json:"versions"`       // moslava, go, platform
	Begun         time.Time         `json:"begun"`          // UTC, by the first process that worked on the stage
	Finished      time.Time         `json:"finished"`       // UTC
}

// begun is the record of a stage that was begun.
type begun struct {
	Plan
	Begun time.Time `json:"begun"`
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
	if m.Format != manifestFormat {
		return fmt.Errorf("format is %d, this program reads %d", m.Format, manifestFormat)
	}
	for _, o := range m.Outputs {
		local := filepath.FromSlash(o.Path)
		switch {
		case !filepath.IsLocal(local) && !filepath.IsAbs(local):
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
	return nil
}
