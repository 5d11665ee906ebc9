// Command tokenizer times encoding, one document after the other on one thread, as peers/tokenizer_speed.py does.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"moslava/language/tokenizer"
	"moslava/scripts/bench/ours/real"
)

func main() {
	documents := flag.String("documents", "", "JSON `file`: an array of texts")
	path := flag.String("tokenizer", "", "tokenizer.json")
	repeats := flag.Int("repeats", 5, "after the first pass")
	flag.Parse()
	if err := run(*documents, *path, *repeats); err != nil {
		fmt.Fprintln(os.Stderr, "tokenizer:", err)
		os.Exit(1)
	}
}

func run(documents, path string, repeats int) error {
	real.Threads(1)
	raw, err := os.ReadFile(documents)
	if err != nil {
		return err
	}
	var texts []string
	if err := json.Unmarshal(raw, &texts); err != nil {
		return err
	}
	t, err := tokenizer.Load(path)
	if err != nil {
		return err
	}
	var seconds, others []float64
	var sum string
	count := 0
	for range repeats + 1 {
		all := make([][]int32, 0, len(texts))
		clock := real.Start()
		for _, s := range texts {
			ids, err := t.Encode(s, false)
			if err != nil {
				return err
			}
			all = append(all, ids)
		}
		s, busy := clock.Stop()
		seconds, others = append(seconds, s), append(others, busy)
		sum, count = digest(all)
	}
	return real.Report(map[string]any{"what": "tokenizer", "documents": len(texts), "tokens": count, "sha256": sum, "cold_s": seconds[0],
		"each_s": seconds[1:], "other_cores_each": others[1:], "tokens_per_s": float64(count) / real.Median(seconds[1:]),
		"cold_tokens_per_s": float64(count) / seconds[0]})
}

// digest of all ids, as little-endian int32, and their number.
func digest(all [][]int32) (string, int) {
	h, n := sha256.New(), 0
	for _, ids := range all {
		binary.Write(h, binary.LittleEndian, ids)
		n += len(ids)
	}
	return hex.EncodeToString(h.Sum(nil)), n
}
