package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // pictures of samples
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"moslava/internal/infile"
)

// SamplesFile has one Sample a line.
const SamplesFile = "samples.jsonl"

// A Sample is a question that the model was asked while it was trained.
type Sample struct {
	Step     int    `json:"step"`   // after which it was asked
	Sample   int    `json:"sample"` // which of the questions, from 1
	Row      int    `json:"row"`    // of the stage's data, from 0
	Question string `json:"question"`
	Wanted   string `json:"wanted"`
	Said     string `json:"said"`
	Picture  string `json:"picture,omitempty"` // a JPEG, relative to the file; the first one, if there are several
}

// Samples appends those of the next step, whose record is to follow.
func (l *Log) Samples(all []Sample) error {
	var lines []byte
	for _, s := range all {
		if s.Step != l.step+1 {
			return fmt.Errorf("metrics: samples of step %d come after step %d", s.Step, l.step)
		}
		line, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		if len(line) >= maxLine {
			return fmt.Errorf("metrics: step %d: a sample of %d bytes, want fewer than %d", s.Step, len(line), maxLine)
		}
		lines = append(append(lines, line...), '\n')
	}
	if l.samples == nil {
		var err error
		if l.samples, err = os.OpenFile(filepath.Join(l.dir, SamplesFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if _, err := l.samples.Write(lines); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	l.asked = all
	return nil
}

// ReadSamples returns the samples in a directory; none if there is no file. A last line that is cut off is not counted.
func ReadSamples(dir string) ([]Sample, error) {
	var out []Sample
	err := scanSamples(filepath.Join(dir, SamplesFile), func(s Sample, _ int64) bool {
		out = append(out, s)
		return true
	})
	return out, err
}

// scanSamples is scan for samples; a file that is not there has none.
func scanSamples(path string, f func(s Sample, end int64) bool) error {
	in, err := infile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	defer in.Close()
	br := bufio.NewReaderSize(in, maxLine)
	end, before := int64(0), 0
	for n := 1; ; n++ {
		text, err := br.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("metrics: %s:%d: longer than %d bytes", path, n, maxLine)
		}
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		var s Sample
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			return fmt.Errorf("metrics: %s:%d: %w", path, n, err)
		}
		if s.Step < max(1, before) || s.Sample < 1 {
			return fmt.Errorf("metrics: %s:%d: sample %d of step %d comes after step %d", path, n, s.Sample, s.Step, before)
		}
		before = s.Step
		if end += int64(len(text)); !f(s, end) {
			return nil
		}
	}
}

// keepSamples removes the lines of steps after one.
func keepSamples(dir string, after int) error {
	path := filepath.Join(dir, SamplesFile)
	end := int64(0)
	err := scanSamples(path, func(s Sample, at int64) bool {
		if s.Step > after {
			return false
		}
		end = at
		return true
	})
	if err != nil && after > 0 {
		return err
	}
	if err := os.Truncate(path, end); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// values are what TensorBoard shows of samples: a text each, and the picture of those that it has not shown.
func (l *Log) values(all []Sample) (out [][]byte, err error) {
	for _, s := range all {
		tag := fmt.Sprintf("samples/%d", s.Sample)
		out = append(out, textValue(tag, fmt.Sprintf("question\n\n%s\n\nwanted\n\n%s\n\nsaid\n\n%s\n", verbatim(s.Question), verbatim(s.Wanted), verbatim(s.Said))))
		if s.Picture == "" || l.shown[s.Picture] {
			continue
		}
		if !filepath.IsLocal(s.Picture) {
			return nil, fmt.Errorf("metrics: picture %q of sample %d is not below the stage's directory", s.Picture, s.Sample)
		}
		b, err := infile.Read(filepath.Join(l.dir, filepath.FromSlash(s.Picture)), maxPicture)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody has removed it, and the text is there
		}
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		c, _, err := image.DecodeConfig(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("metrics: %s: %w", s.Picture, err)
		}
		out = append(out, imageValue(tag, c.Width, c.Height, b))
		l.shown[s.Picture] = true
	}
	return out, nil
}

// maxPicture is far above a small picture.
const maxPicture = 4 << 20

// verbatim is text that Markdown, as TensorBoard shows it, leaves as it is.
func verbatim(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
