package datacheck

import (
	"fmt"

	"moslava/datasets"
)

// number is a count with its noun.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shows says how many rows have the pictures of a suite.
func shows(rows int) string {
	if rows == 1 {
		return "1 row shows"
	}
	return fmt.Sprintf("%d rows show", rows)
}

// say puts a finding of a stage in words.
func (p *pass) say(f Finding) string {
	stops := f.Level == Fault
	policy := func(name, else_ string) string {
		if stops {
			return name + " is error, so that a run stops; " + else_
		}
		return name + " is " + p.Policies[name] + ": they are left out"
	}
	switch f.Kind {
	case BadLength:
		return fmt.Sprintf("max_length is %d: a run stops before its first step", p.MaxLength)
	case CannotOpen:
		return "the data cannot be opened: a run stops before its first step"
	case Missing:
		return number(f.Count, "sample") + " with a picture that is not there: " + policy("on_bad", "skip leaves such samples out")
	case Broken:
		return number(f.Count, "picture") + " that cannot be read: " + policy("on_bad", "skip leaves such samples out")
	case Unusable:
		return number(f.Count, "sample") + " that cannot be read or encoded: " + policy("on_bad", "skip leaves such samples out")
	case EmptyAnswer:
		return number(f.Count, "sample") + " with an empty answer that is learnt: " + policy("on_empty", "skip leaves them out, learn takes them")
	case TooLong:
		what := fmt.Sprintf("%s of more than %d tokens: ", number(f.Count, "sample"), p.MaxLength)
		if on := p.Policies["on_long"]; on != datasets.OnDrop && !stops {
			return what + fmt.Sprintf("on_long is %s: %s made of them", on, number(p.cut, "sequence"))
		}
		return what + policy("on_long", "drop leaves them out, split cuts them between exchanges, truncate cuts their end off")
	case NoTargets:
		return number(f.Count, "sample") + " without a supervised token: " + policy("on_no_targets", "skip leaves them out")
	case LeftOut:
		return number(f.Count, "piece") + " of samples that were split left out"
	case NoneUsed:
		return fmt.Sprintf("none of %s to train on can be used: a run stops", number(f.Count, "row"))
	case NoneUsedHeld:
		return fmt.Sprintf("none of %s held out can be used: a run stops at its first validation", number(f.Count, "row"))
	case SameID:
		return number(f.Count, "row") + " with the id of another"
	case SamePicture:
		return number(f.Count, "row") + " with the picture of another (the same pixels as the model gets them)"
	case SameSample:
		return number(f.Count, "row") + " word for word, and picture for picture, as another"
	case PictureHeld:
		return fmt.Sprintf("%d of %d held-out rows show a picture of the training share: the validation loss is too good", f.Count, p.Held)
	case SampleHeld:
		return fmt.Sprintf("%d of %d held-out rows are also in the training share: the validation loss is too good", f.Count, p.Held)
	case AnswersAsContext:
		return number(f.Count, "answer") + " read and not learnt, as weights or the chat template say"
	}
	return f.Kind
}
