package tokenizer

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Text of 16 times the length takes about 16 times as long, also without any place at which it could be cut: what is
// quadratic takes 256 times. The limit lies between and the shortest of some runs is taken, so that a busy machine does not matter.
func TestTimeIsLinear(t *testing.T) {
	for _, name := range []string{"bytelevel.json", "spm_prepend.json", "clip_like.json", "spm.model"} {
		tok, err := Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for what, unit := range map[string]string{"letters": "thebanana", "spaces": "   ", "words": "the cat ", "marks": "e\u0301\u0316", "others": "=-", "emoji": "🙂👍🏽"} {
			cost := func(n int) time.Duration {
				text := strings.Repeat(unit, n/len(unit))
				best := time.Hour
				for range 3 {
					start := time.Now()
					ids, err := tok.Encode(text, false)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					tok.Decode(ids, false)
					best = min(best, time.Since(start))
				}
				return best
			}
			const n = 10_000
			short, long := cost(n), cost(16*n)
			for try := 0; long > 80*short && try < 5; try++ { // others had the processor
				long = cost(16 * n)
			}
			if long > 80*short {
				t.Errorf("%s, %s: %v for %d bytes, %v for %d", name, what, short, n, long, 16*n)
			}
		}
	}
}
