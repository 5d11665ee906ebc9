package scenes

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"image/png"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"moslava/datasets"
)

var stages = []struct {
	name    string
	samples func(n int, seed uint64) iter.Seq[Sample]
}{{"pretrain", Pretrain}, {"align", Align}, {"tune", Tune}}

// Samples alternate between human and gpt, mark their picture once, at the start, and have different names.
func TestSamples(t *testing.T) {
	for _, stage := range stages {
		ids := map[string]bool{}
		pictures := 0
		for x := range stage.samples(1500, 3) {
			ids[x.ID] = true
			for i, turn := range x.Turns {
				if want := []string{"human", "gpt"}[i%2]; turn.From != want {
					t.Fatalf("%s: turn %d is from %s, expected %s", x.ID, i, turn.From, want)
				}
				if marked := strings.Contains(turn.Value, "<image>"); marked != (i == 0 && x.Pictures != nil) {
					t.Fatalf("%s: image marker in turn %d: %v", x.ID, i, marked)
				}
				if v := strings.TrimPrefix(turn.Value, "<image>\n"); v == "" || strings.TrimSpace(v) != v || strings.Contains(v, "%!") {
					t.Fatalf("%s: turn %d is %q", x.ID, i, turn.Value)
				}
			}
			if len(x.Turns) == 0 || len(x.Turns)%2 != 0 {
				t.Fatalf("%s: %d turns", x.ID, len(x.Turns))
			}
			if x.Pictures == nil {
				continue
			}
			pictures++
			if cfg, err := png.DecodeConfig(bytes.NewReader(x.Pictures[0].Bytes)); err != nil || cfg.Width != Side || cfg.Height != Side {
				t.Fatalf("%s: picture %dx%d, error %v", x.ID, cfg.Width, cfg.Height, err)
			}
		}
		if len(ids) != 1500 {
			t.Errorf("%s: %d names of 1500 samples", stage.name, len(ids))
		}
		if stage.name != "pretrain" && pictures != 1500 || pictures < 1000 {
			t.Errorf("%s: %d pictures in 1500 samples", stage.name, pictures)
		}
	}
}

// A stage that is cut short or run again gives the same samples.
func TestSamplesRepeat(t *testing.T) {
	for _, stage := range stages {
		var first []Sample
		for x := range stage.samples(400, 3) {
			if first = append(first, x); len(first) == 50 {
				break
			}
		}
		again := slices.Collect(stage.samples(400, 3))
		if len(again) != 400 || !reflect.DeepEqual(first, again[:50]) {
			t.Errorf("%s: a second run differs", stage.name)
		}
		for x := range stage.samples(1, 4) {
			if reflect.DeepEqual(x.Turns, first[0].Turns) {
				t.Errorf("%s: two seeds give the same first sample", stage.name)
			}
		}
	}
}

var (
	lettered = regexp.MustCompile(`\b[A-D]\b`)
	// optioned is a letter that names what follows it; in look-ups letters are only ever what people have.
	optioned = regexp.MustCompile(`(?m)^[A-H][.:)] ?\S|Answer with the option`)
)

// Before tuning nothing is multiple choice: no letters, no options; and the words are few.
func TestVocabulary(t *testing.T) {
	words := map[string]bool{}
	split := regexp.MustCompile(`[a-zA-Z']+|\d+`)
	longest := 0
	for _, stage := range stages {
		for x := range stage.samples(1500, 8) {
			length := 0
			for i, turn := range x.Turns {
				if stage.name != "tune" && (optioned.MatchString(turn.Value) || len(x.Pictures) > 0 && lettered.MatchString(turn.Value)) {
					t.Fatalf("%s: an option in %q", x.ID, turn.Value)
				}
				if stage.name == "tune" && i%2 == 1 && strings.Contains(x.Turns[i-1].Value, AnswerRequest) &&
					strings.Count(x.Turns[i-1].Value, ". "+turn.Value+"\n") != 1 {
					t.Fatalf("%s: answer %q to %q, expected an option's text", x.ID, turn.Value, x.Turns[i-1].Value)
				}
				tokens := split.FindAllString(turn.Value, -1)
				length += len(tokens)
				for _, w := range tokens {
					words[w] = true
				}
			}
			longest = max(longest, length)
		}
	}
	t.Logf("%d words, longest conversation %d", len(words), longest)
	if len(words) >= 250 {
		t.Errorf("%d different words, expected fewer than 250: %v", len(words), slices.Sorted(maps.Keys(words)))
	}
}

// Conversations for pre-training have 6 to 10 exchanges.
func TestDescribeLength(t *testing.T) {
	for i := range 6000 {
		s := New(2, Train, 1+i%3, i)
		turns := s.Describe(s.Rand(forDescribe))
		if n := len(turns) / 2; n < minTurns || n > maxTurns {
			t.Fatalf("%s: %d exchanges, expected %d to %d", s.Caption(), n, minTurns, maxTurns)
		}
		asked := map[string]string{}
		for j := 0; j < len(turns); j += 2 {
			ask, answer := strings.TrimPrefix(turns[j].Value, imageMarker), turns[j+1].Value
			if had, ok := asked[ask]; ok && had != answer {
				t.Fatalf("%s: %q answered %q and %q", s.Caption(), ask, had, answer)
			}
			asked[ask] = answer
		}
	}
}

// A look-up's first answer stands in the text that goes before it.
func TestLookup(t *testing.T) {
	for i := range 3000 {
		turns := Lookup(New(2, Train, 1, i).Rand(1))
		text := turns[0].Value
		for j := 0; j < len(turns); j += 2 {
			answers := []string{turns[j+1].Value}
			if strings.Contains(turns[j].Value, "in full, ") {
				answers = strings.FieldsFunc(answers[0], func(r rune) bool { return r == ' ' || r == ',' })
			}
			for _, answer := range answers {
				if !strings.Contains(text, answer) && !slices.Contains(ordinals, answer) {
					t.Fatalf("%q does not hold %q", text, answer)
				}
			}
		}
	}
}

func readTSV(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	in := csv.NewReader(bytes.NewReader(data))
	in.Comma = '\t'
	records, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]map[string]string, 0, len(records))
	for _, rec := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = rec[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestRotations(t *testing.T) {
	const n = 120
	var out, again bytes.Buffer
	if err := errors.Join(TestTSV(&out, n, Test, 1), TestTSV(&again, n, Test, 1)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("a second run differs")
	}
	rows := readTSV(t, out.Bytes())
	if len(rows) != 4*n {
		t.Fatalf("%d rows, expected %d", len(rows), 4*n)
	}
	perL2 := map[string]int{}
	pictures := map[string]bool{}
	for i, row := range rows {
		base, k := rows[i-i%4], i%4
		if want := i/4 + 1 + k*circularOffset; row["index"] != strconv.Itoa(want) {
			t.Fatalf("row %d has index %s, expected %d", i, row["index"], want)
		}
		if row[row["answer"]] != base[base["answer"]] || row["question"] != base["question"] || row["split"] != "test" {
			t.Fatalf("row %s is not a rotation of row %s", row["index"], base["index"])
		}
		for j := range 4 {
			if row[letters[j:j+1]] != base[letters[(j+k)%4:(j+k)%4+1]] {
				t.Fatalf("row %s: options are not shifted left by %d", row["index"], k)
			}
		}
		if k > 0 {
			if row["image"] != base["index"] {
				t.Fatalf("row %s: image %.20q, expected %s", row["index"], row["image"], base["index"])
			}
			continue
		}
		perL2[row["l2-category"]]++
		picture, err := base64.StdEncoding.DecodeString(row["image"])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
			t.Fatal(err)
		}
		pictures[row["image"]] = true
	}
	for _, l2 := range L2 {
		if perL2[l2] != n/len(L2) {
			t.Errorf("%d questions of %s, expected %d", perL2[l2], l2, n/len(L2))
		}
	}
	if len(pictures) != n {
		t.Errorf("%d different pictures, expected %d", len(pictures), n)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestTSVErrors(t *testing.T) {
	for _, c := range []struct {
		n     int
		split Split
		want  string
	}{
		{6, Train, "expected validation or test"}, {7, Test, "multiple of 6"}, {0, Test, "multiple of 6"}, {-6, Test, "multiple of 6"},
		{1_000_002, Test, "below 1000000"},
	} {
		if err := TestTSV(io.Discard, c.n, c.split, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("n %d, split %s: error %v, expected one about %q", c.n, c.split, err, c.want)
		}
	}
	if err := TestTSV(brokenWriter{}, 6, Test, 1); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("broken writer: error %v, expected %v", err, io.ErrClosedPipe)
	}
}

// What a stage yields can be stored and comes back as it was.
func TestStored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tune")
	if err := datasets.WriteArrow(dir, Rows(Tune(30, 5)), datasets.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	src, err := datasets.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	i := 0
	for want := range Tune(30, 5) {
		got, err := src.At(i)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != want.ID || !reflect.DeepEqual(got.Pictures, want.Pictures) || !reflect.DeepEqual(got.Turns, want.Turns) {
			t.Errorf("sample %d came back different", i)
		}
		i++
	}
	if src.Len() != i {
		t.Errorf("%d samples stored, expected %d", src.Len(), i)
	}
}
