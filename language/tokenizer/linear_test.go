package tokenizer

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Text of 16 times the length takes about as long as 16 texts, also without any place at which it could be cut: what is
// quadratic takes 16 times as long. The limit lies between. Both last about equally long and the shortest of some runs is taken, so that
// a busy machine does not matter.
func TestTimeIsLinear(t *testing.T) {
	const n, times = 10_000, 16
	for _, name := range []string{"bytelevel.json", "spm_prepend.json", "clip_like.json", "spm.model"} {
		tok, err := Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for what, unit := range map[string]string{"letters": "thebanana", "spaces": "   ", "words": "the cat ", "marks": "e\u0301\u0316", "others": "=-", "emoji": "🙂👍🏽"} {
			cost := func(texts, n int) time.Duration {
				text := strings.Repeat(unit, n/len(unit))
				start := time.Now()
				for range texts {
					ids, err := tok.Encode(text, false)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					tok.Decode(ids, false)
				}
				return time.Since(start)
			}
			short, long := time.Hour, time.Hour
			for try := 0; try < 2 || long > 5*short && try < 12; try++ {
				short, long = min(short, cost(times, n)), min(long, cost(1, times*n))
			}
			if long > 5*short {
				t.Errorf("%s, %s: %v for %d texts of %d bytes, %v for one of all", name, what, short, times, n, long)
			}
		}
	}
}
