package recipe

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
)

// Seal hides the values of variables, given by name, for records that are to tell whether they have changed. A hash has a salt of its own, and is slow on
// purpose: values that are easy to guess are not easy to find.
func Seal(values map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for name, value := range values {
		salt := make([]byte, 16)
		rand.Read(salt) // never fails
		sum, err := slowHash(value, salt)
		if err != nil {
			return nil, err
		}
		out[name] = hex.EncodeToString(salt) + ":" + sum
		known.Store(out[name]+"\x00"+value, true)
	}
	return out, nil
}

// known has the answers of IsSealed, which is slow.
var known sync.Map

// IsSealed says whether a value that Seal has hidden is the one given.
func IsSealed(sealed, value string) bool {
	key := sealed + "\x00" + value
	if is, ok := known.Load(key); ok {
		return is.(bool)
	}
	text, want, _ := strings.Cut(sealed, ":")
	salt, err := hex.DecodeString(text)
	if err != nil {
		return false
	}
	got, err := slowHash(value, salt)
	is := err == nil && got == want
	known.Store(key, is)
	return is
}

// rounds is how often PBKDF2 hashes: some 50 ms, which nobody notices once a stage and everybody who guesses does.
const rounds = 200_000

func slowHash(value string, salt []byte) (string, error) {
	b, err := pbkdf2.Key(sha256.New, value, salt, rounds, 32)
	return hex.EncodeToString(b), err
}
