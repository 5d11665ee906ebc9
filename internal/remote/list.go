package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
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
	prefix := folderPrefix(key)
	if pattern {
		prefix = key[:strings.IndexAny(key, "*?[")]
	}
	err = tried(ctx, address, func(ctx context.Context) error {
		out = nil
		return s.list(ctx, prefix, func(k string, o state) error {
			if pattern {
				if ok, err := path.Match(key, k); err != nil {
					return fmt.Errorf("%q: %w", key, err)
				} else if !ok {
					return nil
				}
			}
			if strings.HasSuffix(k, "/") && o.size == 0 {
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

// errEnough ends a listing of which no more is needed.
var errEnough = errors.New("enough")

// IsFolder says whether there are objects below an address, and no object at it. Of a server that cannot list what it holds the answer is no.
func IsFolder(ctx context.Context, address string) (bool, error) {
	s, key, err := open(address)
	if err != nil {
		return false, err
	}
	found := error(notExist{fmt.Errorf("%s: nothing is there", address)})
	if key != "" && !strings.HasSuffix(key, "/") {
		found = tried(ctx, address, func(ctx context.Context) error { _, err := s.stat(ctx, key); return err })
		if found = missing(found); found == nil || !errors.Is(found, fs.ErrNotExist) {
			return false, found
		}
	}
	err = tried(ctx, address, func(ctx context.Context) error {
		return s.list(ctx, folderPrefix(key), func(string, state) error { return errEnough })
	})
	switch {
	case errors.Is(err, errEnough):
		return true, nil
	case errors.Is(err, errNoList) && (key == "" || strings.HasSuffix(key, "/")):
		return false, fmt.Errorf("%s: %w", address, errNoList)
	case err == nil || errors.Is(err, errNoList):
		return false, found
	}
	return false, err
}

// folderPrefix is what the keys in a folder begin with.
func folderPrefix(key string) string {
	if key = strings.Trim(key, "/"); key != "" {
		key += "/"
	}
	return key
}

// An Entry is what lies in a folder.
type Entry struct {
	Name   string
	Folder bool
}

// ReadDir lists a folder, sorted by name.
func ReadDir(ctx context.Context, address string) (out []Entry, err error) {
	s, key, err := open(address)
	if err != nil {
		return nil, err
	}
	prefix := folderPrefix(key)
	err = tried(ctx, address, func(ctx context.Context) error {
		seen := map[Entry]bool{}
		err := s.list(ctx, prefix, func(k string, _ state) error {
			name, _, folder := strings.Cut(strings.TrimPrefix(k, prefix), "/")
			if name != "" {
				seen[Entry{name, folder}] = true
			}
			if len(seen) > maxListed {
				return fmt.Errorf("more than %d objects", maxListed)
			}
			return nil
		})
		out = slices.SortedFunc(maps.Keys(seen), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		return err
	})
	return out, err
}

// Identity tells the content of an object, or of all objects in a folder, from any other, by sizes and the server's tags, and says how large it is.
// Nothing is read.
func Identity(ctx context.Context, address string) (text string, size int64, err error) {
	folder, err := IsFolder(ctx, address)
	if err != nil {
		return "", 0, err
	}
	if !folder {
		f, err := Open(ctx, address)
		if err != nil {
			return "", 0, err
		}
		return f.Identity(), f.Size(), f.Close()
	}
	s, key, err := open(address)
	if err != nil {
		return "", 0, err
	}
	err = tried(ctx, address, func(ctx context.Context) error {
		var b strings.Builder
		size = 0
		err := s.list(ctx, folderPrefix(key), func(k string, o state) error {
			fmt.Fprintf(&b, "%s %d %s\n", k, o.size, o.tag)
			size += o.size
			return nil
		})
		text = b.String()
		return err
	})
	return text, size, err
}
