package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A row in LLM-Adapters' form is the text that its finetune.py trains on, to the byte.
func TestInstructRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "train.json")
	text := `[{"instruction": "Do {it}.", "input": "", "output": "the correct answer is true", "answer": "true"},
 {"instruction": "Do it.", "input": "now", "output": "x"},
 {"instruction": "Do it."},
 {"instruction": "Do it.", "output": "x", "images": ["a.jpg"]},
 {"instruction": "", "output": "x"}]`
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := OpenWith(path, Options{Format: FormatLLMAdapters})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s, err := src.At(0)
	want := "Below is an instruction that describes a task. Write a response that appropriately completes the request.  \n\n                ### Instruction:\n                Do {it}.\n                \n                ### Response:\n                the correct answer is true"
	if err != nil || s.Text != want || s.Turns != nil {
		t.Errorf("%q, %v, want %q", s.Text, err, want)
	}
	for i, want := range map[int]string{1: `train.json:1: input is the text "now", expected none`, 2: "there is an instruction and no output",
		3: "stands beside", 4: "the instruction is empty"} {
		if _, err := src.At(i); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("row %d: error %v, want one with %q", i, err, want)
		}
	}
	if err := WriteArrow(t.TempDir(), All(Head(src, 1)), WriteOptions{}); err == nil || !strings.Contains(err.Error(), "learnt whole") {
		t.Errorf("error %v", err)
	}
}
