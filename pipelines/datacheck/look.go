package datacheck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"moslava/datasets"
	"moslava/pipelines/vlm"
)

// A record is what is kept of one row until it has been counted.
type record struct {
	row       int
	origin    uint64 // of the stored row, which comes several times where its source has a weight
	id        *sum
	whole     *sum
	pictures  []sum
	sizes     []Size
	features  []int // image tokens of each picture
	length    int   // 0: not encoded
	context   int
	sequences int
	tokens    int
	learnt    int
	ofImages  int
	found     []found
}

type found struct {
	level Level
	kind  string
	named string
}

// looker makes records of what the loader sees, with the encoder that it uses.
type looker struct{ processor *vlm.Processor }

func (k looker) look(l *datasets.Look) *record {
	s := &l.Sample
	r := &record{row: l.Row, context: l.Whole.Context, length: len(l.Whole.IDs)}
	at := sumOf(s.Origin)
	r.origin = binary.LittleEndian.Uint64(at[:])
	if s.ID != "" {
		id := sumOf(s.ID)
		r.id = &id
	}
	if k.processor.Pixels != nil {
		for _, p := range s.Pictures {
			if w, h, err := k.processor.Pixels.Decoder.Size(p.Bytes); err == nil {
				r.sizes = append(r.sizes, Size{w, h})
			}
		}
	}
	for i := range l.Whole.Images {
		im := &l.Whole.Images[i]
		r.pictures = append(r.pictures, pictureSum(im))
		r.features = append(r.features, im.Layout.Len())
	}
	if r.length > 0 {
		whole := sampleSum(&l.Whole, r.pictures)
		r.whole = &whole
	}
	for i := range l.Pieces {
		for e := &l.Pieces[i]; e != nil; e = e.Rejected { // of a pair both
			r.sequences++
			r.tokens += len(e.IDs)
			for _, im := range e.Images {
				r.ofImages += im.Layout.Len()
			}
			for _, label := range e.Labels[1:] {
				if label != datasets.IgnoreIndex {
					r.learnt++
				}
			}
		}
	}
	r.found = k.troubles(l)
	return r
}

// troubles are what a run stops at or does not use whole.
func (k looker) troubles(l *datasets.Look) (out []found) {
	level, text := Warning, ""
	if l.Err != nil {
		level, text = Fault, l.Err.Error()
	} else if len(l.Events) > 0 {
		text = l.Events[0].String()
	}
	switch {
	case l.Unusable != nil && errors.Is(l.Unusable, fs.ErrNotExist):
		return []found{{level, Missing, text}}
	case l.Unusable != nil:
		if broken := k.broken(&l.Sample, level); len(broken) > 0 {
			return broken
		}
		return []found{{level, Unusable, text}}
	case l.Empty:
		return []found{{level, EmptyAnswer, text}}
	case l.Long:
		out = append(out, found{level, TooLong, text})
	case l.Mute:
		return []found{{level, NoTargets, text}}
	}
	for _, e := range l.Events { // of the pieces of one that was split
		if e.Kind == datasets.NoTargets || l.Long && len(l.Events) > 1 && e.Kind == datasets.Dropped {
			out = append(out, found{Warning, LeftOut, e.String()})
		}
	}
	return out
}

// broken names each picture of a sample that cannot be decoded.
func (k looker) broken(s *datasets.Sample, level Level) (out []found) {
	if k.processor.Pixels == nil {
		return nil
	}
	for i, p := range s.Pictures {
		if err := decodes(k.processor, p.Bytes); err != nil {
			out = append(out, found{level, Broken, fmt.Sprintf("%s: picture %d%s: %v", place(s), i+1, called(p.Path), err)})
		}
	}
	return out
}

// decodes is why a picture cannot be, a decoder's panic included: pictures that are damaged are what this is for.
func decodes(p *vlm.Processor, encoded []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder panicked: %v", r)
		}
	}()
	_, err = p.Pixels.Decoder.Decode(encoded)
	return err
}

// place is where a sample stands, with its id.
func place(s *datasets.Sample) string {
	if s.ID == "" {
		return s.Origin
	}
	return fmt.Sprintf("%s (id %s)", s.Origin, s.ID)
}

func called(path string) string {
	if path == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", path)
}
