package remote

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Is reports whether a path is an address of this package.
func Is(path string) bool {
	scheme, _, ok := strings.Cut(path, "://")
	return ok && schemes[scheme] != nil
}

// schemes open the store of an address.
var schemes = map[string]func(a *url.URL) (store, error){"s3": openS3, "gs": openGS, "http": openHTTP, "https": openHTTP}

// parse takes an address apart and refuses what may hold a secret.
func parse(address string) (*url.URL, error) {
	a, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", shown(address), err)
	case schemes[a.Scheme] == nil:
		return nil, fmt.Errorf("%s: scheme %q, expected s3, gs, http or https", shown(address), a.Scheme)
	case a.User != nil:
		return nil, fmt.Errorf("%s: the address holds a user or a password: give them in the environment", shown(address))
	case a.RawQuery != "" || a.Fragment != "":
		return nil, fmt.Errorf("%s: the address has a query or a fragment, which may hold a secret: expected an address without", shown(address))
	case a.Host == "":
		return nil, fmt.Errorf("%s: no host or bucket", shown(address))
	}
	return a, nil
}

// shown is an address without what may be secret in it.
func shown(address string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		host, tail, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			address = scheme + "://" + host[at+1:] + "/" + tail
		}
	}
	return address
}

// Join is an address with names behind it.
func Join(address string, names ...string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	return scheme + "://" + path.Join(append([]string{rest}, names...)...)
}
