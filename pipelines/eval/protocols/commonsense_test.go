package protocols

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"moslava/pipelines/eval/suites"
)

// TestExtractCommonsense compares with the upstream function's answers.
func TestExtractCommonsense(t *testing.T) {
	raw, err := os.ReadFile("testdata/commonsense_extract.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ Dataset, In, Out string }
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 20 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		if got, err := ExtractCommonsense(r.Dataset, r.In); err != nil || got != r.Out {
			t.Errorf("%s: %q gives %q, %v, upstream has %q", r.Dataset, r.In, got, err, r.Out)
		}
	}
	if got, _ := ExtractCommonsense("ARC-Easy", "answer10"); got != "answer1" {
		t.Errorf("answer10 gives %q", got)
	}
	if _, err := ExtractCommonsense("arc", ""); err == nil || !strings.Contains(err.Error(), `found set "arc", expected one of boolq, piqa`) {
		t.Errorf("error %v", err)
	}
}

// The prompt for evaluation, to the byte.
func TestPromptCommonsense(t *testing.T) {
	want := "Below is an instruction that describes a task. Write a response that appropriately completes the request. \n\n                ### Instruction:\n                Is it?\n\n                ### Response:\n                "
	if got := promptCommonsense(suites.Item{Question: "Is it?"}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
