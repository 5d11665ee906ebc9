package protocols

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"moslava/pipelines/eval/suites"
)

// golden reads a file of testdata, packed or not.
func golden[T any](t *testing.T, name string) T {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var v T
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(z).Decode(&v)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := json.NewDecoder(f).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The rows are outputs of can_infer of VLMEvalKit and of lmms-eval.
func TestChoicesMatchUpstream(t *testing.T) {
	sets := golden[map[string]json.RawMessage](t, "mmbench_can_infer.json")
	var rows []map[string]any
	if err := json.Unmarshal(sets["rows"], &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 99 {
		t.Fatalf("found %d rows, expected 99", len(rows))
	}
	for column, extract := range map[string]func(suites.Item, string) Extraction{
		"vlmevalkit_2024_06":        choiceRules{}.inferChoice,
		"vlmevalkit_2026_08":        choiceRules{near: true, verbose: true}.inferChoice,
		"lmms_eval_2026_08":         lmmsChoice,
		"lmms_eval_static_fallback": func(it suites.Item, s string) Extraction { return lmmsFallback(it.Letters(), s) },
	} {
		for _, row := range rows {
			var texts map[string]string
			if err := json.Unmarshal(sets[row["choices"].(string)], &texts); err != nil {
				t.Fatal(err)
			}
			want, _ := row[column].(string) // false: unresolved
			if got := extract(choiceItem(texts), row["text"].(string)); got.Answer != want {
				t.Errorf("%s: %q with %s: found %q by %s, expected %q", column, row["text"], row["choices"], got.Answer, got.Rule, want)
			}
		}
	}
}

func TestYesNoMatchesUpstream(t *testing.T) {
	for column, extract := range map[string]func(suites.Item, string) Extraction{
		"vlmevalkit_YOrN": func(_ suites.Item, s string) Extraction { return inferYesNo(s) },
		"llava_pope_rule": llavaPOPE, "lmms_pope_pred": lmmsPOPE, "lmms_mme": lmmsMME,
	} {
		for _, row := range golden[[]map[string]string](t, "yesno.json") {
			want := map[string]string{"yes": "Yes", "no": "No"}[strings.ToLower(row[column])]
			if got := extract(suites.Item{}, row["in"]); got.Answer != want {
				t.Errorf("%s: %q: found %q, expected %q", column, row["in"], got.Answer, want)
			}
		}
	}
}

func TestNormalisersMatchUpstream(t *testing.T) {
	for column, n := range map[string]normaliser{"vlmevalkit_process_answer": normaliseVQA(true), "evalai_m4c": normaliseM4C} {
		for _, row := range golden[[]map[string]string](t, "vqa_normalise.json") {
			if got := n(row["in"]); got != row[column] {
				t.Errorf("%s: %q: found %q, expected %q", column, row["in"], got, row[column])
			}
		}
	}
	for in, want := range map[string]string{"3.5.": "3.5", "5. place": "5 place"} { // before VLMEvalKit's pattern was changed
		if got := normaliseVQA(false)(in); got != want {
			t.Errorf("%q: found %q, expected %q", in, got, want)
		}
	}
}

func TestVQAScoresMatchUpstream(t *testing.T) {
	for _, row := range golden[[]struct {
		Answers    []string
		Pred       string
		VLMEvalKit float64
		LLaVA      float64 `json:"llava_m4c"`
	}](t, "textvqa_scores.json") {
		for _, c := range []struct {
			n    normaliser
			want float64
		}{{normaliseVQA(false), row.VLMEvalKit}, {normaliseVQA(true), row.VLMEvalKit}, {normaliseM4C, row.LLaVA}} {
			var answers []string
			for _, a := range row.Answers {
				answers = append(answers, c.n(a))
			}
			if got := vqaScore(c.n(row.Pred), answers); got != c.want {
				t.Errorf("%q: found %v, expected %v", row.Pred, got, c.want)
			}
		}
	}
}

func TestScienceQAMatchesLLaVA(t *testing.T) {
	it := choiceItem(map[string]string{"A": "a", "B": "b", "C": "c", "D": "d"})
	for _, row := range golden[[]map[string]string](t, "scienceqa.json") {
		want := row["llava_sqa"]
		if want == "FAILED" {
			want = ""
		}
		if got := llavaScienceQA(it, row["in"]); got.Answer != want {
			t.Errorf("%q: found %q, expected %q", row["in"], got.Answer, want)
		}
	}
}

// The answers are LLaVA-1.5-13B's as MMMU's authors published them; the golden is what their parser makes of them.
func TestMMMUMatchesOfficial(t *testing.T) {
	type output struct {
		ID         string
		Type       string            `json:"question_type"`
		Answer     any               `json:"answer"`
		Texts      map[string]string `json:"index2ans"`
		Response   string
		AllChoices []string `json:"all_choices"`
	}
	type row struct {
		ID      string
		Parsed  *string
		Random  bool `json:"random_fallback"`
		Open    bool
		Correct *bool
	}
	outputs, rows := golden[[]output](t, "mmmu_outputs.json.gz"), golden[[]row](t, "mmmu_official.json.gz")
	if len(outputs) != 900 || len(rows) != 900 {
		t.Fatalf("found %d outputs and %d rows, expected 900", len(outputs), len(rows))
	}
	right, random := 0, 0
	for i, o := range outputs {
		want := rows[i]
		it := choiceItem(o.Texts)
		switch {
		case want.Open:
			it.Form = suites.FreeText
			if list, ok := o.Answer.([]any); ok {
				for _, a := range list {
					it.Answers = append(it.Answers, a.(string))
				}
			} else {
				it.Answers = []string{o.Answer.(string)}
			}
			got := mmmuOpenRight(it.Answers, mmmuOpen(o.Response))
			if got != *want.Correct {
				t.Errorf("%s: found %t, expected %t", o.ID, got, *want.Correct)
			}
			if got {
				right++
			}
		case want.Random:
			random++
			if e := mmmuChoice(it, o.Response); e.Rule != RuleRandom {
				t.Errorf("%s: found %+v, expected none", o.ID, e)
			}
		default:
			e := mmmuChoice(it, o.Response)
			if e.Answer != *want.Parsed || (e.Answer == o.Answer) != *want.Correct {
				t.Errorf("%s: found %+v, expected %s", o.ID, e, *want.Parsed)
			}
			if e.Answer == o.Answer {
				right++
			}
		}
	}
	if right != 329 || random != 2 {
		t.Errorf("found %d right and %d drawn, expected 329 and 2", right, random)
	}
}

// The values are Python's: random.seed(42); [random.choice("ABCD") for _ in range(8)], and so on with three.
func TestDrawsMatchPython(t *testing.T) {
	d := newDraws(42)
	got := ""
	for range 8 {
		got += string("ABCD"[d.choice(4)])
	}
	for range 8 {
		got += string("ABC"[d.choice(3)])
	}
	if want := "AACBBBAACBAAAAAC"; got != want {
		t.Errorf("found %s, expected %s", got, want)
	}
}
