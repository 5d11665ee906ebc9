package dataconvert

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"moslava/datasets"
)

// Forms in which samples are written.
const (
	Arrow      = "arrow"
	Parquet    = "parquet"
	JSONL      = "jsonl"
	WebDataset = "webdataset"
	LLaVA      = "llava-json"
	CSV        = "csv"
)

// A form is one way to store samples. It knows files; which rows go into which is of Convert.
type form struct {
	name   string
	shard  func(p *plan, i int) string // path of shard i in the directory
	beside bool                        // pictures lie in files of their own
	single bool                        // there is one shard, whatever there is
	check  func(s *datasets.Sample) error
	begin  func(at place) (rowWriter, error)
	finish func(p *plan, dir string) error // metadata; nil: there are none
}

// place is where a shard is written.
type place struct {
	plan  *plan
	dir   string
	first int // number of its first row
	w     io.Writer
}

// rowWriter writes the rows of a shard. Once Close has returned, nothing goes on.
type rowWriter interface {
	Write(s *datasets.Sample) error
	Close() error
}

// forms is the table.
var forms = []form{
	{name: Arrow, shard: func(p *plan, i int) string { return datasets.ArrowName(i, len(p.Shards)) }, finish: arrowInfo,
		begin: func(at place) (rowWriter, error) { return datasets.NewArrowShard(at.w, at.plan.columns()) }},
	{name: Parquet, shard: func(p *plan, i int) string {
		return fmt.Sprintf("data/%s-%05d-of-%05d.parquet", p.Split, i, len(p.Shards))
	},
		begin: func(at place) (rowWriter, error) { return datasets.NewParquetShard(at.w, at.plan.columns()) }},
	{name: JSONL, beside: true, begin: beginLines, shard: numbered("jsonl")},
	{name: WebDataset, begin: beginTar, shard: func(p *plan, i int) string { return fmt.Sprintf("%s-%06d.tar", p.Split, i) }},
	{name: LLaVA, beside: true, single: true, check: checkLLaVA, begin: beginLLaVA, shard: func(p *plan, _ int) string { return p.Split + ".json" }},
	{name: CSV, beside: true, check: checkCSV, begin: beginCSV, shard: numbered("csv")},
}

// numbered names the file of a split, or its files.
func numbered(ending string) func(p *plan, i int) string {
	return func(p *plan, i int) string {
		if len(p.Shards) == 1 {
			return p.Split + "." + ending
		}
		return fmt.Sprintf("%s-%05d-of-%05d.%s", p.Split, i, len(p.Shards), ending)
	}
}

// Forms are the names of what samples can be written as.
func Forms() (names []string) {
	for _, f := range forms {
		names = append(names, f.name)
	}
	return names
}

func formOf(name string) (*form, error) {
	i := slices.IndexFunc(forms, func(f form) bool { return f.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no form %q to write, expected one of %s", name, strings.Join(Forms(), ", "))
	}
	return &forms[i], nil
}
