package models

import (
	"os"
	"path/filepath"
	"testing"

	"moslava/language/chat"
	"moslava/pipelines/recipe"
)

// A template in a file of its own sees the special tokens of the model's directory, as the directory's own template does.
func TestTemplateFileSeesSpecialTokens(t *testing.T) {
	vars, err := chat.SpecialTokens("../stages/testdata/tiny/language")
	if err != nil || vars["eos_token"] == "" {
		t.Fatal(vars, err)
	}
	file := filepath.Join(t.TempDir(), "mine.jinja")
	if err := os.WriteFile(file, []byte("{{ messages[0].content }}{{ eos_token }}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []recipe.Model{{Language: "../stages/testdata/tiny/language", ChatTemplate: file}, {From: "../stages/testdata/tiny/language", ChatTemplate: file}} {
		tmpl, err := template(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render([]chat.Message{{Role: "user", Content: "a"}}, false); err != nil || got != "a"+vars["eos_token"] {
			t.Errorf("drawn %q (%v), want %q", got, err, "a"+vars["eos_token"])
		}
	}
}
