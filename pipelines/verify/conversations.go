package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"moslava/internal/infile"
	"moslava/language/chat"
	"moslava/pipelines/vlm/families"
)

// A golden of a whole processor is a JSON file with conversations, and what transformers makes of them: the text of the
// chat template, ids, tiles. The bytes of tiles are beside it, in a safetensors file of the same name.

// conversationsEnding tells such a golden by its name.
const conversationsEnding = ".json"

// maxConversations bounds the JSON file, in bytes.
const maxConversations = 64 << 20

// processed is the JSON file.
type processed struct {
	Family        string         `json:"family"`
	Conversations []conversation `json:"conversations"`
}

// conversation is one of them.
type conversation struct {
	Name     string                     `json:"name"`
	Kwargs   map[string]json.RawMessage `json:"kwargs"` // given to transformers' processor
	Messages []message                  `json:"messages"`
	Ask      bool                       `json:"add_generation_prompt"`
	Prompt   string                     `json:"prompt"`   // of the chat template
	Expanded string                     `json:"expanded"` // with what stands for pictures
	IDs      []int64                    `json:"input_ids"`
	Pictures []cutPicture               `json:"pictures"`
}

type message struct {
	Role    string `json:"role"`
	Content []struct {
		Type string `json:"type"` // image or text
		Text string `json:"text"`
	} `json:"content"`
}

// cutPicture is what becomes of a picture. Families that cut into rows and columns have Rows and Cols.
type cutPicture struct {
	Picture       string `json:"picture"` // name of the file without its ending
	Height, Width int    // of the file
	Rows, Cols    *int
	Tiles         int
	ImageTokens   int `json:"image_tokens"`
}

// readConversations reads the JSON file. A family that is not implemented is an error.
func readConversations(path string) (*processed, error) {
	raw, err := infile.Read(path, maxConversations)
	if err != nil {
		return nil, err
	}
	out := new(processed)
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if out.Family == "" || len(out.Conversations) == 0 {
		return nil, fmt.Errorf(`%s: want "family" and "conversations", found no %s`, path, missing(out))
	}
	if _, ok := families.Named(out.Family); !ok {
		return nil, fmt.Errorf("%s: family is %q, which is not implemented: want %s", path, out.Family, families.Known())
	}
	return out, nil
}

func missing(p *processed) string {
	if p.Family == "" {
		return "family"
	}
	return "conversations"
}

// choice reads the keyword arguments.
func (c *conversation) choice() (t families.Tiles, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Kwargs)) {
		raw := c.Kwargs[name]
		switch name {
		case "do_image_splitting":
			if err := json.Unmarshal(raw, &t.Split); err != nil {
				return t, fmt.Errorf("kwargs: %s is %s, want true or false", name, raw)
			}
		case "size":
			var sides map[string]int
			err := json.Unmarshal(raw, &sides)
			if t.Longest = sides["longest_edge"]; err != nil || len(sides) != 1 || t.Longest < 1 {
				return t, fmt.Errorf(`kwargs: size is %s, want {"longest_edge": pixels}`, raw)
			}
		default:
			return t, fmt.Errorf("kwargs: %s is not implemented: want do_image_splitting or size", name)
		}
	}
	return t, nil
}

// messages are those of a conversation with markers for pictures. Where text is cut again at a marker and a line break
// beside it, one more stands there.
func (c *conversation) messages() (out []chat.Message, err error) {
	for i, m := range c.Messages {
		var b strings.Builder
		for k, part := range m.Content {
			switch part.Type {
			case "image":
				if k > 0 && m.Content[k-1].Type == "text" && strings.HasSuffix(m.Content[k-1].Text, "\n") {
					b.WriteByte('\n')
				}
				b.WriteString(chat.ImageMarker)
			case "text":
				if k > 0 && m.Content[k-1].Type == "image" && strings.HasPrefix(part.Text, "\n") {
					b.WriteByte('\n')
				}
				b.WriteString(part.Text)
			default:
				return nil, fmt.Errorf("message %d has a part of type %q, want text or image", i, part.Type)
			}
		}
		out = append(out, chat.Message{Role: m.Role, Content: b.String()})
	}
	return out, nil
}
