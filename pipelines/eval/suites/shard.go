package suites

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is part Index (from 0) of Count equal parts. The zero value is everything.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// ParseShard reads "i/n", part i of n counted from 1; empty is everything.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	i, n, ok := strings.Cut(text, "/")
	index, err := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	if !ok || err != nil || err2 != nil || index < 1 || index > count {
		return Shard{}, fmt.Errorf("found shard %q, expected i/n with i from 1 to n, as in 2/4", text)
	}
	return Shard{Index: index - 1, Count: count}, nil
}

// String is what ParseShard reads.
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index+1, s.Count)
}

// Select returns the items of the first limit questions (0: all) that fall into the shard, in the suite's order.
// Questions about one picture stay together, so shards are equal in pictures rather than in rows, and no question is
// split.
func (s *Suite) Select(limit int, shard Shard) ([]Item, error) {
	if limit < 0 {
		return nil, fmt.Errorf("suite %s: found limit %d, expected 0 (all) or more", s.Name, limit)
	}
	if shard.Count < 0 || shard.Index < 0 || (shard.Count == 0 && shard.Index != 0) || (shard.Count > 0 && shard.Index >= shard.Count) {
		return nil, fmt.Errorf("suite %s: found shard %d of %d, expected an index from 0 to count-1", s.Name, shard.Index, shard.Count)
	}
	all := Groups(s.Items)
	if limit > 0 && limit < len(all) {
		all = all[:limit]
	}
	pictures := map[string]int{}
	var items []Item
	for i, g := range all {
		n := i
		if key := g[0].ImageKey; key != "" {
			if _, ok := pictures[key]; !ok {
				pictures[key] = len(pictures)
			}
			n = pictures[key]
		}
		if shard.Count <= 1 || n%shard.Count == shard.Index {
			items = append(items, g...)
		}
	}
	return items, nil
}
