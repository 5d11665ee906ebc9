package judge

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"moslava/pipelines/eval"
	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
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

var items = []suites.Item{
	{ID: 1, Group: 1, Question: "What animal is it", Answer: "C", Choices: []suites.Choice{{Letter: 'A', Text: "fox"}, {Letter: 'B', Text: "dog"}, {Letter: 'C', Text: "cat"}}},
	{ID: 2, Group: 2, Question: "是什么", Answer: "A", Choices: []suites.Choice{{Letter: 'A', Text: "猫"}, {Letter: 'B', Text: "狗"}}},
	{ID: 3, Group: 3, Question: "Which", Answer: "A", Choices: []suites.Choice{{Letter: 'A', Text: "x1"}, {Letter: 'B', Text: "x2"}}},
}

// judged reads answers with a judge behind them.
func judged(t *testing.T, protocol string, j eval.Judge, answers ...string) ([]protocols.Verdict, error) {
	t.Helper()
	p, err := protocols.For(protocol, suites.MMBench)
	if err != nil {
		t.Fatal(err)
	}
	var vs []protocols.Verdict
	for i, a := range answers {
		vs = append(vs, protocols.Verdict{ID: items[i].ID, Group: items[i].Group, Raw: a})
	}
	vs, err = protocols.Reread(p, items, vs)
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
	if !vs[0].Correct || vs[0].Rule != protocols.RuleJudge || vs[1].Extracted != "Z" || vs[1].Correct || vs[2].Rule != protocols.RuleLetter {
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
		{Config{URL: "https://x/v1?key=abc", Model: "m"}, "expected one like"},
		{Config{URL: "https://us er:abc@x/v1", Model: "m"}, "found no URL like"},
		{Config{URL: "https://x/v1", Model: "m", KeyEnv: "JUDGE_TEST_UNSET"}, "JUDGE_TEST_UNSET"},
	} {
		if _, err := New(c.in); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "abc") {
			t.Errorf("%+v: found %v, expected %q", c.in, err, c.want)
		}
	}
}

const key = "sk-very/secret+key\"1234567890"

// Nothing that a service sends back carries the key into a message, a reply or a file.
func TestJudgeHidesTheKey(t *testing.T) {
	t.Setenv("JUDGE_TEST_KEY", key)
	for name, c := range map[string]struct {
		status   int
		location string
		body     func(authorization string) string
		want     string
	}{
		"error body":     {401, "", func(a string) string { return "bad header Authorization: " + a }, "401 Unauthorized: bad header Authorization: Bearer [key]"},
		"JSON":           {400, "", func(a string) string { b, _ := json.Marshal(a); return `{"error": ` + string(b) + "}" }, "Bearer [key]"},
		"long body":      {500, "", func(a string) string { return strings.Repeat("x", maxMessage-15) + a }, "xBearer [key]"},
		"control":        {500, "", func(string) string { return "a\n\nb" }, "a b"},
		"query":          {500, "", func(string) string { return "GET /?key=" + url.QueryEscape(key) }, "?key=[key]"},
		"without text":   {200, "", func(a string) string { return `{"choices": [], "you": "` + strings.ReplaceAll(a, `"`, `\"`) + `"}` }, "without text"},
		"reply":          {200, "", func(string) string { _, b := say("my key is " + key); return b }, "my key is [key]"},
		"moved":          {301, "/v2/chat/completions?key=" + url.QueryEscape(key), nil, "/v2: give that address"},
		"found":          {302, "https://user:pass@example.org/v1/chat/completions", nil, "to https://example.org/v1: "},
		"see other":      {303, "https://example.org/" + url.PathEscape(key), nil, "to https://example.org/"},
		"another host":   {307, "https://example.org/v1/chat/completions", nil, "307 Temporary Redirect) to https://example.org/v1: "},
		"permanent":      {308, "http://localhost:1/v1/chat/completions", nil, "to http://localhost:1/v1: "},
		"round in rings": {307, "/v1/chat/completions", nil, "found a redirect"},
		"endless":        {200, "", func(string) string { return strings.Repeat(" ", maxReply+1) }, "more than 4194304 bytes"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				t.Errorf("%s: found %s, expected POST alone", name, r.Method)
			}
			if c.location != "" {
				w.Header().Set("Location", c.location)
			}
			w.WriteHeader(c.status)
			if c.body != nil {
				_, _ = w.Write([]byte(c.body(r.Header.Get("Authorization"))))
			}
		}))
		j, err := New(Config{URL: s.URL + "/v1", Model: "m", KeyEnv: "JUDGE_TEST_KEY"})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := j.Ask(context.Background(), "?")
		s.Close()
		said := reply
		if err != nil {
			said = err.Error()
		}
		if (err == nil) != (name == "reply") || !strings.Contains(said, c.want) || strings.Contains(said, "sk-very") || strings.Contains(said, "pass") {
			t.Errorf("%s: found %q, %v, expected %q", name, reply, err, c.want)
		}
	}
}

// A redirect within the service that keeps the question is followed, with the question and the key.
func TestJudgeFollowsWithinTheService(t *testing.T) {
	t.Setenv("JUDGE_TEST_KEY", key)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/chat/completions" {
			http.Redirect(w, r, "/v2/chat/completions", http.StatusPermanentRedirect)
			return
		}
		var q request
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Method != http.MethodPost || q.Messages[0].Content != "?" || r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("found %s %+v, %v", r.Method, q, err)
		}
		_, body := say("B")
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	j, err := New(Config{URL: s.URL + "/v1", Model: "m", KeyEnv: "JUDGE_TEST_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := j.Ask(context.Background(), "?"); err != nil || reply != "B" {
		t.Errorf("found %q, %v", reply, err)
	}
}

// A run that is cancelled while a judge is asked is cancelled, not failed.
func TestJudgeCancelled(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	j, err := New(Config{URL: "http://127.0.0.1:1/v1", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Ask(ctx, "?"); !errors.Is(err, context.Canceled) {
		t.Errorf("found %v", err)
	}
}
