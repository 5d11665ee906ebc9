// Command eval answers the rows of an MMBench table greedily with a fixed number of new tokens, as peers/eval_generate.py does.
package main

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"flag"
	"fmt"
	"os"

	"moslava/pipelines/engine"
	"moslava/pipelines/vlm"
	"moslava/scripts/bench/ours/real"
)

func main() {
	var o real.Options
	flag.StringVar(&o.Dir, "real", "", "what scripts/weights/real_weights.py wrote")
	flag.StringVar(&o.Projector, "projector", "", "safetensors `file` of the projector")
	tsv := flag.String("tsv", "", "MMBench `table`")
	count := flag.Int("new", 5, "tokens of each answer, whatever they are")
	threads := flag.Int("threads", 2, "")
	limit := flag.Int("rows", 0, "only the first so many rows")
	flag.Parse()
	if err := run(o, *tsv, *count, *threads, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(o real.Options, tsv string, count, threads, limit int) error {
	real.Threads(threads)
	m, p, err := real.Model(o)
	if err != nil {
		return err
	}
	m.Params.Freeze()
	rows, err := readRows(tsv, limit)
	if err != nil {
		return err
	}
	a := engine.New(m, p, engine.Limits{})
	clock := real.Start()
	questions, pictures, err := decode(rows)
	if err != nil {
		return err
	}
	for i := range questions {
		questions[i].MaxNew = count
	}
	replies, err := a.Do(context.Background(), questions)
	if err != nil {
		return err
	}
	seconds, others := clock.Stop()
	ids := make([][]int32, len(replies))
	for i, r := range replies {
		ids[i] = r.IDs
	}
	return real.Report(map[string]any{"what": "eval", "threads": threads, "rows": len(rows), "new_tokens": count, "total_s": seconds,
		"rows_per_s": float64(len(rows)) / seconds, "other_cores": others, "pictures": pictures, "ids": ids})
}

// A row is a prompt and the picture that it is about, base64.
type row struct{ image, prompt string }

// decode makes questions of rows, and counts their pictures.
func decode(rows []row) ([]engine.Request, int, error) {
	pictures := map[string][]byte{}
	questions := make([]engine.Request, len(rows))
	for i, r := range rows {
		if pictures[r.image] == nil {
			image, err := base64.StdEncoding.DecodeString(r.image)
			if err != nil {
				return nil, 0, err
			}
			pictures[r.image] = image
		}
		questions[i] = engine.Request{Pictures: [][]byte{pictures[r.image]}, Messages: vlm.Turn(r.prompt, 1)}
	}
	return questions, len(pictures), nil
}

// readRows reads the table. A short image field is the index of the row that has the picture.
func readRows(path string, limit int) ([]row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	table, err := r.ReadAll()
	if err != nil || len(table) < 2 {
		return nil, fmt.Errorf("%s: no rows (%v)", path, err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	cell := func(line []string, name string) string {
		if i, ok := column[name]; ok && line[i] != "nan" {
			return line[i]
		}
		return ""
	}
	images := map[string]string{}
	for _, line := range table[1:] {
		images[cell(line, "index")] = cell(line, "image")
	}
	var out []row
	for _, line := range table[1:] {
		if limit > 0 && len(out) == limit {
			break
		}
		image := cell(line, "image")
		for hops := 0; len(image) < 64; hops++ {
			next, ok := images[image]
			if !ok || hops == len(images) {
				return nil, fmt.Errorf("%s: row %s has no picture", path, cell(line, "index"))
			}
			image = next
		}
		out = append(out, row{image, prompt(func(name string) string { return cell(line, name) })})
	}
	return out, nil
}

// prompt is VLMEvalKit's: hint, question, options, what to do.
func prompt(cell func(string) string) string {
	s := cell("question")
	if hint := cell("hint"); hint != "" {
		s = hint + "\n" + s
	}
	for _, k := range []string{"A", "B", "C", "D"} {
		if v := cell(k); v != "" {
			s += "\n" + k + ". " + v
		}
	}
	return s + "\nAnswer with the option's letter from the given choices directly."
}
