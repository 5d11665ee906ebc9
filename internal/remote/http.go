package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// client gives up on servers that do not answer; bodies are bounded by the context of an attempt.
var client = &http.Client{Transport: transport()}

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	t.MaxIdleConnsPerHost = 16
	t.DisableCompression = true // a range is of the bytes as they are stored
	return t
}

// httpStore is a server that serves ranges of files.
type httpStore struct{ base url.URL }

func openHTTP(a *url.URL) (store, error) {
	base := *a
	base.Path, base.RawPath = "/", ""
	return &httpStore{base}, nil
}

// tokenHost is the Hub of Hugging Face, which takes the token of its own tools.
const tokenHost = "huggingface.co"

func (s *httpStore) ask(ctx context.Context, key string, header http.Header) (*http.Response, error) {
	at := s.base
	at.Path = "/" + key
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		r.Header[k] = v
	}
	if token := os.Getenv("HF_TOKEN"); token != "" && at.Scheme == "https" && at.Host == tokenHost {
		r.Header.Set("Authorization", "Bearer "+token) // which net/http does not carry to another host
	}
	return client.Do(r)
}

// stat asks for the first byte, because not every server that serves ranges says so to HEAD.
func (s *httpStore) stat(ctx context.Context, key string) (state, error) {
	res, err := s.ask(ctx, key, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return state{}, err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusPartialContent:
		return ranged(res)
	case http.StatusRequestedRangeNotSatisfiable: // an empty file has no first byte
		if res.Header.Get("Content-Range") == "bytes */0" {
			return state{tag: tag(res)}, nil
		}
	case http.StatusOK:
		if res.ContentLength == 0 {
			return state{tag: tag(res)}, nil
		}
		return state{}, errors.New("the server does not serve ranges of a file: download it and give its path")
	}
	return state{}, refusal(res)
}

func (s *httpStore) read(ctx context.Context, key string, was state, from, n int64) (io.ReadCloser, error) {
	res, err := s.ask(ctx, key, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, from+n-1)}})
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusPartialContent {
		err = refusal(res)
	} else if now, wrong := ranged(res); wrong != nil {
		err = wrong
	} else if now != was {
		err = errChanged
	}
	if err != nil {
		res.Body.Close()
		return nil, err
	}
	return res.Body, nil
}

func (s *httpStore) list(context.Context, string, func(string, state) error) error { return errNoList }

// ranged is the state of an object of which a part is served.
func ranged(res *http.Response) (state, error) {
	_, total, _ := strings.Cut(res.Header.Get("Content-Range"), "/")
	n, err := strconv.ParseInt(total, 10, 64)
	if err != nil || n < 0 {
		return state{}, fmt.Errorf("the server does not say how large the file is: Content-Range %q", res.Header.Get("Content-Range"))
	}
	return state{n, tag(res)}, nil
}

func tag(res *http.Response) string {
	if t := res.Header.Get("ETag"); t != "" {
		return t
	}
	return res.Header.Get("Last-Modified")
}

func refusal(res *http.Response) error {
	return &statusError{res.StatusCode, http.StatusText(res.StatusCode), res.Header.Get("Retry-After")}
}
