package datacheck

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"moslava/internal/terminal"
)

// Colours of a terminal (ECMA-48).
const (
	green = "\x1b[32;1m"
	blue  = "\x1b[34m"
	plain = "\x1b[0m"
)

// WriteText shows the report to people. What is supervised stands in brackets; with colour it is green as well, which the
// writer must let through. Text of the data itself can neither colour nor move anything.
func (r *Report) WriteText(out io.Writer, colour bool) error {
	var b strings.Builder
	for _, s := range r.Stages {
		s.text(&b, colour)
	}
	for _, s := range r.Suites {
		fmt.Fprintf(&b, "\nsuite %s (%s): %s, %s\n", line(s.Name), line(s.Stage), number(s.Items, "question"), number(s.Pictures, "picture"))
		writeFindings(&b, s.Findings)
	}
	_, err := io.WriteString(out, strings.TrimPrefix(b.String(), "\n"))
	return err
}

func line(s string) string { return terminal.Line(s) }

// text is a stage.
func (s *Stage) text(b *strings.Builder, colour bool) {
	fmt.Fprintf(b, "\n%s (%s): %s of %s", line(s.Name), s.Kind, number(s.Rows, "row"), line(strings.Join(s.Data, ", ")))
	if s.Held > 0 {
		fmt.Fprintf(b, ", %d of them held out", s.Held)
	}
	fmt.Fprintf(b, "\n  used           %s as %s\n", number(s.Used, "row"), number(s.Sequences, "sequence"))
	fmt.Fprintf(b, "  tokens         %d, supervised %d (%s), of pictures %d (%s)\n", s.Tokens, s.Learnt, s.share(s.Learnt), s.OfImages, s.share(s.OfImages))
	if len(s.Lengths) > 0 {
		fmt.Fprintf(b, "  tokens a row   %s; max_length is %d\n", s.Lengths.line(), s.MaxLength)
		s.Lengths.bars(b)
	}
	if n := s.Sides.Total(); n > 0 {
		fmt.Fprintf(b, "  pictures       %d, %s to %s; tokens a picture: %s\n", n, s.Smallest, s.Largest, s.PerPicture.line())
		fmt.Fprintf(b, "  longest side   %s\n", s.Sides.line())
		s.Sides.bars(b)
	}
	writeFindings(b, s.Findings)
	for _, x := range s.Samples {
		x.text(b, colour)
	}
}

func (s *Stage) share(n int64) string {
	return fmt.Sprintf("%.1f %%", 100*float64(n)/max(1, float64(s.Tokens)))
}

// line is what the numbers come to.
func (c Counts) line() string {
	least, most := c.Quantile(0), c.Quantile(1)
	if least == most {
		return fmt.Sprintf("%d each", least)
	}
	return fmt.Sprintf("%d to %d, median %d, 95 %% up to %d", least, most, c.Quantile(.5), c.Quantile(.95))
}

// widest is how many columns a bar has at most.
const widest = 40

// bars is a histogram.
func (c Counts) bars(b *strings.Builder) {
	bins, top := c.Bins(), 0
	if len(bins) < 2 {
		return
	}
	for _, bin := range bins {
		top = max(top, bin.Count)
	}
	width := len(fmt.Sprint(bins[len(bins)-1].To))
	for _, bin := range bins {
		n := (bin.Count*widest + top - 1) / top
		fmt.Fprintf(b, "    %*d–%-*d %s %d\n", width, bin.From, width, bin.To-1, strings.Repeat("█", n), bin.Count)
	}
}

func writeFindings(b *strings.Builder, list []Finding) {
	for _, f := range list {
		fmt.Fprintf(b, "  %-7s %s\n", f.Level, line(f.What))
		for _, n := range f.Named {
			fmt.Fprintf(b, "            %s\n", line(n))
		}
		if more := f.Count - len(f.Named); more > 0 && len(f.Named) == mostNamed {
			fmt.Fprintf(b, "            %d more\n", more)
		}
	}
}

// longest is how many characters of a stretch are shown.
const longest = 1500

// text is a sample as the model reads it.
func (r *Rendered) text(b *strings.Builder, colour bool) {
	fmt.Fprintf(b, "  %s: %s, %d supervised ⟦so⟧\n    ", line(r.Place), number(r.Tokens, "token"), r.Learnt)
	paint := func(code, text string) {
		if colour {
			text = code + text + plain
		}
		b.WriteString(text)
	}
	for _, s := range r.Spans {
		text := strings.ReplaceAll(terminal.Escape(shorten(s.Text)), "\n", "\n    ")
		switch s.Kind {
		case Picture:
			paint(blue, fmt.Sprintf("[picture: %s]", number(s.Tokens, "token")))
		case Learnt:
			paint(green, "⟦"+text+"⟧")
		default:
			b.WriteString(text)
		}
	}
	b.WriteByte('\n')
}

// shorten leaves out the middle of a long text.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= longest {
		return s
	}
	runes := []rune(s)
	return string(runes[:longest*2/3]) + " […] " + string(runes[len(runes)-longest/3:])
}
