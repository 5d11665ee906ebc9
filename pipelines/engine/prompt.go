package engine

import (
	"errors"
	"fmt"

	"moslava/datasets"
	"moslava/internal/autograd"
)

// prompt is what a request's decoder reads first.
type prompt struct {
	ids      []int32
	keys     []int64 // tell positions apart: by id, and features by picture
	pictures []placed
}

// placed is a picture in a prompt.
type placed struct {
	*picture
	rows []int32 // the position of each feature
}

// prompt reads a request's pictures and messages.
func (e *Engine) prompt(r Request) (*prompt, error) {
	p := new(prompt)
	var err error
	if len(r.Messages) == 0 {
		if len(r.Pictures) > 0 {
			return nil, errors.New("a raw prompt has no place for a picture")
		}
		p.ids, err = e.Processor.Tokenizer.Encode(r.Raw, true)
	} else {
		p.ids, err = e.conversation(r, p)
	}
	if err != nil {
		return nil, err
	}
	if len(p.ids) == 0 {
		return nil, errors.New("the prompt is empty")
	}
	p.keys = make([]int64, len(p.ids))
	for i, id := range p.ids {
		p.keys[i] = int64(id)
	}
	for _, at := range p.pictures {
		for _, row := range at.rows {
			p.keys[row] = -at.number
		}
	}
	return p, nil
}

// conversation makes the ids of messages and finds where pictures stand in them.
func (e *Engine) conversation(r Request, p *prompt) ([]int32, error) {
	images := make([]datasets.Image, len(r.Pictures))
	read := map[string]*picture{} // the same picture twice in one request is not in the cache yet
	for i, encoded := range r.Pictures {
		pic := read[string(encoded)]
		if pic == nil {
			var err error
			if pic, err = e.picture(encoded); err != nil {
				if len(r.Pictures) > 1 {
					err = fmt.Errorf("picture %d: %w", i+1, err)
				}
				return nil, err
			}
			read[string(encoded)] = pic
		}
		p.pictures = append(p.pictures, placed{picture: pic})
		images[i] = pic.image
	}
	ids, err := e.Processor.PromptIDs(r.Messages, images)
	if err != nil {
		return nil, err
	}
	for i, im := range images {
		if p.pictures[i].rows, err = e.Model.Rows(ids, im); err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
	}
	return ids, nil
}

// embed makes the embeddings of the positions from on, with pictures' features in their places.
func (e *Engine) embed(p *prompt, from int) *autograd.Var {
	x := e.Model.Language.Embed.Forward(nil, p.ids[from:])
	d := x.Cols()
	for _, at := range p.pictures {
		for f, row := range at.rows {
			if i := int(row) - from; i >= 0 {
				copy(x.Floats()[i*d:(i+1)*d], at.features[f*d:])
			}
		}
	}
	return x
}
