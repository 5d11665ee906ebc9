package judge

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// mask stands where a key was.
const mask = "[key]"

// secretsOf takes a key out of a text, in the spellings in which a service may send it back.
func secretsOf(key string) *strings.Replacer {
	if key == "" {
		return strings.NewReplacer()
	}
	quoted, err := json.Marshal(key)
	if err != nil {
		panic(err) // a string is JSON
	}
	var pairs []string
	for _, s := range []string{
		key, strings.TrimSuffix(strings.TrimPrefix(string(quoted), `"`), `"`), url.QueryEscape(key), url.PathEscape(key),
		base64.StdEncoding.EncodeToString([]byte(key)),
	} {
		pairs = append(pairs, s, mask)
	}
	return strings.NewReplacer(pairs...)
}

func (c *Client) hide(text string) string { return c.secrets.Replace(text) }

// excerpt is the beginning of what a service says, on one line. The key goes before the text is cut, or half of it
// would stay.
func (c *Client) excerpt(text []byte) string {
	line := strings.Join(strings.Fields(c.hide(strings.ToValidUTF8(string(text), "\uFFFD"))), " ")
	if r := []rune(line); len(r) > maxMessage {
		return string(r[:maxMessage]) + " […]"
	}
	return line
}

// failure is an error whose text has no key in it. Causes, such as a cancelled context, are found all the same.
type failure struct {
	text  string
	cause error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.cause }

// maxRedirects is how many a service may send in a row.
const maxRedirects = 3

// follow lets 307 and 308, after which the question is sent again as it was, lead to another path of the same service.
// After 301, 302 and 303 Go, like browsers, would send a GET without the question; another host, port or scheme would
// get the key. Both are answers here, which are not 200.
func follow(next *http.Request, via []*http.Request) error {
	first := via[0]
	same := next.URL.Scheme == first.URL.Scheme && next.URL.Host == first.URL.Host
	if next.Method != first.Method || !same || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// base is the address to give for a redirect: without user and query, which may hold a secret, and without what is put
// behind the address.
func (c *Client) base(res *http.Response, location string) string {
	to, err := res.Request.URL.Parse(location)
	if err != nil {
		return "an address that is none"
	}
	path := strings.TrimSuffix(strings.TrimRight(c.hide(to.Path), "/"), "/chat/completions")
	plain := url.URL{Scheme: to.Scheme, Host: to.Host, Path: path}
	return plain.String()
}
