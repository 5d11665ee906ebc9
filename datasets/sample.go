// Package datasets turns stored conversations into batches.
//
// A Source holds samples as they are stored: encoded pictures, turns of text.
// Open reads Hugging Face data sets (Arrow, Parquet, folders of pictures), WebDataset, JSON and CSV in the usual shapes; Concat,
// Mix and Split make sources of sources; WriteArrow and Convert store samples as
// a Hugging Face data set. Load shuffles a source, has an Encoder turn its
// samples into token ids and pixels, and lays the results end to end in batches
// that are the same for any number of workers and can be resumed at any of them.
package datasets

import (
	"fmt"
	"strings"
)

// ImageMarker stands in a turn's text where a picture goes.
const ImageMarker = "<image>"

// Who speaks a turn; sources translate other spellings into these.
const (
	Human  = "human"
	GPT    = "gpt"
	System = "system"
)

// A Turn is one message of a conversation. From is Human, GPT or System.
type Turn struct {
	From, Value string
	Context     bool // of a GPT turn: it is read and not learnt
}

// IsEmptyAnswer says whether nothing but the end of the turn would be learnt of it.
func (t *Turn) IsEmptyAnswer() bool {
	return t.From == GPT && !t.Context && strings.TrimSpace(t.Value) == ""
}

// A Picture is an image as stored.
type Picture struct {
	Bytes []byte // the encoded file; may alias a memory map, valid until the source is closed
	Path  string // where it came from or its name; may be empty
}

// A Sample is one conversation as stored: nothing decoded, nothing tokenised.
type Sample struct {
	ID       string
	Pictures []Picture // in the order of their markers
	Turns    []Turn
	Rejected []Turn // of a pair: the conversation with the answer that is not chosen, about the same pictures
	Origin   string // file:row, rows counted from 0; for messages

	// Text, if not empty, is all of the sample: it is learnt from its first token to its last, and the id that ends an answer after
	// it. There are no turns and no pictures then.
	Text string

	// Dense, if set, holds a word for each patch of the picture, in reading order: what the model is to say
	// at the patch's own token, "" for nothing. Turns then are one human turn, which asks for it before the
	// picture. It is for pre-training vision towers on drawn pictures; stored samples have none.
	Dense []string
}

// A Source is a fixed sequence of samples. At may be called from several
// goroutines at once, but not during or after Close.
type Source interface {
	Len() int
	// At is sample i. Its error names the file and row.
	At(i int) (Sample, error)
	Close() error
}

// speakers maps the names data sets use: LLaVA and ShareGPT (human, gpt),
// OpenAI (user, assistant, developer) and the spellings mixed into both.
var speakers = map[string]string{
	"human": Human, "user": Human,
	"gpt": GPT, "assistant": GPT, "model": GPT, "chatgpt": GPT, "bot": GPT,
	"system": System, "developer": System,
}

func speaker(name string) (string, error) {
	if s, ok := speakers[strings.ToLower(name)]; ok {
		return s, nil
	}
	return "", fmt.Errorf("speaker %q, expected human, gpt or system (or user, assistant, model)", name)
}
