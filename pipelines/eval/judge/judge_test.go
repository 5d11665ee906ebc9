package judge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"moslava/pipelines/eval"
)

// serve answers every request with what reply makes of its prompt.
func serve(t *testing.T, reply func(prompt string) (status int, body string)) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q request
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || len(q.Messages) != 1 || q.Model != "m" || q.Temperature != 0 {
			t.Errorf("found request %+v, %v", q, err)
		}
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("found path %s, authorization %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		status, body := reply(q.Messages[0].Content)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	t.Setenv("JUDGE_TEST_KEY", "secret")
	c, err := New(Config{URL: s.URL + "/v1/", Model: "m", KeyEnv: "JUDGE_TEST_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func say(text string) (int, string) {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return http.StatusOK, `{"choices":[{"message":{"role":"assistant","content":` + string(b) + `}}]}`
}

var items = []eval.Item{
	{ID: 1, Group: 1, Question: "What animal is it", Answer: "C", Choices: []eval.Choice{{Letter: 'A', Text: "fox"}, {Letter: 'B', Text: "dog"}, {Letter: 'C', Text: "cat"}}},
	{ID: 2, Group: 2, Question: "是什么", Answer: "A", Choices: []eval.Choice{{Letter: 'A', Text: "猫"}, {Letter: 'B', Text: "狗"}}},
	{ID: 3, Group: 3, Question: "Which", Answer: "A", Choices: []eval.Choice{{Letter: 'A', Text: "x1"}, {Letter: 'B', Text: "x2"}}},
}

// judged reads answers with a judge behind them.
func judged(t *testing.T, protocol string, j eval.Judge, answers ...string) ([]eval.Verdict, error) {
	t.Helper()
	p, err := eval.ProtocolFor(protocol, eval.MMBench)
	if err != nil {
		t.Fatal(err)
	}
	var vs []eval.Verdict
	for i, a := range answers {
		vs = append(vs, eval.Verdict{ID: items[i].ID, Group: items[i].Group, Raw: a})
	}
	vs, err = eval.Rejudge(p, items, vs)
	if err != nil {
		t.Fatal(err)
	}
	return vs, eval.AskJudge(context.Background(), j, p, items, vs)
}

func TestJudge(t *testing.T) {
	var asked []string
	c := serve(t, func(prompt string) (int, string) {
		asked = append(asked, prompt)
		if strings.Contains(prompt, "问题: 是什么?") {
			return say("Z")
		}
		return say("C")
	})
	vs, err := judged(t, "vlmevalkit-2024.06", c, "a feline", "鸟", "B")
	if err != nil {
		t.Fatal(err)
	}
	if !vs[0].Correct || vs[0].Rule != eval.RuleJudge || vs[1].Extracted != "Z" || vs[1].Correct || vs[2].Rule != eval.RuleLetter {
		t.Errorf("found %+v", vs)
	}
	if len(asked) != 2 || !strings.HasSuffix(asked[0], "Question: What animal is it?\nOptions: There are several options: \nA. fox\nB. dog\nC. cat\n\nAnswer: a feline\nYour output: ") {
		t.Errorf("found prompts %q", asked)
	}
}

func TestJudgeFailureIsAnError(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{500, "out of memory", "item 1: judge: "},
		{401, "no key", "401 Unauthorized: no key"},
		{200, "<html>", "found no JSON reply"},
		{200, `{"choices":[]}`, "without text"},
		{200, `{"choices":[{"message":{"content":"Failed to obtain answer via API"}}]}`, "as the last of 3 replies"},
		{200, `{"choices":[{"message":{"content":"A or B"}}]}`, `found "A or B" as the last of 3 replies, expected one of A, B, C, or Z`},
	} {
		j := serve(t, func(string) (int, string) { return c.status, c.body })
		if _, err := judged(t, "vlmevalkit-2024.06", j, "a feline"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: found %v, expected %q", c.body, err, c.want)
		}
	}
	gone, err := New(Config{URL: "http://127.0.0.1:1/v1", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := judged(t, "vlmevalkit-2024.06", gone, "a feline"); err == nil {
		t.Error("found no error from a judge that is not there")
	}
	if _, err := judged(t, "lmms-eval", gone, "a feline"); err == nil || !strings.Contains(err.Error(), "protocol lmms-eval has none") {
		t.Errorf("found %v, expected an error that names the protocol", err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		in   Config
		want string
	}{
		{Config{URL: "localhost:8000", Model: "m"}, `URL "localhost:8000"`},
		{Config{URL: "https://x/v1"}, "no model"},
		{Config{URL: "https://x/v1", Model: "m", KeyEnv: "JUDGE_TEST_UNSET"}, "JUDGE_TEST_UNSET"},
	} {
		if _, err := New(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: found %v, expected %q", c.in, err, c.want)
		}
	}
}
