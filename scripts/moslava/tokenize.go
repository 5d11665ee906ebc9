package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"moslava/internal/terminal"
	"moslava/language/tokenizer"
)

// tokenizeCommand is `moslava tokenize`.
func tokenizeCommand() *cobra.Command {
	var from string
	var opt tokenizeOptions
	c := &cobra.Command{
		Use:   "tokenize --tokenizer FILE_OR_DIR",
		Short: "Turn lines of text into lines of ids, or back",
		Long: `Reads lines from standard input and writes one line for each. A line of text, without its line break, becomes ids with
spaces between them; with --decode, ids become text. With --json, a line of text is a JSON string and a line of ids a JSON array, so that
texts may hold line breaks. A character that the vocabulary cannot spell is left out, as transformers does, with a warning. FILE_OR_DIR is a tokenizer.json, a SentencePiece tokenizer.model, or a model directory with one of them.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := tokenizer.Open(from)
			if err != nil {
				return err
			}
			t.LeaveOut(func(err error) { fmt.Fprintf(cmd.ErrOrStderr(), "warning: left out: %v\n", err) })
			return opt.lines(t, cmd.InOrStdin(), terminal.Data(cmd.OutOrStdout()))
		},
	}
	c.Flags().StringVar(&from, "tokenizer", "", "tokenizer.json, tokenizer.model, or a directory that has one")
	c.Flags().BoolVar(&opt.special, "special", false, "add the special tokens that the post-processor puts around a text; with --decode, write special tokens, too")
	c.Flags().BoolVar(&opt.decode, "decode", false, "from ids to text")
	c.Flags().BoolVar(&opt.json, "json", false, "texts are JSON strings, ids JSON arrays")
	if err := c.MarkFlagRequired("tokenizer"); err != nil {
		panic(err) // the flag stands above
	}
	return c
}

type tokenizeOptions struct{ special, decode, json bool }

// lines answers every line of r with one on w. What has been answered is written out before it waits for more.
func (o tokenizeOptions) lines(t *tokenizer.Tokenizer, r io.Reader, w io.Writer) error {
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriterSize(w, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) && line == "" {
			return out.Flush()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), out.Flush())
		}
		answer, err := o.line(t, strings.TrimSuffix(line, "\n"))
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), out.Flush())
		}
		if _, err := out.Write(append(answer, '\n')); err != nil {
			return err
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// maxLine bounds a line in bytes, so that input without line breaks, such as that of a device, does not fill memory.
const maxLine = 64 << 20

// readLine reads a line with its line break; the last one need not have any, and comes with io.EOF.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return "", fmt.Errorf("it has more than %d bytes, at most that expected", maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(line), err
		}
	}
}

func (o tokenizeOptions) line(t *tokenizer.Tokenizer, line string) ([]byte, error) {
	if o.decode {
		ids, err := o.readIDs(line)
		if err != nil {
			return nil, err
		}
		return o.writeText(t.Decode(ids, !o.special))
	}
	text := line
	if o.json {
		if err := json.Unmarshal([]byte(line), &text); err != nil {
			return nil, fmt.Errorf("a JSON string expected: %w", err)
		}
	}
	ids, err := t.Encode(text, o.special)
	if err != nil {
		return nil, err
	}
	return o.writeIDs(ids), nil
}

func (o tokenizeOptions) readIDs(line string) (ids []int32, err error) {
	if o.json {
		if err := json.Unmarshal([]byte(line), &ids); err != nil {
			return nil, fmt.Errorf("a JSON array of ids expected: %w", err)
		}
		return ids, nil
	}
	for _, field := range strings.Fields(line) {
		id, err := strconv.ParseInt(field, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q found, an id expected", field)
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}

func (o tokenizeOptions) writeIDs(ids []int32) []byte {
	between, out := " ", []byte{}
	if o.json {
		between, out = ",", append(out, '[')
	}
	for i, id := range ids {
		if i > 0 {
			out = append(out, between...)
		}
		out = strconv.AppendInt(out, int64(id), 10)
	}
	if o.json {
		out = append(out, ']')
	}
	return out
}

func (o tokenizeOptions) writeText(text string) ([]byte, error) {
	if !o.json {
		return []byte(text), nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(text)
	// U+0085 ends a line for some readers, like U+2028 and U+2029, which the encoder escapes.
	return []byte(strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\u0085", `\u0085`)), err
}
