package tokenizer

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	sugarme "github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/normalizer"
)

func TestStreamEqualsDecode(t *testing.T) {
	for _, name := range []string{"bytelevel", "spm_prepend", "clip_like"} {
		tok := load(t, name+".json")
		for _, r := range readJSON[[]goldenRow](t, name+".golden.json") {
			s := tok.Stream()
			var sb strings.Builder
			for _, id := range r.IDsSp {
				piece := s.Next(id)
				if strings.HasSuffix(piece, "\ufffd") {
					t.Errorf("%s: %q: half a character came out: %q", name, r.S, piece)
				}
				sb.WriteString(piece)
			}
			sb.WriteString(s.Flush())
			if got := sb.String(); got != r.DecSkip {
				t.Errorf("%s: stream of %q\n got %q\nwant %q", name, r.S, got, r.DecSkip)
			}
		}
	}
}

func TestStreamWaitsForWholeCharacters(t *testing.T) {
	tok := load(t, "bytelevel.json")
	ids, err := tok.Encode("a🫠b", false)
	if err != nil {
		t.Fatal(err)
	}
	var pieces []string
	s := tok.Stream()
	for _, id := range ids {
		pieces = append(pieces, s.Next(id))
	}
	if want := []string{"a", "", "", "🫠", "b"}; !slices.Equal(slices.Compact(slices.Clone(pieces)), slices.Compact(want)) {
		t.Errorf("pieces %q, want %q", pieces, want)
	}
	if s.Next(ids[1]); s.Flush() != "\ufffd" || s.Flush() != "" {
		t.Error("Flush gives U+FFFD for an incomplete character once")
	}
}

// A text cut anywhere between words and encoded in parts has the ids of the whole.
func TestAppendContinuesText(t *testing.T) {
	for _, name := range []string{"bytelevel.json", "spm_prepend.json"} {
		tok := load(t, name)
		text := "USER: <image>\nWhat is  this? ASSISTANT: A cat.</s>USER: Sure? ASSISTANT: Yes.<strip>  Is it?"
		want, err := tok.Encode(text, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []string{" A cat", " this", "<image>", "\nWhat", "</s>", " Sure", " Yes", "  Is"} {
			i := strings.Index(text, cut)
			ids, err := tok.Append(nil, text[:i])
			if err != nil {
				t.Fatal(err)
			}
			if ids, err = tok.Append(ids, text[i:]); err != nil || !slices.Equal(ids, want) {
				t.Errorf("%s cut before %q: %v (%v)\nwant %v", name, cut, ids, err, want)
			}
		}
	}
}

func TestAddSpecial(t *testing.T) {
	for _, name := range []string{"bytelevel.json", "spm_prepend.json", "clip_like.json"} {
		tok := load(t, name)
		before, err := tok.JSON()
		if err != nil || !bytes.Equal(before, tok.source) {
			t.Fatalf("%s: JSON of an unchanged tokenizer differs (%v)", name, err)
		}
		size := tok.VocabSize()
		id, err := tok.AddSpecial("<new & special>")
		if err != nil || int(id) != size || tok.VocabSize() != size+1 {
			t.Fatalf("%s: id %d (%v), vocabulary %d -> %d", name, id, err, size, tok.VocabSize())
		}
		if again, err := tok.AddSpecial("<new & special>"); err != nil || again != id {
			t.Errorf("%s: the second time gave %d (%v), want %d", name, again, err, id)
		}
		ids, _ := tok.Encode("a<new & special>b", false)
		if !slices.Contains(ids, id) || !tok.IsSpecial(id) || tok.Token(id) != "<new & special>" {
			t.Errorf("%s: %v does not contain %d as a special token", name, ids, id)
		}
		after, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(after)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := back.ID("<new & special>"); got != id || !back.IsSpecial(got) || back.VocabSize() != tok.VocabSize() {
			t.Errorf("%s: read back: id %d, vocabulary %d", name, got, back.VocabSize())
		}
		sameExceptAdded(t, before, after)
	}
}

func sameExceptAdded(t *testing.T, a, b []byte) {
	t.Helper()
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || len(x) != len(y) {
		t.Fatal("the fields differ")
	}
	for k := range x {
		if k != "added_tokens" && !bytes.Equal(x[k], y[k]) {
			t.Errorf("field %s changed", k)
		}
	}
}

func TestAddSpecialPromotes(t *testing.T) {
	tok := load(t, "spm_prepend.json")
	word, _ := tok.ID("<word>") // an added token that is not special
	the, _ := tok.ID("▁the")    // a token of the model
	if tok.IsSpecial(word) || !tok.IsAdded(word) || tok.IsAdded(the) {
		t.Fatal("the vocabulary is not as the test expects")
	}
	size := tok.VocabSize()
	for token, want := range map[string]int32{"<word>": word, "▁the": the} {
		if id, err := tok.AddSpecial(token); err != nil || id != want || !tok.IsSpecial(id) {
			t.Errorf("AddSpecial(%q) = %d (%v), want %d", token, id, err, want)
		}
	}
	if tok.VocabSize() != size {
		t.Errorf("the vocabulary grew from %d to %d", size, tok.VocabSize())
	}
	if _, err := tok.AddSpecial(""); err == nil {
		t.Error("the empty token was accepted")
	}
}

func TestJSONWithoutAddedTokens(t *testing.T) {
	for _, field := range []string{``, `"added_tokens":null,`, `"added_tokens" : [ ] ,`} {
		tok, err := Parse([]byte(` {` + field + `"extra":[1,{"added_tokens":7}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`))
		if err != nil {
			t.Fatal(err)
		}
		if id, err := tok.AddSpecial("<s>"); err != nil || id != 1 {
			t.Fatalf("id %d (%v)", id, err)
		}
		b, err := tok.JSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(b)
		if err != nil {
			t.Fatalf("%v in\n%s", err, b)
		}
		if !back.IsSpecial(1) || !bytes.Contains(b, []byte(`"extra":[1,{"added_tokens":7}]`)) {
			t.Errorf("%s", b)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := load(t, "spm_prepend.json")
	rows := readJSON[[]goldenRow](t, "spm_prepend.golden.json")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i, r := range rows {
				if i == 50*w {
					if _, err := tok.AddSpecial("<extra" + string(rune('0'+w)) + ">"); err != nil {
						t.Error(err)
					}
				}
				ids, err := tok.Encode(r.S, true)
				if err != nil || !slices.Equal(ids, r.IDsSp) || tok.Decode(ids, true) != r.DecSkip {
					t.Errorf("%q: %v %v", r.S, ids, err)
				}
			}
		})
	}
	wg.Wait()
	if _, ok := tok.ID("<extra3>"); !ok {
		t.Error("an added token was lost")
	}
}

func TestFindAdded(t *testing.T) {
	tok := load(t, "clip_like.json") // <|startoftext|> is a normalized one
	for text, want := range map[string]string{"ab<|endoftext|>c<|startoftext|>": "<|endoftext|>", "a<|startoftext|><|endoftext|>": "<|startoftext|>", "none": ""} {
		start, end, ok := tok.FindAdded(text)
		if ok != (want != "") || text[start:end] != want {
			t.Errorf("FindAdded(%q) = %q, want %q", text, text[start:end], want)
		}
	}
}

func TestSugarmeInterfaces(t *testing.T) {
	tok := load(t, "spm_prepend.json")
	var model sugarme.Model = tok.Model()
	text := "▁the▁日x\u2603" // a snowman only bytes can spell
	tokens, err := model.Tokenize(text)
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for _, x := range tokens {
		if x.Offsets[0] != end || x.Offsets[1] < end {
			t.Errorf("token %q has offsets %v after %d", x.Value, x.Offsets, end)
		}
		if id, ok := model.TokenToId(x.Value); !ok || id != x.Id {
			t.Errorf("token %q: id %d, want %d", x.Value, id, x.Id)
		}
		if s, ok := model.IdToToken(x.Id); !ok || s != x.Value {
			t.Errorf("id %d: token %q, want %q", x.Id, s, x.Value)
		}
		end = x.Offsets[1]
	}
	if end != len(text) {
		t.Errorf("the tokens end at %d of %d", end, len(text))
	}
	if model.GetVocabSize() != len(model.GetVocab()) {
		t.Error("GetVocabSize differs from GetVocab")
	}
	dir := t.TempDir()
	if err := model.Save(dir, "x"); err != nil {
		t.Fatal(err)
	}
	p, err := CompilePattern(gpt2Pattern)
	if err != nil {
		t.Fatal(err)
	}
	split := &Split{Pattern: p, Behavior: normalizer.IsolatedBehavior}
	pre, err := split.PreTokenize(sugarme.NewPreTokenizedString("don't  stop 12"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range pre.GetSplits(normalizer.OriginalTarget, sugarme.Byte) {
		got = append(got, s.Value)
	}
	if want := []string{"don", "'t", " ", " stop", " 12"}; !slices.Equal(got, want) {
		t.Errorf("PreTokenize: %q, want %q", got, want)
	}
}

func TestInvalidUTF8IsKept(t *testing.T) {
	for _, name := range []string{"bytelevel.json", "spm_prepend.json"} {
		tok := load(t, name)
		ids, err := tok.Encode("a\xff\xe4b", false)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Decode(ids, false); got != "a\ufffd\ufffdb" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzEncode(f *testing.F) {
	bl, spm, clip := load(f, "bytelevel.json"), load(f, "spm_prepend.json"), load(f, "clip_like.json")
	for _, r := range readJSON[[]goldenRow](f, "bytelevel.golden.json") {
		f.Add(r.S)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tok := range []*Tokenizer{bl, spm, clip} {
			ids, err := tok.Encode(s, true)
			if err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			for _, id := range ids {
				if tok.Token(id) == "" {
					t.Fatalf("%q: id %d has no token", s, id)
				}
			}
		}
		ids, _ := bl.Encode(s, false)
		if got := bl.Decode(ids, false); utf8.ValidString(s) && got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		st := bl.Stream()
		var sb strings.Builder
		for _, id := range ids {
			sb.WriteString(st.Next(id))
		}
		if got, want := sb.String()+st.Flush(), bl.Decode(ids, true); got != want {
			t.Fatalf("stream %q, want %q", got, want)
		}
	})
}
