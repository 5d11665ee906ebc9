package tokenizer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tinyModel = `"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}`

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"not JSON", `nope`, "invalid character"},
		{"no model", `{}`, "model is missing"},
		{"model type", `{"model":{"type":"Unigram","vocab":[]}}`, `model: type "Unigram" is not supported (supported: BPE)`},
		{"no vocabulary", `{"model":{"type":"BPE"}}`, "model.vocab is missing"},
		{"dropout", `{"model":{"type":"BPE","dropout":0.1,"vocab":{}}}`, "model.dropout: 0.1 found"},
		{"negative id", `{"model":{"type":"BPE","vocab":{"a":-1}}}`, `token "a" has id -1`},
		{"huge id", `{"model":{"type":"BPE","vocab":{"a":2000000000}}}`, "id 2000000000, 0..16777215 expected"},
		{"shared id", `{"model":{"type":"BPE","vocab":{"a":1,"b":1}}}`, `tokens "a" and "b" share id 1`},
		{"id type", `{"model":{"type":"BPE","vocab":{"a":"x"}}}`, "model.vocab"},
		{"merge of three", `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a a"]}}`, "model.merges[0]"},
		{"merge list of one", `{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`, "two tokens expected"},
		{"merge result", `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}`, `"a" + "a" -> "aa" is not all in the vocabulary`},
		{"normalizer", `{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Precompiled"}]},` + tinyModel + `}`, `normalizer.normalizers[1]: type "Precompiled" is not supported`},
		{"normalizer without type", `{"normalizer":{},` + tinyModel + `}`, "normalizer: type is missing"},
		{"prepend", `{"normalizer":{"type":"Prepend"},` + tinyModel + `}`, "normalizer.prepend is missing"},
		{"replace", `{"normalizer":{"type":"Replace","content":"x"},` + tinyModel + `}`, "normalizer.pattern is missing"},
		{"replace nothing", `{"normalizer":{"type":"Replace","content":"x","pattern":{"String":""}},` + tinyModel + `}`, "empty string"},
		{"pre-tokenizer", `{"pre_tokenizer":{"type":"Whitespace"},` + tinyModel + `}`, `pre_tokenizer: type "Whitespace" is not supported`},
		{"split after bytes", `{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false},{"type":"Digits"}]},` + tinyModel + `}`, "Digits after ByteLevel"},
		{"behaviour", `{"pre_tokenizer":{"type":"Split","behavior":"Sideways","pattern":{"String":"x"}},` + tinyModel + `}`, `behavior: "Sideways"`},
		{"look-ahead", `{"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"a(?=b)"}},` + tinyModel + `}`, "pre_tokenizer: pattern"},
		{"prepend scheme", `{"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"last"},` + tinyModel + `}`, `prepend_scheme: "last"`},
		{"post-processor", `{"post_processor":{"type":"Magic"},` + tinyModel + `}`, `post_processor: type "Magic"`},
		{"template token", `{"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}]},` + tinyModel + `}`, `single[0]: "x" is not among special_tokens`},
		{"template text", `{"post_processor":{"type":"TemplateProcessing","single":[]},` + tinyModel + `}`, "occurs 0 times"},
		{"unknown affix", `{"post_processor":{"type":"BertProcessing","cls":["x",7],"sep":["a",0]},` + tinyModel + `}`, "id 7 is not in the vocabulary"},
		{"affix form", `{"post_processor":{"type":"BertProcessing","cls":["x"]},` + tinyModel + `}`, "[token, id] expected"},
		{"decoder", `{"decoder":{"type":"WordPiece"},` + tinyModel + `}`, `decoder: type "WordPiece"`},
		{"strip", `{"decoder":{"type":"Strip","content":"","start":1},` + tinyModel + `}`, "decoder: content"},
		{"key in other letters", `{"Added_tokens":[],` + tinyModel + `}`, `"Added_tokens" found, "added_tokens" expected`},
		{"added without text", `{"added_tokens":[{"id":7,"content":""}],` + tinyModel + `}`, "added_tokens[0]: content is empty"},
		{"added id of another", `{"added_tokens":[{"id":0,"content":"x"}],` + tinyModel + `}`, `id 0 belongs to "a"`},
		{"added with another id", `{"added_tokens":[{"id":9,"content":"a"}],` + tinyModel + `}`, "id 9 found, 0 expected"},
		{"added twice", `{"added_tokens":[{"id":9,"content":"x"},{"id":8,"content":"x"}],` + tinyModel + `}`, "occurs twice"},
		{"added same id", `{"added_tokens":[{"id":9,"content":"x"},{"id":9,"content":"y"}],` + tinyModel + `}`, `id 9 belongs to "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestEncodeNamesTheCharacter(t *testing.T) {
	tok, err := Parse([]byte(`{` + tinyModel + `}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Encode("abc", false); err == nil || !strings.Contains(err.Error(), `"c" has no token`) {
		t.Errorf("error %v", err)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

func TestCompilePattern(t *testing.T) {
	for _, c := range []struct{ expr, text, want string }{
		{`\s+(?!\S)|\s+`, "a  b \n c  ", "a| | |b| \n| |c|  "},
		{gpt2Pattern, "a  b\n\nc", "a| | b|\n|\n|c"},
		{`[^\r\n\p{L}\p{N}]?\p{L}+|\s*[\r\n]+|\s+(?!\S)|\s+`, "a  b\n\nc", "a| | b|\n\n|c"},
		{`\d|\w+|[\s.]`, "a٣b.\u3000c", "a٣b|.|\u3000|c"},
		{`\D+`, "ab12", "ab|12"},
	} {
		p, err := CompilePattern(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		var got []string
		for _, m := range p.FindMatches(c.text) {
			got = append(got, c.text[m.Offsets[0]:m.Offsets[1]])
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s on %q: %q, want %q", c.expr, c.text, s, c.want)
		}
	}
	for _, expr := range []string{`a*`, `^a`, `a$`, `\ba`, `a(?!b)`, `(?<=a)b`, `\s+(?!\S)`, `[a[b]]`, `[a&&b]`, `[\S]`, `\h`, `a++`, `a\`, `(`, `[a`, `[]a]`, `[^]a]`} {
		if p, err := CompilePattern(expr); err == nil {
			t.Errorf("%s compiled to %v", expr, p.re)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"bytelevel.json", "spm_prepend.json", "clip_like.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{` + tinyModel + `}`))
	f.Add([]byte(`{"added_tokens":[{"id":3,"content":"x","lstrip":true,"rstrip":true,"single_word":true,"normalized":true}],"normalizer":{"type":"Strip","strip_left":true},"pre_tokenizer":{"type":"Metaspace","replacement":"a"},"decoder":{"type":"Metaspace","replacement":"a"},` + tinyModel + `}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := Parse(b)
		if err != nil {
			return
		}
		if ids, err := tok.Encode("ab x 12 <s>\n é", true); err == nil {
			tok.Decode(ids, false)
		}
		if _, err := tok.AddSpecial("<fuzz>"); err != nil {
			return
		}
		out, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(out)
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if back.VocabSize() != tok.VocabSize() {
			t.Fatalf("vocabulary %d, read back %d", tok.VocabSize(), back.VocabSize())
		}
	})
}
