package suites

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// scoring is part of every suite's version: it moves whenever the code that reads or scores suites could change a score.
const scoring = "1"

// stamp derives Version from everything a score depends on.
func (s *Suite) stamp() error {
	h := sha256.New()
	enc := json.NewEncoder(h)
	if err := enc.Encode([]string{scoring, string(s.Kind)}); err != nil {
		return err
	}
	for _, it := range s.Items {
		if err := enc.Encode(it); err != nil {
			return fmt.Errorf("suite %s: item %d: %w", s.Name, it.ID, err)
		}
		for _, key := range it.Pictures() {
			d, err := s.pictures.Digest(key)
			if err != nil {
				return fmt.Errorf("suite %s: item %d: %w", s.Name, it.ID, err)
			}
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
	}
	s.Version = scoring + "-" + hex.EncodeToString(h.Sum(nil)[:8])
	return nil
}

// SameVersion says whether two versions of a suite are of the same items and pictures, as far as the same rules of this
// package say so.
func SameVersion(a, b string) bool {
	rules, _, _ := strings.Cut(a, "-")
	others, _, _ := strings.Cut(b, "-")
	return a == b || rules != others
}
