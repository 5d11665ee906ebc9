// Package judge asks a model behind an OpenAI-compatible service. It is the only package that uses the network, and
// only when somebody configures it. It knows a prompt and a reply: what a judge is asked, and how its reply is read, is
// in pipelines/eval/protocols.
package judge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config says which model judges.
type Config struct {
	URL    string // base, as in http://localhost:8000/v1
	Model  string
	KeyEnv string // names the environment variable that holds the key; empty: none is sent
	Name   string // what verdicts and results call the model; empty: as the service does
}

// Client implements eval.Judge.
type Client struct {
	url, model, key, name string
	secrets               *strings.Replacer // takes the key out of what is shown
	http                  *http.Client
}

const (
	timeout    = 2 * time.Minute
	maxReply   = 4 << 20
	maxMessage = 300 // of a service's error text
)

// New checks a configuration. It asks nothing yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err == nil && (u.User != nil || u.RawQuery != "" || u.Fragment != "") { // it may hold a secret: it is not shown
		return nil, fmt.Errorf("judge: found a URL with a user, a query or a fragment, expected one like https://host/v1")
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		if strings.ContainsAny(c.URL, "@?#") { // what cannot be parsed may hold a secret all the same
			return nil, fmt.Errorf("judge: found no URL like https://host/v1")
		}
		return nil, fmt.Errorf("judge: found URL %q, expected one like https://host/v1", c.URL)
	}
	if c.Model == "" {
		return nil, fmt.Errorf("judge: found no model, expected a name")
	}
	key := ""
	if c.KeyEnv != "" {
		if key = os.Getenv(c.KeyEnv); key == "" {
			return nil, fmt.Errorf("judge: found no key in the environment variable %s", c.KeyEnv)
		}
	}
	to := strings.TrimRight(c.URL, "/") + "/chat/completions"
	client := &http.Client{Timeout: timeout, CheckRedirect: follow}
	return &Client{url: to, model: c.Model, key: key, name: cmp.Or(c.Name, c.Model), secrets: secretsOf(key), http: client}, nil
}

// Name is what verdicts and results call the model.
func (c *Client) Name() string { return c.name }

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type request struct {
	Model       string    `json:"model"`
	Messages    []message `json:"messages"`
	Temperature float64   `json:"temperature"`
}

type response struct {
	Choices []struct {
		Message *message `json:"message"`
	} `json:"choices"`
}

// Ask sends one prompt as the user's turn, at temperature 0, and returns the reply. A status other than 200, a reply
// without text and a redirect to another service are errors. Neither they nor the reply have the key in them, whatever
// the service sends back.
func (c *Client) Ask(ctx context.Context, prompt string) (string, error) {
	reply, err := c.ask(ctx, prompt)
	if err != nil {
		return "", &failure{c.hide(err.Error()), err}
	}
	return c.hide(reply), nil
}

func (c *Client) ask(ctx context.Context, prompt string) (string, error) {
	body, err := json.Marshal(request{c.model, []message{{"user", prompt}}, 0})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.url, err)
	}
	if len(text) > maxReply {
		return "", fmt.Errorf("%s: found a reply of more than %d bytes, expected at most that", c.url, maxReply)
	}
	if to := res.Header.Get("Location"); to != "" && res.StatusCode >= 300 && res.StatusCode < 400 {
		return "", fmt.Errorf("%s: found a redirect (%s) to %s: give that address if you trust it, the key goes nowhere else by itself",
			c.url, res.Status, c.base(res, to))
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: found status %s: %s", c.url, res.Status, c.excerpt(text))
	}
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		return "", fmt.Errorf("%s: found no JSON reply: %w", c.url, err)
	}
	if len(r.Choices) == 0 || r.Choices[0].Message == nil || strings.TrimSpace(r.Choices[0].Message.Content) == "" {
		return "", fmt.Errorf("%s: found a reply without text: %s", c.url, c.excerpt(text))
	}
	return r.Choices[0].Message.Content, nil
}
