// Command eval answers the rows of an MMBench table greedily with a fixed number of new tokens, as peers/eval_generate.py does.
package main

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"flag"
	"fmt"
	"os"

	"moslava/language"
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
	groups, n, err := readGroups(tsv, limit)
	if err != nil {
		return err
	}
	a := &vlm.Answerer{Model: m, Processor: p}
	ids := make([][]int32, n)
	clock := real.Start()
	for _, g := range groups {
		image, err := base64.StdEncoding.DecodeString(g.image)
		if err != nil {
			return err
		}
		out, err := a.Generate(context.Background(), image, g.prompts, language.Generation{MaxNew: count})
		if err != nil {
			return err
		}
		for i, row := range g.rows {
			ids[row] = out[i]
		}
	}
	seconds, others := clock.Stop()
	return real.Report(map[string]any{"what": "eval", "threads": threads, "rows": n, "new_tokens": count, "total_s": seconds,
		"rows_per_s": float64(n) / seconds, "other_cores": others, "pictures": len(groups), "ids": ids})
}

// A group is the rows that show one picture; what their prompts begin with alike is computed once.
type group struct {
	image   string // base64
	rows    []int
	prompts []string
}

// readGroups reads the table. A short image field is the index of the row that has the picture.
func readGroups(path string, limit int) ([]*group, int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	table, err := r.ReadAll()
	if err != nil || len(table) < 2 {
		return nil, 0, fmt.Errorf("%s: no rows (%v)", path, err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	rows := table[1:]
	cell := func(row []string, name string) string {
		if i, ok := column[name]; ok && row[i] != "nan" {
			return row[i]
		}
		return ""
	}
	images := map[string]string{}
	for _, row := range rows {
		images[cell(row, "index")] = cell(row, "image")
	}
	if limit > 0 {
		rows = rows[:min(limit, len(rows))]
	}
	byImage := map[string]*group{}
	var out []*group
	for i, row := range rows {
		key := cell(row, "index")
		for len(images[key]) < 64 {
			next, ok := images[images[key]]
			if !ok || next == images[key] {
				return nil, 0, fmt.Errorf("%s: row %s has no picture", path, key)
			}
			key = images[key]
		}
		g := byImage[key]
		if g == nil {
			g = &group{image: images[key]}
			byImage[key] = g
			out = append(out, g)
		}
		g.rows = append(g.rows, i)
		g.prompts = append(g.prompts, prompt(func(name string) string { return cell(row, name) }))
	}
	return out, len(rows), nil
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
