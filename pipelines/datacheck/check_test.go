package datacheck

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes/recipetest"
)

// picture is one of a colour, as PNG, or as PNG with more in it than the pixels.
func picture(t *testing.T, shade uint8, w, h int, level png.CompressionLevel) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = shade + uint8(i%7)
	}
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write makes the files of a data set of which every row but the first has something, and a suite.
func write(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	row := func(id, image, question, answer string) string {
		if image != "" {
			image = fmt.Sprintf(`"image": %q, `, image)
			question = "<image>\n" + question
		}
		b, err := json.Marshal([]map[string]string{{"from": "human", "value": question}, {"from": "gpt", "value": answer}})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"id": %q, %s"conversations": %s}`, id, image, b)
	}
	pictures := map[string][]byte{
		"a.png":       picture(t, 10, 40, 30, png.BestSpeed),
		"again.png":   picture(t, 10, 40, 30, png.NoCompression), // other bytes, the same pixels
		"asked.png":   picture(t, 90, 64, 64, png.BestSpeed),
		"damaged.png": picture(t, 50, 64, 64, png.BestSpeed)[:60],
	}
	for name, b := range pictures {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o666))
	}
	rows := []string{
		row("good", "a.png", "what is it?", "a ring"),
		row("good", "", "and now?", "nothing"), // the id of the first
		row("again", "again.png", "what else?", "the same ring"),
		row("asked", "asked.png", "what is asked?", "this"),
		row("gone", "gone.png", "where is it?", "gone"),
		row("damaged", "damaged.png", "what was it?", "damaged"),
		row("silent", "", "say nothing", " "),
		row("long", "", "say much", strings.Repeat("many words ", 60)),
		row("copy 1", "", "twice?", "twice"),
		row("copy 2", "", "twice?", "twice"),
	}
	must(t, os.WriteFile(filepath.Join(dir, "rows.json"), []byte("["+strings.Join(rows, ",\n")+"]"), 0o666))
	line := []string{"1", "what is it?", "A", "red", "green", "perception", base64.StdEncoding.EncodeToString(picture(t, 90, 64, 64, png.BestCompression))}
	must(t, os.WriteFile(filepath.Join(dir, "suite.tsv"), []byte("index\tquestion\tanswer\tA\tB\tcategory\timage\n"+strings.Join(line, "\t")+"\n"), 0o666))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check looks at those rows with a stage's keys besides.
func check(t *testing.T, dir, keys string) (*Report, *recipe.Recipe) {
	t.Helper()
	r := recipetest.Parse(t, filepath.Join(dir, "run"), recipetest.Towers+"stages:\n"+
		"- {kind: tune, data: "+filepath.Join(dir, "rows.json")+", max_length: 64, batch: 1, adapters: {language: {r: 2}}"+keys+"}\n"+
		"- {kind: evaluate, suites: ["+filepath.Join(dir, "suite.tsv")+"]}\n")
	report, err := Check(context.Background(), r, Options{})
	must(t, err)
	return report, r
}

// found is a finding by kind.
func (s *Stage) found(kind string) (f Finding) {
	for _, x := range s.Findings {
		if x.Kind == kind {
			return x
		}
	}
	return f
}

func TestCheckNamesWhatStopsARun(t *testing.T) {
	dir := write(t)
	report, _ := check(t, dir, "")
	s := &report.Stages[0]
	if s.Rows != 10 || s.Used != 6 || s.Sequences != 6 || s.Lengths.Total() != 7 {
		t.Errorf("found %d rows, %d used as %d sequences, %d lengths", s.Rows, s.Used, s.Sequences, s.Lengths.Total())
	}
	if s.Sides[64] != 2 || s.Sides[40] != 2 || s.PerPicture.Total() != 3 || s.Learnt == 0 || s.Learnt >= s.Tokens || s.OfImages != 3*16 {
		t.Errorf("found sides %v, tokens %v a picture, %d of %d tokens supervised, %d of pictures", s.Sides, s.PerPicture, s.Learnt, s.Tokens, s.OfImages)
	}
	for kind, want := range map[string]struct {
		level Level
		named string
	}{
		Missing: {Fault, "rows.json:4"}, Broken: {Fault, "rows.json:5 (id damaged): picture 1 (damaged.png)"}, EmptyAnswer: {Fault, "rows.json:6"},
		TooLong: {Fault, "rows.json:7"}, SameID: {Warning, "rows.json:0 (id good), "}, SamePicture: {Warning, "rows.json:2 (id again)"},
		SameSample: {Warning, "rows.json:8 (id copy 1), "}, PictureInSuite: {Warning, "rows.json:3 (id asked): question 1 of suite suite"},
	} {
		f := s.found(kind)
		if f.Count != 1 || f.Level != want.level || len(f.Named) != 1 || !strings.Contains(f.Named[0], want.named) {
			t.Errorf("%s: found %+v, want one %s that names %q", kind, f, want.level, want.named)
		}
	}
	stop := new(StopError)
	if err := report.Err(); !errors.As(err, &stop) || len(stop.Places) != 4 {
		t.Errorf("found %v", err)
	}
	if len(s.Samples) != 3 || !strings.Contains(s.Samples[0].Place, "good") || len(s.Samples[0].Pictures) != 1 {
		t.Fatalf("found samples %+v", s.Samples)
	}
	var kinds, learnt []string
	for _, span := range s.Samples[0].Spans {
		kinds = append(kinds, span.Kind)
		if span.Kind == Learnt {
			learnt = append(learnt, span.Text)
		}
	}
	if strings.Join(kinds, " ") != "read picture read supervised" || len(learnt) != 1 || !strings.HasPrefix(learnt[0], "a ring") {
		t.Errorf("found spans %v, supervised %q", kinds, learnt)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); !os.IsNotExist(err) {
		t.Errorf("the run directory: %v", err)
	}
}

// Under policies that leave samples out, nothing stops a run, and the report says what is left out.
func TestCheckPolicies(t *testing.T) {
	report, _ := check(t, write(t), ", on_bad: skip, on_long: drop, on_empty: skip, on_no_targets: skip")
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{Missing, Broken, EmptyAnswer, TooLong} {
		if f := report.Stages[0].found(kind); f.Level != Warning || f.Count != 1 || !strings.Contains(f.What, "left out") {
			t.Errorf("%s: found %+v", kind, f)
		}
	}
}

// What the held-out share has of the training share is told, whichever rows it is.
func TestCheckHeldOut(t *testing.T) {
	dir := write(t)
	rows := strings.Repeat(`{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}`+"\n", 8)
	must(t, os.WriteFile(filepath.Join(dir, "rows.json"), []byte(rows), 0o666))
	report, _ := check(t, dir, ", validation: 0.25")
	s := &report.Stages[0]
	if f := s.found(SampleHeld); s.Held != 2 || f.Count != 2 || len(f.Named) != 2 {
		t.Errorf("%d held out, %+v", s.Held, f)
	}
}

// A row that a source's weight repeats is no duplicate; one that is held out and trained on all the same is told.
func TestCheckWeights(t *testing.T) {
	dir := write(t)
	var rows strings.Builder
	for i := range 8 {
		fmt.Fprintf(&rows, `{"id": "%[1]d", "conversations": [{"from": "human", "value": "q %[1]d"}, {"from": "gpt", "value": "a %[1]d"}]}`+"\n", i)
	}
	must(t, os.WriteFile(filepath.Join(dir, "rows.json"), []byte(rows.String()), 0o666))
	r := recipetest.Parse(t, filepath.Join(dir, "run"), recipetest.Towers+"stages:\n- {kind: tune, data: {path: "+filepath.Join(dir, "rows.json")+
		", weight: 2}, validation: 0.25, batch: 1, adapters: {language: {r: 2}}}\n")
	report, err := Check(context.Background(), r, Options{})
	must(t, err)
	s := &report.Stages[0]
	if s.Rows != 16 || s.found(SameID).Count+s.found(SameSample).Count != 0 || s.found(SampleHeld).Count == 0 {
		t.Errorf("%d rows, findings %+v", s.Rows, s.Findings)
	}
}

// Conversations that are cut are counted, and what is left out of them is named.
func TestCheckSplit(t *testing.T) {
	dir := write(t)
	turn := func(from, text string) string { return fmt.Sprintf(`{"from": %q, "value": %q}`, from, text) }
	talk := []string{turn("human", "first?"), turn("gpt", "one"), turn("human", strings.Repeat("many words ", 60)), turn("gpt", "two"), turn("human", "third?"), turn("gpt", "three")}
	must(t, os.WriteFile(filepath.Join(dir, "rows.json"), []byte(`{"conversations": [`+strings.Join(talk, ",")+"]}"), 0o666))
	report, _ := check(t, dir, ", on_long: split")
	s := &report.Stages[0]
	if long, out := s.found(TooLong), s.found(LeftOut); s.Sequences != 2 || long.Level != Warning || !strings.Contains(long.What, "2 sequences made of them") || out.Count != 1 {
		t.Errorf("%d sequences, findings %+v", s.Sequences, s.Findings)
	}
}

// Samples whose end is cut off are used, and said to be.
func TestCheckTruncate(t *testing.T) {
	report, _ := check(t, write(t), ", on_bad: skip, on_empty: skip, on_long: truncate")
	s := &report.Stages[0]
	if long := s.found(TooLong); s.Used != 7 || long.Level != Warning || long.Count != 1 || !strings.Contains(long.What, "on_long is truncate: 1 sequence made of them") {
		t.Errorf("%d used, findings %+v", s.Used, s.Findings)
	}
}

// A share of which nothing can be used stops a run, if only at its first validation. Rows 2 and 4 are those that the seed holds out.
func TestCheckNothingLeft(t *testing.T) {
	for _, held := range []bool{true, false} {
		dir := write(t)
		text := func(held bool) string {
			var rows strings.Builder
			for i := range 8 {
				answer := "a"
				if (i == 2 || i == 4) == held {
					answer = strings.Repeat("many words ", 60)
				}
				fmt.Fprintf(&rows, `{"conversations": [{"from": "human", "value": "q %d"}, {"from": "gpt", "value": "%s"}]}`+"\n", i, answer)
			}
			return rows.String()
		}
		must(t, os.WriteFile(filepath.Join(dir, "rows.json"), []byte(text(held)), 0o666))
		report, _ := check(t, dir, ", validation: 0.25, on_long: drop")
		s := &report.Stages[0]
		none, other := s.found(NoneUsed), s.found(NoneUsedHeld)
		if held {
			none, other = other, none
		}
		if none.Level != Fault || none.Count == 0 || !strings.Contains(none.What, "can be used") || other.Kind != "" || report.Err() == nil {
			t.Errorf("held %v: findings %+v", held, s.Findings)
		}
	}
}

// A decoder alone cannot see, and the check says so as a run would.
func TestCheckWithoutVision(t *testing.T) {
	dir := write(t)
	r := recipetest.Parse(t, filepath.Join(dir, "run"), "model: {language: tiny/language, init: random}\nstages:\n- {kind: tune, data: "+filepath.Join(dir, "rows.json")+
		", limit: 1, batch: 1, adapters: {language: {r: 2}}}\n")
	report, err := Check(context.Background(), r, Options{})
	must(t, err)
	if f := report.Stages[0].found(Unusable); f.Level != Fault || f.Count != 1 || !strings.Contains(f.Named[0], "decoder alone") {
		t.Errorf("findings %+v", report.Stages[0].Findings)
	}
}

// The text has no control characters of the data, and marks what is supervised; the page has all that the text has, and fetches nothing.
func TestCheckShows(t *testing.T) {
	dir := write(t)
	rows := `{"id": "\u001b[2J<script>", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "\u001b[31mred <b>"}]}`
	must(t, os.WriteFile(filepath.Join(dir, "rows.json"), []byte(rows), 0o666))
	report, _ := check(t, dir, "")
	for _, colour := range []bool{false, true} {
		var out bytes.Buffer
		must(t, report.WriteText(&out, colour))
		text := out.String()
		if strings.Contains(text, "\x1b[31m") || strings.Contains(text, "\x1b[2J") || strings.Contains(text, green) != colour || !strings.Contains(text, "⟦") {
			t.Errorf("colour %v:\n%q", colour, text)
		}
	}
	to := filepath.Join(dir, "out")
	must(t, report.WriteFiles(to))
	page, err := os.ReadFile(filepath.Join(to, HTMLFile))
	must(t, err)
	if s := string(page); strings.Contains(s, "<script>") || strings.Contains(s, "src=\"http") || !strings.Contains(s, "<mark>") || !strings.Contains(s, "data:image/svg&#43;xml;base64,") {
		t.Errorf("the page is\n%s", s)
	}
	if _, err := os.Stat(filepath.Join(to, "00-tune-tokens.png")); err != nil {
		t.Error(err)
	}
	var back map[string]any
	text, err := os.ReadFile(filepath.Join(to, JSONFile))
	must(t, err)
	must(t, json.Unmarshal(text, &back))
}

func TestCheckRefuses(t *testing.T) {
	long := recipetest.Parse(t, t.TempDir(), recipetest.Towers+"stages:\n- {kind: align, data: \"scenes:align?n=4\", max_length: 99999}\n")
	if report, err := Check(context.Background(), long, Options{}); err != nil || report.Stages[0].found(BadLength).Level != Fault {
		t.Errorf("%v, found %+v", err, report.Stages)
	}
	r := recipetest.Parse(t, t.TempDir(), recipetest.Towers+"stages:\n- {kind: tune, data: nowhere.json, adapters: {language: {r: 2}}}\n")
	_, err := Check(context.Background(), r, Options{Stages: []string{"tunes"}})
	recipetest.Names(t, err, `no training stage "tunes"`, "tune")
	report, err := Check(context.Background(), r, Options{})
	must(t, err)
	if f := report.Stages[0].found(CannotOpen); f.Level != Fault || !strings.Contains(f.Named[0], "nowhere.json") {
		t.Errorf("found %+v", f)
	}
	recipetest.Names(t, report.Err(), "a run would stop at the data")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Check(ctx, r, Options{}); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestBins(t *testing.T) {
	for _, c := range []struct {
		counts Counts
		want   string
	}{
		{nil, "[]"}, {Counts{7: 3}, "[{7 8 3}]"}, {Counts{0: 1, 30: 2}, "[{0 5 1} {5 10 0} {10 15 0} {15 20 0} {20 25 0} {25 30 0} {30 35 2}]"},
	} {
		if got := fmt.Sprint(c.counts.Bins()); got != c.want {
			t.Errorf("%v: found %s, want %s", c.counts, got, c.want)
		}
	}
	if c := (Counts{1: 1, 2: 1, 10: 2}); c.Quantile(0) != 1 || c.Quantile(.5) != 2 || c.Quantile(1) != 10 || c.Mean() != 5.75 {
		t.Errorf("found %v %v %v, mean %v", c.Quantile(0), c.Quantile(.5), c.Quantile(1), c.Mean())
	}
}
