package chat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	config := `{"bos_token":{"content":"<bos>","lstrip":false},"eos_token":"<eos>","pad_token":null,"chat_template":"config {{ bos_token }}{{ eos_token }}{{ unk_token }}"}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"jinja first", map[string]string{"chat_template.jinja": "file {{ bos_token }}\n", "chat_template.json": `{"chat_template":"json"}`, "tokenizer_config.json": config}, "file <bos>"},
		{"json next", map[string]string{"chat_template.json": `{"chat_template":"json {{ eos_token }}"}`, "tokenizer_config.json": config}, "json <eos>"},
		{"config", map[string]string{"tokenizer_config.json": config, "special_tokens_map.json": `{"unk_token":{"content":"<unk>"},"eos_token":"<other>"}`}, "config <bos><eos><unk>"},
		{"map alone", map[string]string{"special_tokens_map.json": `{"eos_token":"<eos>"}`, "chat_template.jinja": "{{ eos_token }}"}, "<eos>"},
		{"named", map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]}`}, "d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmpl, err := Load(writeFiles(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tmpl.Render([]Message{{"user", "a"}}, false); err != nil || got != c.want {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, "no chat template"},
		{"null", map[string]string{"tokenizer_config.json": `{"chat_template":null}`}, "no chat template"},
		{"no default", map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"rag","template":"r"}]}`}, `["rag"] is called default`},
		{"number", map[string]string{"tokenizer_config.json": `{"chat_template":7}`}, "tokenizer_config.json: chat_template: a string"},
		{"broken JSON", map[string]string{"tokenizer_config.json": `{`}, "tokenizer_config.json"},
		{"token", map[string]string{"tokenizer_config.json": `{"eos_token":3}`}, "eos_token: 3 found"},
		{"broken template", map[string]string{"chat_template.jinja": "{% if %}"}, "chat_template.jinja"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(writeFiles(t, c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if absent := c.want == "no chat template"; errors.Is(err, fs.ErrNotExist) != absent {
				t.Errorf("errors.Is(%v, fs.ErrNotExist) is %v", err, !absent)
			}
		})
	}
}
