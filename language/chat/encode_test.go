package chat

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"moslava/language/tokenizer"
)

const (
	chatMLSource = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
	smolLM2      = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
	llama3       = "{% for message in messages %}{% set content = '<|im_start|>' + message['role'] + '\n\n'+ message['content'] | trim + '<|im_end|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{{ '<|im_start|>assistant\n\n' }}"
	llama2       = "{% for message in messages %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + message['content'].strip() + ' [/INST]' }}{% else %}{{ ' ' + message['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
	llavaHF      = "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% if message['role'] == 'assistant' %}{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% else %}{{ content['text'] + ' '}}{% endif %}{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)

func loadTokenizer(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Load(filepath.Join("..", "tokenizer", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// byteTokenizer has <|endoftext|>, <|im_start|>, <|im_end|>, <image> and puts nothing first; spmTokenizer has <s>, </s>,
// <image> and puts <s> first.
func byteTokenizer(t testing.TB) *tokenizer.Tokenizer { return loadTokenizer(t, "bytelevel.json") }
func spmTokenizer(t testing.TB) *tokenizer.Tokenizer  { return loadTokenizer(t, "spm_prepend.json") }

func named(t testing.TB, name string) *Template {
	t.Helper()
	tmpl, err := Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func parsed(t testing.TB, source string, vars map[string]string) *Template {
	t.Helper()
	tmpl, err := Parse(source, vars)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// transcript is the decoded text of e with ‹…› around what is supervised.
func transcript(tok *tokenizer.Tokenizer, e Encoded) string {
	var sb strings.Builder
	for start := 0; start < len(e.IDs); {
		end := start
		target := e.Labels[start] != IgnoreIndex
		for end < len(e.IDs) && (e.Labels[end] != IgnoreIndex) == target {
			end++
		}
		text := ""
		for _, id := range e.IDs[start:end] {
			text += tok.Token(id)
		}
		if target {
			text = "‹" + text + "›"
		}
		sb.WriteString(text)
		start = end
	}
	return strings.NewReplacer("Ġ", " ", "Ċ", "\n", "▁", " ", "<0x0A>", "\n").Replace(sb.String())
}

func TestTranscripts(t *testing.T) {
	bl, spm := byteTokenizer(t), spmTokenizer(t)
	messages := []Message{{"user", "<image>\nWhat?"}, {"assistant", "A cat."}, {"user", "Sure?"}, {"assistant", "Yes."}}
	ends := map[string]string{"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
	for _, c := range []struct {
		name string
		tmpl *Template
		tok  *tokenizer.Tokenizer
		in   []Message
		want string
	}{
		{"chatml", named(t, "chatml"), bl, messages, "<|im_start|>user\n<image><image>\nWhat?<|im_end|>\n<|im_start|>assistant\n‹A cat.<|im_end|>›\n<|im_start|>user\nSure?<|im_end|>\n<|im_start|>assistant\n‹Yes.<|im_end|>›\n"},
		{"plain", named(t, "plain"), bl, messages[:2], "<image><image>‹A cat.\n›"},
		{"vicuna", named(t, "vicuna_v1"), spm, append([]Message{{"system", "Hi."}}, messages...), "<s> Hi. USER: <image><image> \nWhat? ASSISTANT:‹ A cat.</s>› USER: Sure? ASSISTANT:‹ Yes.</s>›"},
		{"prompt drawn in any case", parsed(t, llama3, ends), bl, messages, "<|endoftext|><|im_start|>user\n\n<image><image>\nWhat?<|im_end|><|im_start|>assistant\n\n‹A cat.<|im_end|>›<|im_start|>user\n\nSure?<|im_end|><|im_start|>assistant\n\n‹Yes.<|im_end|>›<|im_start|>assistant\n\n"},
		{"no prompt, bos by the template", parsed(t, llama2, tokens), spm, messages, "<s> [INST] <image><image> \nWhat? [/INST]‹ A cat. </s>›<s> [INST] Sure? [/INST]‹ Yes. </s>›"},
		{"no end of turn", parsed(t, llavaHF, tokens), spm, messages, "<s> USER: <image><image> \nWhat? ASSISTANT:‹ A cat.</s>›  USER: Sure? ASSISTANT:‹ Yes.</s>›  "},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := c.tmpl.Encode(c.tok, c.in, Options{ImageToken: "<image>", Images: images(c.tok, "<image>", 2)})
			if err != nil {
				t.Fatal(err)
			}
			if got := transcript(c.tok, e); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
			if len(e.ImageAt) != 1 || c.tok.Token(e.IDs[e.ImageAt[0]]) != "<image>" || c.tok.Token(e.IDs[e.ImageAt[0]+1]) != "<image>" {
				t.Errorf("the image is at %v", e.ImageAt)
			}
		})
	}
}

// The ids and labels of a PyTorch training script, by the built-in and by the Jinja template.
func TestChatMLEqualsPeer(t *testing.T) {
	tok := byteTokenizer(t)
	type row struct {
		Conversations []struct{ From, Value string }
		IDs, Labels   []int32
	}
	for _, tmpl := range []*Template{named(t, "chatml"), parsed(t, chatMLSource, nil)} {
		for i, r := range readJSON[[]row](t, "chatml_ids.json") {
			var in []Message
			opt := Options{ImageToken: "<image>"}
			for _, m := range r.Conversations {
				in = append(in, Message{map[string]string{"human": "user", "gpt": "assistant"}[m.From], m.Value})
				for range strings.Count(m.Value, ImageMarker) {
					opt.Images = append(opt.Images, images(tok, "<image>", 3)...)
				}
			}
			e, err := tmpl.Encode(tok, in, opt)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(e.IDs, r.IDs) || !slices.Equal(e.Labels, r.Labels) {
				t.Errorf("%s, row %d:\n got %v\n     %v\nwant %v\n     %v", tmpl.name, i, e.IDs, e.Labels, r.IDs, r.Labels)
			}
		}
	}
}

// The properties that training and inference rest on, over random conversations.
func TestProperties(t *testing.T) {
	bl, spm := byteTokenizer(t), spmTokenizer(t)
	ends := map[string]string{"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
	words := []string{"the", " cat", "\n", "  ", "é", "日本", "12", "<", "?", " sat on the mat", "'s", "🙂", "USER:", "\t", "A."}
	rng := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var sb strings.Builder
		for range rng.IntN(6) {
			sb.WriteString(words[rng.IntN(len(words))])
		}
		return sb.String()
	}
	for name, c := range map[string]struct {
		tmpl   *Template
		tok    *tokenizer.Tokenizer
		system bool
	}{
		"chatml":  {named(t, "chatml"), bl, true},
		"vicuna":  {named(t, "vicuna_v1"), spm, true},
		"jinja":   {parsed(t, chatMLSource, nil), bl, true},
		"smollm2": {parsed(t, smolLM2, nil), bl, true},
		"llama3":  {parsed(t, llama3, ends), bl, true},
		"llama2":  {parsed(t, llama2, tokens), spm, false},
		"llavaHF": {parsed(t, llavaHF, tokens), spm, false},
	} {
		t.Run(name, func(t *testing.T) {
			for range 60 {
				var in []Message
				if c.system && rng.IntN(2) == 0 {
					in = append(in, Message{"system", text()})
				}
				for range 1 + rng.IntN(3) {
					question := text()
					if rng.IntN(2) == 0 {
						question = ImageMarker + "\n" + question
					}
					in = append(in, Message{"user", question}, Message{"assistant", "So " + text() + "."})
				}
				checkConversation(t, c.tmpl, c.tok, in, rng)
			}
		})
	}
}

// images are the ids of pictures of so many tokens.
func images(tok *tokenizer.Tokenizer, token string, counts ...int) (out [][]int32) {
	id, _ := tok.ID(token)
	for _, n := range counts {
		out = append(out, slices.Repeat([]int32{id}, n))
	}
	return out
}

func checkConversation(t *testing.T, tmpl *Template, tok *tokenizer.Tokenizer, in []Message, rng *rand.Rand) {
	t.Helper()
	opt := Options{ImageToken: "<image>"}
	seen := make([]int, len(in)+1) // images before each message
	for i, m := range in {
		seen[i+1] = seen[i] + strings.Count(m.Content, ImageMarker)
		for len(opt.Images) < seen[i+1] { // features between words
			ids := images(tok, "<image>", 1+rng.IntN(5))[0]
			if end, ok := tmpl.EndOfTurn(tok); ok && rng.IntN(2) == 0 {
				ids = slices.Concat([]int32{end}, ids, []int32{end, end}, ids)
			}
			opt.Images = append(opt.Images, ids)
		}
	}
	e, err := tmpl.Encode(tok, in, opt)
	if err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	if len(e.Labels) != len(e.IDs) {
		t.Fatalf("%d ids, %d labels", len(e.IDs), len(e.Labels))
	}
	for i, l := range e.Labels {
		if l != IgnoreIndex && l != e.IDs[i] {
			t.Fatalf("label %d at %d is not the id %d", l, i, e.IDs[i])
		}
	}
	for i, at := range e.ImageAt {
		for k, id := range opt.Images[i] {
			if e.IDs[at+k] != id || e.Labels[at+k] != IgnoreIndex {
				t.Fatalf("image %d at %d: id %d, label %d at its id %d, which is %d", i, at, e.IDs[at+k], e.Labels[at+k], k, id)
			}
		}
	}
	turns := 0
	for i, m := range in {
		if m.Role != "assistant" {
			continue
		}
		p, err := tmpl.Prompt(tok, in[:i], Options{ImageToken: "<image>", Images: opt.Images[:seen[i]]})
		if err != nil {
			t.Fatal(err)
		}
		n := len(p.IDs)
		if n >= len(e.IDs) || !slices.Equal(p.IDs, e.IDs[:n]) || !slices.Equal(p.ImageAt, e.ImageAt[:seen[i]]) || p.Labels != nil {
			t.Fatalf("%q: the prompt of turn %d is not the beginning of the whole\n%v\n%v", in, i, p.IDs, e.IDs)
		}
		if e.Labels[n-1] != IgnoreIndex || e.Labels[n] == IgnoreIndex {
			t.Fatalf("%q: the answer of turn %d does not start at %d", in, i, n)
		}
		if turns++; turns == 1 {
			checkFirstPrompt(t, tmpl, tok, in[:i], p, opt.Images[:seen[i]])
		}
	}
}

// The prompt before the first answer is the rendered text, tokenised as a whole.
func checkFirstPrompt(t *testing.T, tmpl *Template, tok *tokenizer.Tokenizer, in []Message, p Encoded, images [][]int32) {
	t.Helper()
	text, err := tmpl.Render(in, true)
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.Split(text, ImageMarker)
	text = rest[0]
	for i, ids := range images {
		for _, id := range ids {
			text += tok.Token(id)
		}
		text += rest[i+1]
	}
	prefix, _ := tok.Affixes()
	begins := len(prefix) > 0 && strings.HasPrefix(text, tok.Token(prefix[0]))
	want, err := tok.Encode(text, !begins)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.IDs, want) {
		t.Fatalf("%q:\n got %v\nwant %v", text, p.IDs, want)
	}
}

// With one token an image, a whole LLaVA conversation is what tokenising its text gives.
func TestVicunaEqualsWholeText(t *testing.T) {
	tok := spmTokenizer(t)
	in := []Message{{"user", "<image>\nWhat is  this?"}, {"assistant", "A cat."}, {"user", "Sure?"}, {"assistant", "Yes, a cat"}}
	tmpl := named(t, "vicuna_v1")
	e, err := tmpl.Encode(tok, in, Options{ImageToken: "<image>", Images: images(tok, "<image>", 1)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := tmpl.Render(in, false)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := tok.Encode(text, true); !slices.Equal(e.IDs, want) {
		t.Errorf("\n got %v\nwant %v", e.IDs, want)
	}
}

func TestEndOfTurn(t *testing.T) {
	bl, spm := byteTokenizer(t), spmTokenizer(t)
	for _, c := range []struct {
		tmpl *Template
		tok  *tokenizer.Tokenizer
		want string
	}{
		{named(t, "chatml"), bl, "<|im_end|>"}, {named(t, "vicuna_v1"), spm, "</s>"}, {parsed(t, smolLM2, nil), bl, "<|im_end|>"},
		{parsed(t, llavaHF, tokens), spm, "</s>"}, {named(t, "plain"), bl, ""}, {named(t, "chatml"), spm, ""},
	} {
		id, ok := c.tmpl.EndOfTurn(c.tok)
		if ok != (c.want != "") || ok && c.tok.Token(id) != c.want {
			t.Errorf("%s: %q %v, want %q", c.tmpl.name, c.tok.Token(id), ok, c.want)
		}
	}
}

// A template with a placeholder of its own for images: the placeholder is the image token.
func TestImagePlaceholderOfTheTemplate(t *testing.T) {
	tok := byteTokenizer(t)
	pad, err := tok.AddSpecial("<|image_pad|>")
	if err != nil {
		t.Fatal(err)
	}
	source := "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}{% if c.type == 'image' %}<|image_pad|>{% else %}{{ c.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
	tmpl := parsed(t, source, nil)
	in := []Message{{"user", "<image>\nand <image>"}, {"assistant", "ok"}}
	e, err := tmpl.Encode(tok, in, Options{ImageToken: "<|image_pad|>", Images: images(tok, "<|image_pad|>", 2, 3)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.DeleteFunc(slices.Clone(e.IDs), func(id int32) bool { return id != pad })); n != 5 || len(e.ImageAt) != 2 {
		t.Errorf("%d image tokens at %v, want 5 of 2 images", n, e.ImageAt)
	}
	if _, err := tmpl.Encode(tok, in, Options{ImageToken: "<image>", Images: images(tok, "<image>", 2, 3)}); err == nil || !strings.Contains(err.Error(), "renders 0 image markers") {
		t.Errorf("error %v", err)
	}
}

func TestEncodeErrors(t *testing.T) {
	bl, spm := byteTokenizer(t), spmTokenizer(t)
	chatml := named(t, "chatml")
	jinja := func(source string) *Template {
		return parsed(t, source, map[string]string{"eos_token": "<|endoftext|>"})
	}
	ask, answer := Message{"user", "a"}, Message{"assistant", "b"}
	four := []Message{ask, answer, {"user", "c"}, {"assistant", "d"}}
	body := "{{ m.role }}:{{ m.content }}<|im_end|>"
	for _, c := range []struct {
		name string
		tmpl *Template
		tok  *tokenizer.Tokenizer
		in   []Message
		opt  Options
		want string
	}{
		{"empty", chatml, bl, nil, Options{}, "no messages"},
		{"fewer images", chatml, bl, []Message{{"user", "<image>"}, answer}, Options{}, "1 image markers in the messages, 0 images"},
		{"more images", chatml, bl, []Message{ask, answer}, Options{ImageToken: "<image>", Images: [][]int32{{1, 1}}}, "0 image markers in the messages, 1 images"},
		{"image of no tokens", chatml, bl, []Message{{"user", "<image>"}, answer}, Options{ImageToken: "<image>", Images: [][]int32{{}}}, "image 0 has no ids"},
		{"image by the assistant", chatml, bl, []Message{ask, {"assistant", "<image>"}}, Options{ImageToken: "<image>", Images: [][]int32{{1, 1}}}, `message 1 (role "assistant"): <image> in`},
		{"image token unknown", chatml, bl, []Message{{"user", "<image>"}, answer}, Options{ImageToken: "<img>", Images: [][]int32{{1, 1}}}, `image token "<img>" is not an added token`},
		{"image token a word", chatml, bl, []Message{{"user", "<image>"}, answer}, Options{ImageToken: "Ġthe", Images: [][]int32{{1, 1}}}, `"Ġthe" is not an added token`},
		{"image token in text", chatml, bl, []Message{{"user", "<img>"}, answer}, Options{ImageToken: "<img>"}, `contains the image token "<img>"`},
		{"marks unknown", chatml, spm, []Message{ask, answer}, Options{}, `"<|im_start|>" is not an added token`},
		{"earlier turns dropped", jinja("{% for m in messages[-2:] %}" + body + "{% endfor %}"), bl, four, Options{}, "message 1 (role"},
		{"earlier turns altered", jinja("{% for m in messages %}{{ m.role }}:{{ m.content }}{% if loop.last %}!{% endif %}<|im_end|>{% endfor %}"), bl, four, Options{}, "message 1 (role"},
		{"content altered", jinja("{% for m in messages %}{{ m.role }}:{{ m.content | upper }}<|im_end|>{% endfor %}"), bl, four, Options{}, "does not render its content"},
		{"no end", jinja("{% for m in messages %}{{ m.role }}:{{ m.content }} then\n{% endfor %}"), bl, four, Options{}, `it ends in " then`},
		{"no end, no eos", parsed(t, llavaHF, nil), spm, four, Options{}, "no token, and the eos token"},
		{"assistant first", jinja("{% for m in messages %}" + body + "{% endfor %}"), bl, four[1:], Options{}, "message 0"},
		{"refused by the template", jinja("{{ raise_exception('only one question') }}"), bl, four, Options{}, "only one question"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.tmpl.Encode(c.tok, c.in, c.opt)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant %s", err, c.want)
			}
		})
	}
	for _, tmpl := range []*Template{chatml, parsed(t, smolLM2, nil)} {
		if _, err := tmpl.Encode(bl, []Message{ask}, Options{}); !errors.Is(err, ErrNoTargets) {
			t.Errorf("error %v, want ErrNoTargets", err)
		}
		if _, err := tmpl.Prompt(bl, []Message{ask, answer}, Options{}); err == nil || !strings.Contains(err.Error(), "message 1") {
			t.Errorf("error %v", err)
		}
	}
}

// There is nothing that a model could go on from.
func TestPromptWithoutTokens(t *testing.T) {
	for _, source := range []string{"", "{# nothing #}", "{{ messages[0].content * 0 }}"} {
		_, err := parsed(t, source, nil).Prompt(byteTokenizer(t), []Message{{"user", "a"}}, Options{})
		if err == nil || !strings.Contains(err.Error(), "the prompt has no tokens") {
			t.Errorf("%q: error %v", source, err)
		}
	}
}

// A tokenizer that cannot spell a character says so through Encode.
func TestEncodePassesTokenizerErrors(t *testing.T) {
	b := `{"added_tokens":[{"id":1,"content":"<|im_start|>"},{"id":2,"content":"<|im_end|>"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`
	tok, err := tokenizer.Parse([]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	_, err = named(t, "chatml").Encode(tok, []Message{{"user", "a"}, {"assistant", "b"}}, Options{})
	if err == nil || !strings.Contains(err.Error(), "has no token") {
		t.Errorf("error %v", err)
	}
}

func FuzzEncode(f *testing.F) {
	tok := byteTokenizer(f)
	templates := []*Template{named(f, "chatml"), parsed(f, smolLM2, nil)}
	f.Add("<image>\nWhat?", "A cat.")
	f.Add(" \n<|im_end|>", "<|im_start|>assistant\n")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, question, answer string) {
		in := []Message{{"user", question}, {"assistant", answer}}
		opt := Options{ImageToken: "<image>", Images: slices.Repeat(images(tok, "<image>", 2), strings.Count(question, ImageMarker))}
		for _, tmpl := range templates {
			e, err := tmpl.Encode(tok, in, opt)
			if err != nil {
				if strings.Contains(answer, ImageMarker) {
					continue
				}
				t.Fatal(err)
			}
			p, err := tmpl.Prompt(tok, in[:1], opt)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(p.IDs); !slices.Equal(p.IDs, e.IDs[:n]) || e.Labels[n] == IgnoreIndex {
				t.Fatal(fmt.Sprint("the prompt is not the beginning of the whole: ", p.IDs, e.IDs))
			}
		}
	})
}
