package recipe

import (
	"strings"
	"testing"
)

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"mine":                    "mine",
		"Моя модель 2":            "Моя модель 2",
		"我的模型":                    "我的模型",
		"हिन्दी":                  "हिन्दी",
		"e\u0301tude":             "\u00e9tude",
		"my run v1.5_final-2":     "my run v1.5_final-2",
		"console":                 "console",
		strings.Repeat("é", 100):  strings.Repeat("é", 100),
		"":                        "!is empty",
		".hidden":                 "!begins with '.'",
		" x":                      "!begins with ' '",
		"\u0301x":                 "!begins with",
		"x ":                      "!ends with ' '",
		"x.":                      "!ends with '.'",
		"a  b":                    "!two spaces",
		"a/b":                     "!the character '/' (U+002F)",
		`a\b`:                     "!the character",
		"a\tb":                    `!the character '\t'`,
		"a\x1b[31m":               `!the character '\x1b'`,
		"a\u202eb":                "!the character",
		"a\u200bb":                "!the character",
		"a\u00a0b":                "!the character",
		"a~1":                     "!the character '~'",
		"\xff":                    "!is not UTF-8",
		"CON":                     "!a device's name",
		"nul.txt":                 "!a device's name",
		"Lpt1":                    "!a device's name",
		strings.Repeat("x", 101):  "!101 characters in 101 bytes",
		strings.Repeat("語", 67):   "!67 characters in 201 bytes",
		"a: b":                    "!the character ':'",
		"..":                      "!begins with '.'",
		strings.Repeat("x", 1000): "!1000 characters",
	} {
		got, err := CleanName(name)
		text, bad := strings.CutPrefix(want, "!")
		if bad && (err == nil || !strings.Contains(err.Error(), text)) || !bad && (err != nil || got != want) {
			t.Errorf("%q: %q, %v; want %q", name, got, err, want)
		}
	}
	r, err := words.Parse("r.yaml", []byte("name: Моя модель\nmodel: {from: m}\nstages: [{kind: evaluate, suites: {tsv: q.tsv, name: Вопросы 1}}]\n"))
	if err != nil || r.RunDir != "runs/Моя модель" || r.Stages[0].Evaluate.Suites[0].Name != "Вопросы 1" {
		t.Errorf("%+v, %v", r, err)
	}
}
