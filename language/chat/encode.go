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
	ImageToken string    // the added token that marks an image in the text; may be empty if there are no images
	Images     [][]int32 // the ids that stand for each image, in order; none is supervised
	Context    []int     // messages of the assistant, counted from 0, that are read and not supervised
}

// Encoded is a conversation as the model reads it. N is its length.
type Encoded struct {
	IDs     []int32 // [N]
	Labels  []int32 // [N], IgnoreIndex where not supervised, not shifted; nil from Prompt
	ImageAt []int   // [I], index in IDs of each image's first id
	Context int     // assistant's turns that are read and not supervised, see Encode
}

// Encode tokenises a conversation. Supervised are the assistant's turns, each from behind the generation prompt up to
// and including the token that ends it: the first added token behind the content, or the eos token, which is put
// behind the content of templates that end turns with nothing but white space (in LLaVA's "plain" it is the line break
// that ends a caption). Every stretch between two borders is tokenised on its own, continuing the one before it. A
// beginning-of-sequence token is put first if the tokenizer's post-processor adds one and the template did not.
//
// The template must only ever add to what it has drawn before; one that drops or rewrites earlier turns is an error
// that names the turn. The exception are templates that drop the reasoning of answers (see reasoning.go): an earlier answer that stands there
// otherwise than the model would have written it is context, as it is when the model has to answer the turn after it, and is not supervised.
// If nothing is supervised the error wraps ErrNoTargets, and the result is whole all the same.
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
// A prompt without any token is an error, for there is nothing that the model could go on from.
// For messages that begin a longer conversation, its ids are the beginning of what Encode gives for that.
func (t *Template) Prompt(tok *tokenizer.Tokenizer, messages []Message, opt Options) (Encoded, error) {
	e, err := t.encode(tok, messages, opt, true)
	if err != nil {
		return Encoded{}, fmt.Errorf("%s: %w", t.name, err)
	}
	if len(e.IDs) == 0 {
		return Encoded{}, fmt.Errorf("%s: the prompt has no tokens: the template makes no text of %d messages", t.name,
			len(messages))
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
	segments, context, err := t.segments(tok, messages, prompt)
	if err != nil {
		return Encoded{}, err
	}
	w := writer{tok: tok, opt: opt, imageID: imageID, Encoded: Encoded{Context: context}}
	for _, s := range segments {
		s.target = s.target && !slices.Contains(opt.Context, s.message)
		if err := w.add(s); err != nil {
			return Encoded{}, err
		}
	}
	if n := len(w.ImageAt); n != len(opt.Images) {
		return Encoded{}, fmt.Errorf("the template renders %d image markers (%q or %q) for %d images", n, ImageMarker, opt.ImageToken, len(opt.Images))
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
	if markers != len(opt.Images) {
		return 0, fmt.Errorf("%d image markers in the messages, %d images", markers, len(opt.Images))
	}
	for i, ids := range opt.Images {
		if len(ids) == 0 {
			return 0, fmt.Errorf("image %d has no ids, at least 1 expected", i)
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
		if id == w.imageID {
			w.image()
			continue
		}
		label := int32(IgnoreIndex)
		if s.target {
			label = id
		}
		w.IDs, w.Labels = append(w.IDs, id), append(w.Labels, label)
	}
	return nil
}

// image puts the next image where its marker stands.
func (w *writer) image() {
	i := len(w.ImageAt)
	w.ImageAt = append(w.ImageAt, len(w.IDs))
	if i >= len(w.opt.Images) { // a surplus is counted, and refused by encode
		return
	}
	for _, id := range w.opt.Images[i] {
		w.IDs, w.Labels = append(w.IDs, id), append(w.Labels, IgnoreIndex)
	}
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
func (t *Template) segments(tok *tokenizer.Tokenizer, messages []Message, prompt bool) (out []segment, context int, err error) {
	if t.jinja != nil {
		return t.jinjaSegments(tok, messages, prompt)
	}
	for _, mark := range t.classic.marks {
		if id, ok := tok.ID(mark); !ok || !tok.IsAdded(id) {
			return nil, 0, fmt.Errorf("%q is not an added token of the tokenizer", mark)
		}
	}
	out, err = t.classic.segments(messages, prompt)
	return out, 0, err
}

// jinjaSegments finds the borders by rendering the beginnings of the conversation: up to every assistant's turn with
// the generation prompt, and up to its end without. It also counts the assistant's turns that are only context: a template that drops the
// reasoning of earlier answers does not draw them as the model wrote them.
func (t *Template) jinjaSegments(tok *tokenizer.Tokenizer, messages []Message, prompt bool) ([]segment, int, error) {
	whole, err := t.render(messages, prompt)
	if err != nil {
		return nil, 0, err
	}
	marked, err := t.generated(messages, prompt, whole)
	if err != nil {
		return nil, 0, err
	}
	turns, err := t.turns(tok, messages)
	if err != nil {
		return nil, 0, err
	}
	if u, ok := turns[len(messages)-1]; ok && u.err == nil && u.rebuilt {
		whole = u.before + u.answer + u.rest
	}
	var out []segment
	context := 0
	done := 0 // whole[:done] is in out
	for i, m := range messages {
		u, ok := turns[i]
		if !ok {
			continue
		}
		if err := u.stands(whole, done); err != nil {
			if i == len(messages)-1 || !t.reasons() {
				return nil, 0, turnError(i, m, "%w", err)
			}
			context++
			continue
		}
		if t.jinja.marks && u.eos == "" && !u.rebuilt {
			first := len(out)
			out, done = marked.cut(out, whole, done, len(u.before), len(u.through))
			for k := range out[first:] {
				out[first+k].message = i
			}
			continue
		}
		out = append(out, segment{text: whole[done:len(u.before)]}, segment{u.answer + u.eos, true, i})
		done = len(u.before) + len(u.answer)
	}
	return append(out, segment{text: whole[done:]}), context, nil
}

// drawnTurn is an assistant's turn with what the template draws before it, where it asks for it, and through its end.
type drawnTurn struct {
	before, through string
	written
	err error // why it cannot be told what the model has to write
}

// stands returns an error unless the turn is in whole, behind whole[:done], as the model has to write it.
func (u *drawnTurn) stands(whole string, done int) error {
	switch {
	case u.err != nil:
		return u.err
	case len(u.before) < done || !strings.HasPrefix(whole, u.before):
		return redrawn(u.before, whole)
	case !strings.HasPrefix(whole[len(u.before):], u.answer):
		return errors.New("the template renders it differently when other turns follow")
	}
	return nil
}

// turns draws the assistant's turns, by the numbers of their messages.
func (t *Template) turns(tok *tokenizer.Tokenizer, messages []Message) (map[int]*drawnTurn, error) {
	turns := map[int]*drawnTurn{}
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
		u := &drawnTurn{before: before, through: through}
		u.written, u.err = t.writtenTurn(tok, before, through, m.Content)
		turns[i] = u
	}
	return turns, nil
}

// ending is where in a rendered turn its content starts and what is supervised of it ends; eos has to be put there, if it is not empty.
type ending struct {
	start, end int
	eos        string
}

// turnEnd finds the content in an assistant's rendered turn and the token that ends it. An empty reasoning that the template puts before
// the content is passed over.
func (t *Template) turnEnd(tok *tokenizer.Tokenizer, turn, content string) (ending, error) {
	content = strings.TrimSpace(content)
	skip := 0
	if m := reasoningEmpty.FindStringIndex(turn); m != nil && !strings.HasPrefix(content, strings.TrimSpace(turn[:m[1]])) {
		skip = m[1]
	}
	start := strings.Index(turn[skip:], content)
	if start < 0 {
		return ending{}, fmt.Errorf("the template does not render its content as it is: %q", excerpt(turn))
	}
	start += skip
	e := ending{start: start, end: start + len(content)}
	rest := turn[e.end:]
	if _, end, found := tok.FindAdded(rest); found {
		e.end += end
		return e, nil
	}
	if strings.TrimSpace(rest) != "" {
		return ending{}, fmt.Errorf("it ends in %q, in which there is no added token of the tokenizer", excerpt(rest))
	}
	if id, ok := tok.ID(t.eos); t.eos == "" || !ok || !tok.IsAdded(id) {
		return ending{}, fmt.Errorf("the template ends it with no token, and the eos token %q is not an added token of the tokenizer", t.eos)
	}
	e.eos = t.eos
	return e, nil
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
