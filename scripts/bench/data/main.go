// Command data measures how large data sets are read: it writes an Arrow data set, and one of Parquet, opens parts of them of different
// sizes in a process of their own each, and removes them.
//
//	go run ./scripts/bench/data -dir /tmp/rows                # 2,000,000 rows, 9 GB, some minutes
//	go run ./scripts/bench/data -dir /tmp/rows -rows 10000,50000 -parquet 20000
//
// A line of JSON each: seconds to open, to the first batch, and to the first one after a random position; rows a second of Load with an
// Encoder that reads every byte of a sample, and with one that decodes its picture, too; resident memory that is no file's (RssAnon); seconds and memory of
// measuring and ordering rows under group_by. Files are in the page cache, as far as it holds them.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"moslava/datasets"
	"moslava/vision/preprocess"
)

type options struct {
	dir, sizes, measure string
	parquet, workers    int
	keep                bool
}

// result is the line that is printed.
type result struct {
	What    string  `json:"what"`
	Rows    int     `json:"rows"`
	Bytes   int64   `json:"bytes,omitempty"`
	Workers int     `json:"workers,omitempty"`
	WriteS  float64 `json:"write_s,omitempty"`
	OpenS   float64 `json:"open_s,omitempty"`
	OpenMiB float64 `json:"open_anonymous_mib,omitempty"`
	FirstS  float64 `json:"first_batch_s,omitempty"`
	ResumeS float64 `json:"resume_s,omitempty"` // the slowest of several positions
	Rate    float64 `json:"rows_per_s,omitempty"`
	Decoded float64 `json:"decoded_rows_per_s,omitempty"` // with pictures decoded
	MiB     float64 `json:"anonymous_mib,omitempty"`      // the most, after each step
	GroupS  float64 `json:"group_s,omitempty"`            // measuring all rows in words
	OrderS  float64 `json:"order_s,omitempty"`            // the first batch of an epoch that is grouped
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "directory to write to; it must not be there")
	flag.StringVar(&o.sizes, "rows", "10000,100000,1000000,2000000", "rows to read; the last is how many are written")
	flag.IntVar(&o.parquet, "parquet", 2000000, "rows of the Parquet file; 0: none")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "workers of Load")
	flag.BoolVar(&o.keep, "keep", false, "leave the data there, and take what is there")
	flag.StringVar(&o.measure, "measure", "", "what to measure: set by the program itself")
	flag.Parse()
	var err error
	if o.measure != "" {
		err = measure(&o)
	} else {
		err = run(&o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "data:", err)
		os.Exit(1)
	}
}

// rowsPerShard divides all sizes, so that some of the shards are a data set of fewer rows.
const rowsPerShard = 10000

func run(o *options) (err error) {
	var sizes []int
	for _, text := range strings.Split(o.sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 || n%rowsPerShard != 0 || len(sizes) > 0 && n < sizes[len(sizes)-1] {
			return fmt.Errorf("-rows %s: want multiples of %d in ascending order", o.sizes, rowsPerShard)
		}
		sizes = append(sizes, n)
	}
	if o.dir == "" {
		return errors.New("-dir is required")
	}
	most := sizes[len(sizes)-1]
	arrow, table := filepath.Join(o.dir, "arrow"), filepath.Join(o.dir, "rows.parquet")
	if _, err := os.Stat(o.dir); err != nil || !o.keep {
		if err := os.Mkdir(o.dir, 0o777); err != nil {
			return err
		}
		if !o.keep {
			defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
		}
		began := time.Now()
		if err := datasets.WriteArrow(arrow, rows(most), datasets.WriteOptions{RowsPerShard: rowsPerShard}); err != nil {
			return err
		}
		report(result{What: "arrow written", Rows: most, Bytes: sizeOf(arrow), WriteS: time.Since(began).Seconds()})
		if o.parquet > 0 {
			began = time.Now()
			if err := writeParquet(table, o.parquet); err != nil {
				return err
			}
			report(result{What: "parquet written", Rows: o.parquet, Bytes: sizeOf(table), WriteS: time.Since(began).Seconds()})
		}
	}
	for _, n := range sizes {
		shards, err := filepath.Glob(filepath.Join(arrow, "*.arrow"))
		if err != nil || len(shards) < n/rowsPerShard {
			return fmt.Errorf("%d shards, %v", len(shards), err)
		}
		if err := again(o, "arrow:"+strconv.Itoa(n)); err != nil {
			return err
		}
	}
	if o.parquet > 0 {
		return again(o, "parquet:0")
	}
	return nil
}

// again measures in a process of its own.
func again(o *options, what string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(exe, "-measure", what, "-dir", o.dir, "-workers", strconv.Itoa(o.workers))
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return c.Run()
}

func measure(o *options) error {
	kind, number, _ := strings.Cut(o.measure, ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	out := result{What: kind, Workers: o.workers}
	began := time.Now()
	var src datasets.Source
	if kind == "parquet" {
		src, err = datasets.Open(filepath.Join(o.dir, "rows.parquet"))
	} else {
		shards, globbed := filepath.Glob(filepath.Join(o.dir, "arrow", "*.arrow"))
		if globbed != nil {
			return globbed
		}
		src, err = datasets.OpenArrow(shards[:n/rowsPerShard]...)
	}
	if err != nil {
		return err
	}
	out.OpenS, out.Rows, out.OpenMiB = time.Since(began).Seconds(), src.Len(), anonymousMiB()
	out.MiB = out.OpenMiB
	note := func() { out.MiB = max(out.MiB, anonymousMiB()) }
	opt := datasets.LoadOptions{Seed: 3, BatchSize: 8, Workers: o.workers}

	if out.FirstS, err = first(src, opt, datasets.Position{}); err != nil {
		return err
	}
	note()
	r := rand.New(rand.NewPCG(1, uint64(src.Len())))
	for range 8 {
		at := datasets.Position{Epoch: 3, Index: r.IntN(src.Len()), Seed: opt.Seed, Rows: src.Len()}
		s, err := first(src, opt, at)
		if err != nil {
			return err
		}
		out.ResumeS = max(out.ResumeS, s)
	}
	note()
	if out.Rate, err = rate(src, touch{}, opt, 10000, note); err != nil {
		return err
	}
	if out.Decoded, err = rate(src, decode{}, opt, 5000, note); err != nil {
		return err
	}
	if kind == "arrow" {
		began = time.Now()
		lengths, err := datasets.Lengths(context.Background(), src, o.workers, datasets.Words)
		if err != nil {
			return err
		}
		out.GroupS = time.Since(began).Seconds()
		note()
		opt.Group = &datasets.Grouping{Rule: datasets.GroupModality, Lengths: lengths, Batch: 8, Accum: 1}
		if out.OrderS, err = first(src, opt, datasets.Position{}); err != nil {
			return err
		}
		note()
	}
	report(out)
	return src.Close()
}

// first is how long the first batch from a position takes.
func first(src datasets.Source, opt datasets.LoadOptions, at datasets.Position) (float64, error) {
	began := time.Now()
	for _, err := range datasets.Load(context.Background(), src, touch{}, opt, at) {
		return time.Since(began).Seconds(), err
	}
	return 0, errors.New("no batch")
}

// rate is how many rows a second Load reads, of so many.
func rate(src datasets.Source, enc datasets.Encoder, opt datasets.LoadOptions, rows int, note func()) (float64, error) {
	began, read := time.Now(), 0
	for b, err := range datasets.Load(context.Background(), src, enc, opt, datasets.Position{}) {
		if err != nil {
			return 0, err
		}
		if read += b.Len(); read%800 == 0 {
			note()
		}
		if read >= rows {
			break
		}
	}
	return float64(read) / time.Since(began).Seconds(), nil
}

// decode decodes the pictures of a sample.
type decode struct{ touch }

func (d decode) Encode(s datasets.Sample) (datasets.Example, error) {
	var dec preprocess.Decoder
	for _, p := range s.Pictures {
		if _, err := dec.Decode(p.Bytes); err != nil {
			return datasets.Example{}, err
		}
	}
	return d.touch.Encode(s)
}

// touch reads every byte of a sample.
type touch struct{}

func (touch) Encode(s datasets.Sample) (datasets.Example, error) {
	sum := 0
	for _, p := range s.Pictures {
		for _, b := range p.Bytes {
			sum += int(b)
		}
	}
	e := datasets.Example{IDs: []int32{int32(sum)}, Labels: []int32{datasets.IgnoreIndex}}
	for _, t := range s.Turns {
		e.IDs = append(e.IDs, int32(len(t.Value)))
		e.Labels = append(e.Labels, int32(len(t.Value)))
	}
	return e, nil
}

// rows are conversations about small JPEGs, every tenth about none.
func rows(n int) iter.Seq2[datasets.Sample, error] {
	pictures := jpegs(256)
	return func(yield func(datasets.Sample, error) bool) {
		for i := range n {
			s := datasets.Sample{ID: strconv.Itoa(i)}
			question, answer := texts(i)
			if i%10 != 0 {
				question = datasets.ImageMarker + "\n" + question
				s.Pictures = []datasets.Picture{{Bytes: pictures[i%len(pictures)], Path: strconv.Itoa(i) + ".jpg"}}
			}
			s.Turns = []datasets.Turn{{From: datasets.Human, Value: question}, {From: datasets.GPT, Value: answer}}
			if !yield(s, nil) {
				return
			}
		}
	}
}

func texts(i int) (question, answer string) {
	return fmt.Sprintf("What is in picture %d?", i), strings.Repeat("a thing and ", 1+i*7919%60) + "no more"
}

func jpegs(n int) (out [][]byte) {
	r := rand.New(rand.NewPCG(5, 6))
	for range n {
		img := image.NewRGBA(image.Rect(0, 0, 96, 72))
		for i := range 96 * 72 {
			img.Set(i%96, i/96, color.RGBA{uint8(r.IntN(256)), uint8(i), uint8(r.IntN(64)), 255})
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 75}); err != nil {
			panic(err) // of a picture made here
		}
		out = append(out, b.Bytes())
	}
	return out
}

// A row of Parquet, as the Hub has them.
type tableRow struct {
	ID            string        `parquet:"id"`
	Image         *tablePicture `parquet:"image,optional"`
	Conversations []tableTurn   `parquet:"conversations,list"`
}

type tablePicture struct {
	Bytes []byte `parquet:"bytes"`
	Path  string `parquet:"path"`
}

type tableTurn struct {
	From  string `parquet:"from"`
	Value string `parquet:"value"`
}

// writeParquet writes row groups of 1000 rows, as datasets does for pictures, with a page index.
func writeParquet(path string, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := parquet.NewGenericWriter[tableRow](f, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(1000), parquet.PageBufferSize(1<<20))
	for s, err := range rows(n) {
		if err != nil {
			return err
		}
		row := tableRow{ID: s.ID}
		for _, p := range s.Pictures {
			row.Image = &tablePicture{p.Bytes, p.Path}
		}
		for _, t := range s.Turns {
			row.Conversations = append(row.Conversations, tableTurn{t.From, t.Value})
		}
		if _, err := w.Write([]tableRow{row}); err != nil {
			return err
		}
	}
	return w.Close()
}

func sizeOf(path string) (n int64) {
	_ = filepath.WalkDir(path, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// anonymousMiB is the resident memory that is no file's, RssAnon of Linux; 0 where there is no such count.
func anonymousMiB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "RssAnon:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(fields[0])
	return float64(kib) / 1024
}

func report(r result) {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // of numbers and texts
	}
	fmt.Println(string(b))
}
