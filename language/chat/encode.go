package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"moslava/language/tokenizer"
)

// IgnoreIndex is the label of a position that is not supervised.
const IgnoreIndex = -100

// ErrNoTargets reports a conversation in which nothing is supervised: training on it teaches nothing.
var ErrNoTargets = errors.New("no supervised token")

// Options says what the image markers of a conversation become.
type Options struct {
	ImageToken  string // the added token that stands for one image feature; may be empty if there are no images
	ImageTokens []int  // how often it is repeated for each image, in order
	Context     []int  // messages of the assistant, counted from 0, that are read and not supervised
}

// Encoded is a conversation as the model reads it. N is its length.
type Encoded struct {
	IDs     []int32 // [N]
	Labels  []int32 // [N], IgnoreIndex where not supervised, not shifted; nil from Prompt
	ImageAt []int   // [I], index in IDs of each image's first token
}

// Encode tokenises a conversation. Supervised are the assistant's turns, each from behind the generation prompt up to
// and including the token that ends it: the first added token behind the content, or the eos token, which is put
// behind the content of templates that end turns with nothing but white space (in LLaVA's "plain" it is the line break
// that ends a caption). Every stretch between two borders is tokenised on its own, continuing the one before it. A
// beginning-of-sequence token is put first if the tokenizer's post-processor adds one and the template did not.
//
// The template must only ever add to what it has drawn before; one that drops or rewrites earlier turns is an error
// that names the turn. If nothing is supervised the error wraps ErrNoTargets, and the
// result is whole all the same.
func (t *Template) Encode(tok *tokenizer.Tokenizer, messages []Message, opt Options) (Encoded, error) {
	e, err := t.encode(tok, messages, opt, false)
	if err != nil {
		return Encoded{}, fmt.Errorf("%s: %w", t.name, err)
	}
	if !slices.ContainsFunc(e.Labels, func(l int32) bool { return l != IgnoreIndex }) {
		return e, fmt.Errorf("%s: %w", t.name, ErrNoTargets)
	}
	return e, nil
}

// Prompt tokenises what the model has read when it has to answer messages, the last of which is not the assistant's.
// For messages that begin a longer conversation, its ids are the beginning of what Encode gives for that.
func (t *Template) Prompt(tok *tokenizer.Tokenizer, messages []Message, opt Options) (Encoded, error) {
	e, err := t.encode(tok, messages, opt, true)
	if err != nil {
		return Encoded{}, fmt.Errorf("%s: %w", t.name, err)
	}
	e.Labels = nil
	return e, nil
}

// EndOfTurn is the id that ends the assistant's turns, at which generation stops; false if the template has none.
func (t *Template) EndOfTurn(tok *tokenizer.Tokenizer) (int32, bool) {
	probe := []Message{{"user", "a"}, {"assistant", "b"}}
	if t.jinja == nil && len(t.classic.marks) == 0 {
		return 0, false
	}
	e, err := t.Encode(tok, probe, Options{})
	if err != nil {
		return 0, false
	}
	for i := len(e.Labels) - 1; i >= 0; i-- {
		if id := e.Labels[i]; id != IgnoreIndex {
			return id, tok.IsAdded(id)
		}
	}
	return 0, false
}

func (t *Template) encode(tok *tokenizer.Tokenizer, messages []Message, opt Options, prompt bool) (Encoded, error) {
	if len(messages) == 0 {
		return Encoded{}, fmt.Errorf("no messages")
	}
	if last := len(messages) - 1; prompt && messages[last].Role == "assistant" {
		return Encoded{}, turnError(last, messages[last], "a prompt ends before the assistant's turn")
	}
	imageID, err := checkImages(tok, messages, opt)
	if err != nil {
		return Encoded{}, err
	}
	segments, err := t.segments(tok, messages, prompt)
	if err != nil {
		return Encoded{}, err
	}
	w := writer{tok: tok, opt: opt, imageID: imageID}
	for _, s := range segments {
		s.target = s.target && !slices.Contains(opt.Context, s.message)
		if err := w.add(s); err != nil {
			return Encoded{}, err
		}
	}
	if n := len(w.ImageAt); n != len(opt.ImageTokens) {
		return Encoded{}, fmt.Errorf("the template draws %d image markers (%q or %q) for %d images", n, ImageMarker, opt.ImageToken, len(opt.ImageTokens))
	}
	w.addPrefix()
	return w.Encoded, nil
}

// checkImages compares the markers of messages with opt and returns the id of the image token, -1 without images.
func checkImages(tok *tokenizer.Tokenizer, messages []Message, opt Options) (int32, error) {
	markers := 0
	for i, m := range messages {
		n := strings.Count(m.Content, ImageMarker)
		if opt.ImageToken != "" && opt.ImageToken != ImageMarker && strings.Contains(m.Content, opt.ImageToken) {
			return 0, turnError(i, m, "the text contains the image token %q; images are marked %s", opt.ImageToken, ImageMarker)
		}
		if n > 0 && m.Role == "assistant" {
			return 0, turnError(i, m, "%s in an assistant's turn", ImageMarker)
		}
		markers += n
	}
	if markers != len(opt.ImageTokens) {
		return 0, fmt.Errorf("%d image markers in the messages, %d images", markers, len(opt.ImageTokens))
	}
	for i, n := range opt.ImageTokens {
		if n < 1 {
			return 0, fmt.Errorf("image %d has %d image tokens, at least 1 expected", i, n)
		}
	}
	if markers == 0 {
		return -1, nil
	}
	id, ok := tok.ID(opt.ImageToken)
	if !ok || !tok.IsAdded(id) {
		return 0, fmt.Errorf("image token %q is not an added token of the tokenizer", opt.ImageToken)
	}
	return id, nil
}

// writer collects segments.
type writer struct {
	Encoded
	tok     *tokenizer.Tokenizer
	opt     Options
	imageID int32
}

func (w *writer) add(s segment) error {
	if w.imageID >= 0 {
		s.text = strings.ReplaceAll(s.text, ImageMarker, w.opt.ImageToken)
	}
	n := len(w.IDs)
	ids, err := w.tok.Append(w.IDs, s.text)
	if err != nil {
		return err
	}
	fresh := slices.Clone(ids[n:])
	w.IDs = ids[:n]
	for _, id := range fresh {
		repeat := 1
		if id == w.imageID {
			image := len(w.ImageAt)
			if image < len(w.opt.ImageTokens) { // a surplus is counted, and refused by encode
				repeat = w.opt.ImageTokens[image]
			}
			w.ImageAt = append(w.ImageAt, len(w.IDs))
		}
		label := int32(IgnoreIndex)
		if s.target {
			label = id
		}
		for range repeat {
			w.IDs, w.Labels = append(w.IDs, id), append(w.Labels, label)
		}
	}
	return nil
}

// addPrefix puts the tokenizer's own first tokens before the rest unless they are there.
func (w *writer) addPrefix() {
	prefix, _ := w.tok.Affixes()
	n := len(prefix)
	if n == 0 || len(w.IDs) >= n && slices.Equal(w.IDs[:n], prefix) {
		return
	}
	w.IDs = append(prefix, w.IDs...)
	w.Labels = append(slices.Repeat([]int32{IgnoreIndex}, n), w.Labels...)
	for i := range w.ImageAt {
		w.ImageAt[i] += n
	}
}

// segments cuts the rendered conversation at the borders of what is supervised.
func (t *Template) segments(tok *tokenizer.Tokenizer, messages []Message, prompt bool) ([]segment, error) {
	if t.jinja != nil {
		return t.jinjaSegments(tok, messages, prompt)
	}
	for _, mark := range t.classic.marks {
		if id, ok := tok.ID(mark); !ok || !tok.IsAdded(id) {
			return nil, fmt.Errorf("%q is not an added token of the tokenizer", mark)
		}
	}
	return t.classic.segments(messages, prompt)
}

// jinjaSegments finds the borders by rendering the beginnings of the conversation: up to every assistant's turn with
// the generation prompt, and up to its end without.
func (t *Template) jinjaSegments(tok *tokenizer.Tokenizer, messages []Message, prompt bool) ([]segment, error) {
	whole, err := t.render(messages, prompt)
	if err != nil {
		return nil, err
	}
	marked, err := t.generated(messages, prompt, whole)
	if err != nil {
		return nil, err
	}
	var out []segment
	done := 0 // whole[:done] is in out
	for i, m := range messages {
		if m.Role != "assistant" {
			continue
		}
		if i == 0 {
			return nil, turnError(i, m, "a conversation starts with another role")
		}
		before, err := t.render(messages[:i], true)
		if err != nil {
			return nil, turnError(i, m, "rendering what comes before it: %v", err)
		}
		through, err := t.render(messages[:i+1], false)
		if err != nil {
			return nil, turnError(i, m, "rendering up to it: %v", err)
		}
		if len(before) < done || !strings.HasPrefix(whole, before) || !strings.HasPrefix(through, before) {
			other := whole
			if strings.HasPrefix(whole, before) {
				other = through
			}
			n := commonLen(before, other)
			return nil, turnError(i, m, "the template draws what comes before it differently when it asks for it (%q) and when it has it (%q)",
				excerpt(before[n:]), excerpt(other[n:]))
		}
		turn := through[len(before):]
		end, missingEOS, err := t.turnEnd(tok, turn, m.Content)
		if err != nil {
			return nil, turnError(i, m, "%w", err)
		}
		if !strings.HasPrefix(whole[len(before):], turn[:end]) {
			return nil, turnError(i, m, "the template draws it differently when other turns follow")
		}
		if t.jinja.marks && !missingEOS {
			first := len(out)
			out, done = marked.cut(out, whole, done, len(before), len(through))
			for k := range out[first:] {
				out[first+k].message = i
			}
			continue
		}
		answer := turn[:end]
		if missingEOS {
			answer += t.eos
		}
		out = append(out, segment{text: whole[done:len(before)]}, segment{answer, true, i})
		done = len(before) + end
	}
	return append(out, segment{text: whole[done:]}), nil
}

// turnEnd is the length of the supervised part of an assistant's rendered turn; missingEOS says that the eos token has
// to be put there.
func (t *Template) turnEnd(tok *tokenizer.Tokenizer, turn, content string) (end int, missingEOS bool, err error) {
	content = strings.TrimSpace(content)
	i := strings.Index(turn, content)
	if i < 0 {
		return 0, false, fmt.Errorf("the template does not draw its content as it is: %q", excerpt(turn))
	}
	i += len(content)
	rest := turn[i:]
	_, end, found := tok.FindAdded(rest)
	if found {
		return i + end, false, nil
	}
	if strings.TrimSpace(rest) != "" {
		return 0, false, fmt.Errorf("it ends in %q, in which there is no added token of the tokenizer", excerpt(rest))
	}
	if id, ok := tok.ID(t.eos); t.eos == "" || !ok || !tok.IsAdded(id) {
		return 0, false, fmt.Errorf("the template ends it with no token, and the eos token %q is not an added token of the tokenizer", t.eos)
	}
	return i, true, nil
}

// commonLen is the length of what a and b start with.
func commonLen(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// excerpt shortens text for an error message.
func excerpt(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return s
}
