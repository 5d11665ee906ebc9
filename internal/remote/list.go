package remote

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// maxListed bounds what a folder may hold.
const maxListed = 1 << 20

// List is the addresses of the objects below a folder, or of those that a pattern (with *, ? or [) matches, in the order of their keys.
func List(ctx context.Context, address string) (out []string, err error) {
	s, key, err := open(address)
	if err != nil {
		return nil, err
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	pattern := strings.ContainsAny(key, "*?[")
	prefix := strings.TrimSuffix(key, "/") + "/"
	if pattern {
		prefix = key[:strings.IndexAny(key, "*?[")]
	} else if key == "" {
		prefix = ""
	}
	err = tried(ctx, address, func(ctx context.Context) error {
		out = nil
		return s.list(ctx, prefix, func(k string, size int64) error {
			if pattern {
				if ok, err := path.Match(key, k); err != nil {
					return fmt.Errorf("%q: %w", key, err)
				} else if !ok {
					return nil
				}
			}
			if strings.HasSuffix(k, "/") && size == 0 {
				return nil // what consoles make for a folder
			}
			if len(out) == maxListed {
				return fmt.Errorf("more than %d objects", maxListed)
			}
			out = append(out, scheme+"://"+host+"/"+k)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, notExist{fmt.Errorf("%s: no object is there, or matches", address)}
	}
	return out, nil
}
