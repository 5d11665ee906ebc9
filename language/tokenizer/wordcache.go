package tokenizer

import (
	"hash/maphash"
	"sync/atomic"
)

// wordCache remembers the ids of words. A word has one place, which it shares with others: the last one stays.
// Readers and writers need no lock.
type wordCache [cachedWords]atomic.Pointer[cachedWord]

// cachedWords and maxCachedLen bound the memory of the word cache.
const (
	cachedWords  = 1 << 16
	maxCachedLen = 256
)

// cachedWord is never written to once it is in the cache.
type cachedWord struct {
	text string
	ids  []int32
}

var wordSeed = maphash.MakeSeed()

func (c *wordCache) slot(word string) *atomic.Pointer[cachedWord] {
	return &c[maphash.String(wordSeed, word)%cachedWords]
}
