package tokenizer

import "fmt"

// affixes are the special tokens that the post-processor puts around a single sequence.
type affixes struct{ prefix, suffix []int32 }

const supportedPostProcessors = "Sequence, TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel"

func newAffixes(c *component, field string) (affixes, error) {
	if c == nil {
		return affixes{}, nil
	}
	switch c.Type {
	case "Sequence":
		var all affixes
		for i := range c.Processors {
			a, err := newAffixes(&c.Processors[i], fmt.Sprintf("%s.processors[%d]", field, i))
			if err != nil {
				return affixes{}, err
			}
			all.prefix = append(a.prefix, all.prefix...) // later processors wrap earlier ones
			all.suffix = append(all.suffix, a.suffix...)
		}
		return all, nil
	case "TemplateProcessing":
		return templateAffixes(c, field)
	case "RobertaProcessing", "BertProcessing":
		if c.Cls == nil || c.Sep == nil {
			return affixes{}, missing(field, "cls or sep")
		}
		return affixes{[]int32{c.Cls.ID}, []int32{c.Sep.ID}}, nil
	case "ByteLevel": // trims offsets, which this package does not report
		return affixes{}, nil
	}
	return affixes{}, unsupported(field, c.Type, supportedPostProcessors)
}

func templateAffixes(c *component, field string) (affixes, error) {
	var a affixes
	texts := 0
	for i, piece := range c.Single {
		switch {
		case piece.Sequence != nil && piece.Sequence.ID == "A":
			texts++
		case piece.SpecialToken != nil:
			token, ok := c.SpecialTokens[piece.SpecialToken.ID]
			if !ok {
				return a, fmt.Errorf("%s.single[%d]: %q is not among special_tokens", field, i, piece.SpecialToken.ID)
			}
			if texts == 0 {
				a.prefix = append(a.prefix, token.IDs...)
			} else {
				a.suffix = append(a.suffix, token.IDs...)
			}
		default:
			return a, fmt.Errorf("%s.single[%d]: a SpecialToken or the Sequence A expected", field, i)
		}
	}
	if texts != 1 {
		return a, fmt.Errorf("%s.single: the Sequence A occurs %d times, 1 expected", field, texts)
	}
	return a, nil
}

// check makes sure that every id has a token.
func (a affixes) check(known func(int32) bool) error {
	for _, id := range append(append([]int32{}, a.prefix...), a.suffix...) {
		if !known(id) {
			return fmt.Errorf("post_processor: id %d is not in the vocabulary", id)
		}
	}
	return nil
}
