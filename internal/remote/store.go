package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
)

// A store is where objects are. Keys have no leading slash.
type store interface {
	// stat is the state of an object.
	stat(ctx context.Context, key string) (state, error)
	// read is n bytes of an object from a place on, which must be in the state it was found in.
	read(ctx context.Context, key string, s state, from, n int64) (io.ReadCloser, error)
	// list calls each with the objects whose keys begin with a prefix, in the order of their keys.
	list(ctx context.Context, prefix string, each func(key string, s state) error) error
}

// state is what tells whether an object is still the same.
type state struct {
	size int64
	tag  string // ETag, or the time of the last change
}

// errNoList is of a store that cannot say what it holds.
var errNoList = errors.New("this server cannot list what it holds: name the files one by one, or with {first..last}")

// statusError is a server's refusal.
type statusError struct {
	status int
	text   string
	after  string // Retry-After
}

func (e *statusError) Error() string { return fmt.Sprintf("the server says %d %s", e.status, e.text) }

// open is the store of an address and the key in it.
func open(address string) (store, string, error) {
	a, err := parse(address)
	if err != nil {
		return nil, "", err
	}
	s, err := schemes[a.Scheme](a)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", address, err)
	}
	return s, key(a), nil
}

func key(a *url.URL) string {
	if len(a.Path) > 0 && a.Path[0] == '/' {
		return a.Path[1:]
	}
	return a.Path
}
