package predictions

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

const annotations = `{"dataset_name":"textvqa","data":[
	{"question_id":34602,"image_id":"003a8ae2ef43b901","question":"What is the brand of this camera?","answers":["nous les gosses","dakota","clos culombu","dakota digital","dakota","dakota","dakota digital","dakota digital","dakota","dakota"]},
	{"question_id":34603,"image_id":"003a8ae2ef43b901","question":"What colour is it?","answers":["red","red","red","blue","red","red","red","red","red","red"]},
	{"question_id":34604,"image_id":"0054910309765423","question":"What does it say?","answers":["stop","stop","stop","stop","stop","stop","stop","stop","stop","stop"]}]}`

const instruction = "\nAnswer the question using a single word or phrase."

// line is one of LLaVA's answers.
func line(t *testing.T, picture, prompt, text string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"question_id": picture, "prompt": prompt, "text": text, "answer_id": "x", "model_id": "m", "metadata": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// The answers of LLaVA's scripts to TextVQA go by picture and question. eval_textvqa.py prints 43.33 % for these.
func TestLLaVATextVQA(t *testing.T) {
	suite := write(t, "TextVQA_0.5.1_val.json", annotations)
	answers := line(t, "003a8ae2ef43b901", "what is the brand of this camera?\nReference OCR token: A, B"+instruction, "clos culombu") +
		line(t, "003a8ae2ef43b901", "OCR tokens: x. Question: What colour is it? Short answer:", "Red.") +
		line(t, "0054910309765423", "Reference OCR token: STOP\nWhat does it say?"+instruction, "go")
	s := scored(t, Options{Suite: suite, Protocol: "llava-1.5", Predictions: write(t, "llava.jsonl", answers)})
	if v, ok := s.Result.Sheet.Value("Overall"); !ok || v < 0.4332 || v > 0.4334 {
		t.Errorf("found %+v", s.Result.Sheet)
	}
	for i, id := range []int64{34602, 34603, 34604} {
		if s.Lines[i].ID != id {
			t.Errorf("found %+v, expected item %d", s.Lines[i], id)
		}
	}
	table := write(t, "TextVQA_VAL.tsv", "index\tquestion\timage_id\tanswer\n7\tWhat is it?\t0054910309765423\t['cat', 'cat', 'cat', 'cat']\n8\tWhat is it?\tx\t['dog', 'dog', 'dog', 'dog']\n")
	plain := line(t, "x", "What is it?"+instruction, "dog") + line(t, "0054910309765423", "What is it?"+instruction, "cat")
	s = scored(t, Options{Suite: table, Protocol: "llava-1.5", Predictions: write(t, "llava.jsonl", plain)})
	if s.Lines[0].ID != int64(8) || s.Lines[1].ID != int64(7) || s.Result.Overall.Hits != 2 {
		t.Errorf("found %+v", s.Lines)
	}
	without := write(t, "TextVQA_VAL.tsv", "index\tquestion\tanswer\n7\tWhat is it?\t['a']\n")
	twice := write(t, "TextVQA_VAL.tsv", "index\tquestion\timage_id\tanswer\n7\tWhat is it?\tx\t['a']\n8\twhat IS it?\tx\t['a']\n")
	for _, c := range []struct{ suite, answers, want string }{
		{suite, answers + answers, "llava.jsonl:4: found a second answer to item 003a8ae2ef43b901, the first is at"},
		{suite, answers + line(t, "003a8ae2ef43b901", "What colour is it?"+instruction, "red"), "llava.jsonl:4: found a second answer to item"},
		{suite, line(t, "003a8ae2ef43b901", "What is it?"+instruction, "red"), `llava.jsonl:1: found an answer about picture 003a8ae2ef43b901 to the question "What is it?", which suite TextVQA_0.5.1_val does not have`},
		{suite, line(t, "003a8ae2ef43b901", "What is it?", "red"), `llava.jsonl:1: found prompt "What is it?", expected LLaVA's of TextVQA`},
		{suite, line(t, "003a8ae2ef43b901", "OCR tokens: x. Question: what?", "red"), `expected LLaVA's of TextVQA`},
		{without, plain, "llava.jsonl:1: found an answer about picture x, expected a suite that names its questions' pictures"},
		{twice, line(t, "x", "What is it?"+instruction, "a"), `to the question "What is it?", which items 7 and 8 of suite TextVQA_VAL both ask`},
		{write(t, "a.json", `{"data":[{"question":"q"}]}`), plain, "a.json: annotation 1: found no question_id or image_id"},
		{write(t, "a.json", `{"data":3}`), plain, "a.json: data: found no list of TextVQA's annotations"},
	} {
		_, err := Score(context.Background(), Options{Suite: c.suite, Protocol: "llava-1.5", Predictions: write(t, "llava.jsonl", c.answers)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("found %v, expected %q", err, c.want)
		}
	}
}
