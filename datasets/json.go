package datasets

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

// A jsonSource keeps where each row starts and ends, and reads it when asked.
type jsonSource struct {
	path  string
	f     *os.File
	spans []span
	roots []string
}

type span struct {
	at   int64
	size int32
}

// maxRow bounds one row of JSON.
const maxRow = 64 << 20

// OpenJSON opens instruction data in JSON (one array of rows) or JSON Lines. A
// row is
//
//	{"id": ..., "image": "a.jpg", "conversations": [{"from": "human", "value": "<image>\n..."}, ...]}
//
// as LLaVA has it, or with "messages": [{"role", "content"}] and "images" as
// ShareGPT files have it; content may be a list of OpenAI's text and image_url
// parts. A single message of role pretrain, which in XTuner 1 is text to be learnt
// whole, becomes what LLaVA's stage 1 has: a human turn of its leading image markers
// and a gpt turn of the text. Of such a row with a picture inside or after the text,
// which pairs of turns cannot say, At gives an error.
//
// A row {"instruction": ..., "input": "", "output": ..., "answer": ...}, as LLM-Adapters has them, becomes the text that is learnt whole there
// (see Sample.Text).
//
// Pictures are looked up under roots, in order, and read when their row is. Only
// the place of each row is kept: 16 bytes.
func OpenJSON(path string, roots ...string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &jsonSource{path: path, f: f, roots: roots}
	if err := s.index(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return s, nil
}

func (s *jsonSource) index() error {
	st, err := s.f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	r := bufio.NewReaderSize(s.f, 1<<16)
	start := int64(0)
	if b, _ := r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		start = 3
		if _, err := r.Discard(3); err != nil {
			return err
		}
	}
	for {
		c, err := r.ReadByte()
		if err == io.EOF {
			return errors.New("no rows: expected a JSON array or one JSON object a line")
		}
		if err != nil {
			return err
		}
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			start++
			continue
		}
		if err := r.UnreadByte(); err != nil {
			return err
		}
		switch c {
		case '[':
			return s.indexArray(r, start)
		case '{':
			return s.indexLines(r, start)
		}
		return fmt.Errorf("starts with %q, expected a JSON array or one JSON object a line", c)
	}
}

func (s *jsonSource) add(at, size int64) error {
	if size > maxRow {
		return fmt.Errorf("row %d has %d bytes, the limit is %d", len(s.spans), size, maxRow)
	}
	if len(s.spans) == maxLen {
		return fmt.Errorf("more than %d rows", maxLen)
	}
	s.spans = append(s.spans, span{at, int32(size)})
	return nil
}

// indexArray walks the elements of the array that starts at base.
func (s *jsonSource) indexArray(r io.Reader, base int64) error {
	d := json.NewDecoder(r)
	fail := func(err error) error {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("row %d, near byte %d: %w", len(s.spans), base+d.InputOffset(), err)
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	var raw json.RawMessage
	for d.More() {
		if err := d.Decode(&raw); err != nil {
			return fail(err)
		}
		if err := s.add(base+d.InputOffset()-int64(len(raw)), int64(len(raw))); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("byte %d: data after the array of %d rows", base+d.InputOffset(), len(s.spans))
	}
	return nil
}

// indexLines notes the lines that are not blank; what is in them is checked when
// they are read.
func (s *jsonSource) indexLines(r *bufio.Reader, at int64) error {
	for {
		size, blank := int64(0), true
		for {
			frag, err := r.ReadSlice('\n')
			size += int64(len(frag))
			blank = blank && len(bytes.TrimSpace(frag)) == 0
			if err == bufio.ErrBufferFull {
				continue
			}
			if err != nil && err != io.EOF {
				return err
			}
			if !blank {
				if err := s.add(at, size); err != nil {
					return err
				}
			}
			if err == io.EOF {
				return nil
			}
			break
		}
		at += size
	}
}

func (s *jsonSource) Len() int     { return len(s.spans) }
func (s *jsonSource) Close() error { return s.f.Close() }

func (s *jsonSource) At(i int) (Sample, error) {
	if i < 0 || i >= len(s.spans) {
		return Sample{}, fmt.Errorf("%s: row %d of %d", s.path, i, len(s.spans))
	}
	x := Sample{Origin: fmt.Sprintf("%s:%d", s.path, i)}
	b := make([]byte, s.spans[i].size)
	if _, err := s.f.ReadAt(b, s.spans[i].at); err != nil {
		return x, fmt.Errorf("%s: %w", x.Origin, err)
	}
	if err := s.read(b, &x); err != nil {
		return x, fmt.Errorf("%s: %w", x.Origin, err)
	}
	return x, nil
}

// A jsonRow is a row of either convention.
type jsonRow struct {
	ID            any             `json:"id"`
	Image         json.RawMessage `json:"image"`
	Images        json.RawMessage `json:"images"`
	Conversations []jsonTurn      `json:"conversations"`
	Messages      []jsonTurn      `json:"messages"`
	System        *string         `json:"system"`
	Instruction   *string         `json:"instruction"` // LLM-Adapters, with the two below
	Input         *string         `json:"input"`
	Output        *string         `json:"output"`
}

type jsonTurn struct {
	From    *string         `json:"from"`
	Value   *string         `json:"value"`
	Role    *string         `json:"role"`
	Content json.RawMessage `json:"content"`
}

func (s *jsonSource) read(b []byte, x *Sample) (err error) {
	var row jsonRow
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&row); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errors.New("row is cut off")
		}
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one JSON value in a row, the second after %d bytes", d.InputOffset())
	}
	switch id := row.ID.(type) {
	case nil:
	case string:
		x.ID = id
	case json.Number:
		x.ID = id.String()
	default:
		return errors.New("id is neither a string nor a number")
	}
	if row.Instruction != nil {
		x.Text, err = row.instruct()
		return err
	}
	names, err := imageNames(row.Image, row.Images)
	if err != nil {
		return err
	}
	turns, key := row.Conversations, "conversations"
	if turns == nil {
		turns, key = row.Messages, "messages"
	}
	if turns == nil {
		return errors.New("neither conversations nor messages")
	}
	if row.System != nil && *row.System != "" {
		x.Turns = append(x.Turns, Turn{From: System, Value: *row.System})
	}
	for i := range turns {
		ts, urls, err := turns[i].turns(len(turns) == 1)
		if err != nil {
			return fmt.Errorf("%s %d: %w", key, i, err)
		}
		x.Turns = append(x.Turns, ts...)
		names = append(names, urls...)
	}
	for _, n := range names {
		b, err := readImage(s.roots, n)
		if err != nil {
			return err
		}
		x.Pictures = append(x.Pictures, Picture{b, n})
	}
	return nil
}

// imageNames reads "image" and "images": a name, a list of names, or null.
func imageNames(image, images json.RawMessage) ([]string, error) {
	given := func(b json.RawMessage) bool { return len(b) > 0 && string(b) != "null" }
	if given(image) && given(images) {
		return nil, errors.New("has both image and images, expected one of them")
	}
	key, raw := "image", image
	if given(images) {
		key, raw = "images", images
	}
	if !given(raw) {
		return nil, nil
	}
	var names []string
	if raw[0] == '"' {
		names = make([]string, 1)
		if err := json.Unmarshal(raw, &names[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	} else if err := json.Unmarshal(raw, &names); err != nil {
		return nil, fmt.Errorf("%s: expected a file name or a list of them: %w", key, err)
	}
	for _, n := range names {
		if n == "" {
			return nil, fmt.Errorf("%s: a file name is empty", key)
		}
	}
	return names, nil
}

// turns are the message's turn, or the two of a pretrain message that is alone, and
// the names of the pictures in it.
func (t *jsonTurn) turns(alone bool) ([]Turn, []string, error) {
	who := t.From
	if who == nil {
		who = t.Role
	}
	if who == nil {
		return nil, nil, errors.New("neither from nor role")
	}
	if alone && *who == "pretrain" {
		text, urls, err := t.text()
		if err != nil {
			return nil, nil, err
		}
		pair, err := captionTurns(text)
		return pair, urls, err
	}
	name, err := speaker(*who)
	if err != nil {
		return nil, nil, err
	}
	text, urls, err := t.text()
	return []Turn{{From: name, Value: text}}, urls, err
}

// captionTurns divides a pretraining text (XTuner 1.0, role pretrain: every token
// but the images' is a target) at the end of its leading image markers. A text
// without pictures is a gpt turn alone.
func captionTurns(text string) ([]Turn, error) {
	images, rest := 0, text
	for {
		after, ok := strings.CutPrefix(strings.TrimLeftFunc(rest, unicode.IsSpace), ImageMarker)
		if !ok {
			break
		}
		images, rest = images+1, after
	}
	switch inside := strings.Count(rest, ImageMarker); {
	case inside > 0:
		return nil, fmt.Errorf("pretrain: %d of %d pictures stand inside or after the text, expected all before it", inside, images+inside)
	case strings.TrimSpace(rest) == "":
		return nil, fmt.Errorf("pretrain: no text with %d pictures", images)
	case images == 0:
		return []Turn{{From: GPT, Value: text}}, nil
	}
	return []Turn{{From: Human, Value: strings.Repeat(ImageMarker, images)}, {From: GPT, Value: strings.TrimLeftFunc(rest, unicode.IsSpace)}}, nil
}

// text is the message's text, with image markers, and the names of the pictures
// in it.
func (t *jsonTurn) text() (string, []string, error) {
	if t.Value != nil {
		return *t.Value, nil, nil
	}
	if len(t.Content) == 0 || string(t.Content) == "null" {
		return "", nil, errors.New("neither value nor content")
	}
	if t.Content[0] == '[' {
		return readContent(t.Content)
	}
	var text string
	if err := json.Unmarshal(t.Content, &text); err != nil {
		return "", nil, fmt.Errorf("content: %w", err)
	}
	return strings.ReplaceAll(text, contextMarker, ImageMarker), nil, nil
}

// readContent reads a list of parts: {"type": "text", "text"}, {"type":
// "image_url", "image_url": {"url"}} or {"type": "image"}, whose picture is in
// the row's images.
func readContent(b json.RawMessage) (string, []string, error) {
	var list []struct {
		Type     string               `json:"type"`
		Text     *string              `json:"text"`
		ImageURL struct{ URL string } `json:"image_url"`
		Image    string               `json:"image"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return "", nil, fmt.Errorf("content: %w", err)
	}
	var urls []string
	parts := make([]part, 0, len(list))
	for i, p := range list {
		switch {
		case p.Type == "text" && p.Text != nil:
			parts = append(parts, part{text: *p.Text})
		case p.Type == "image_url" && p.ImageURL.URL != "":
			urls = append(urls, p.ImageURL.URL)
			parts = append(parts, part{image: true})
		case p.Type == "image":
			if p.Image != "" {
				urls = append(urls, p.Image)
			}
			parts = append(parts, part{image: true})
		default:
			return "", nil, fmt.Errorf("content part %d: type %q without its value, expected text, image_url or image", i, p.Type)
		}
	}
	text, err := joinParts(parts)
	return text, urls, err
}
