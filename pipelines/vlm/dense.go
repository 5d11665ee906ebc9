package vlm

import (
	"errors"
	"fmt"
	"slices"

	"moslava/datasets"
	"moslava/language/chat"
)

// encodeDense makes an example whose targets stand at the image tokens: at each the word of its patch.
func (p *Processor) encodeDense(msgs []chat.Message, images []datasets.Image, opt chat.Options, words []string) (datasets.Example, error) {
	enc, err := p.Template.Prompt(p.Tokenizer, msgs, opt)
	if err != nil {
		return datasets.Example{}, err
	}
	place(images, enc.ImageAt)
	if len(images) != 1 || len(images[0].Tiles) != 1 || images[0].Layout.Features() != len(words) {
		return datasets.Example{}, fmt.Errorf("%d words for the patches of %d pictures", len(words), len(images))
	}
	labels := slices.Repeat([]int32{datasets.IgnoreIndex}, len(enc.IDs))
	for place := range images[0].Places() {
		for k, w := range words[place.From : place.From+place.N] {
			if w == "" {
				continue
			}
			at := place.At + k + 1 // a label stands behind the position that predicts it
			if at >= len(labels) {
				return datasets.Example{}, errors.New("the chat template ends with the picture")
			}
			if labels[at], err = p.word(w); err != nil {
				return datasets.Example{}, err
			}
		}
	}
	return datasets.Example{IDs: enc.IDs, Labels: labels, Images: images}, nil
}

// word is the token of a word inside a sentence, or at its start.
func (p *Processor) word(w string) (int32, error) {
	for _, text := range []string{" " + w, w} {
		ids, err := p.Tokenizer.Encode(text, false)
		if err != nil {
			return 0, err
		}
		if len(ids) == 1 {
			return ids[0], nil
		}
	}
	return 0, fmt.Errorf("%q is not one token", w)
}
