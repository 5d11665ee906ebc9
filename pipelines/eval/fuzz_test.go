package eval

import (
	"bytes"
	"testing"

	"moslava/pipelines/eval/protocols"
	"moslava/pipelines/eval/suites"
)

// FuzzReadSuite has short seeds and takes no long inputs: Go's fuzzer shortens what it finds by trying every piece of
// it, which for n bytes are n²/2 runs, and for a whole table is all that it ever does (-fuzzminimizetime=10x leaves it
// out).
func FuzzReadSuite(f *testing.F) {
	const longest = 400
	picture := "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
	f.Add([]byte("index\tquestion\timage\tanswer\n1\tq\t" + picture + "\tno\n"))
	f.Add([]byte("index\tquestion\timage\n1\tq\t['" + picture + "','" + picture + "']\n2\tq\t1\n"))
	f.Add([]byte("index\tquestion\tA\tB\tanswer\n5\t是?\tx\ty\tA\n1000005\tq\ty\tx\tB\n"))
	f.Add([]byte("index\tquestion\tA\tB\tanswer\n1\t\"q\"\"\"x\tx\ty\tA\r\n"))
	f.Add([]byte("index\tquestion\tA\tB\tanswer\n9223372036854775807\tq\tx\ty\t\n"))
	f.Add([]byte("index\tquestion\timage\tanswer\n1\tq\t1\tno\n\"\n"))
	p, err := protocols.Named("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > longest {
			t.Skipf("needs no more than %d bytes: the fuzzer takes minutes to shorten longer ones", longest)
		}
		for _, kind := range []suites.Kind{"", suites.Circular} {
			s, err := suites.Read("f", bytes.NewReader(b), suites.Options{Kind: kind})
			if err != nil {
				continue
			}
			seen := map[string]bool{}
			for _, it := range s.Items {
				_ = p.Prompt(it)
				for _, key := range it.Pictures() {
					if seen[key] {
						continue
					}
					seen[key] = true
					if p, err := s.Picture(key); err == nil {
						_, _ = blank(p)
					}
				}
			}
		}
	})
}
