package metrics

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record is what step n measures, at a time that depends on the run.
func record(n int, clock float64) Record {
	r := Record{Step: n, Loss: 5 / float64(n), GradNorm: 0.1 * float64(n), LR: 1e-3, Tokens: 700, Targets: 44,
		Time: Time{Unix: 1.7e9 + clock + float64(n), Seconds: 1.5, TokensPerSecond: 466}}
	if n%3 == 0 {
		v := 4 / float64(n)
		r.Validation, r.Counts = &v, map[string]int64{"samples": int64(8 * n), "dropped": 1}
	}
	return r
}

// write goes on after a step and writes up to another.
func write(t *testing.T, dir string, after, to int, clock float64) {
	t.Helper()
	l, err := Open(dir, after)
	if err != nil {
		t.Fatal(err)
	}
	for n := after + 1; n <= to; n++ {
		if err := l.Write(record(n, clock)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func lines(dir string) string { return filepath.Join(dir, LinesFile) }

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLine(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 3, 0)
	want := `{"step":1,"loss":5,"grad_norm":0.1,"lr":0.001,"tokens":700,"targets":44,"time":{"unix":1700000001,"seconds":1.5,"tokens_per_second":466}}`
	got := strings.Split(string(content(t, lines(dir))), "\n")
	if len(got) != 4 || got[0] != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `"targets":44,"counts":{"dropped":1,"samples":24},"validation_loss":1.3333333333333333,"time"`
	if !strings.Contains(got[2], want) {
		t.Errorf("got\n%s\nwant\n%s", got[2], want)
	}
}

// TestResume: what an interrupted run wrote after its last state goes, and the rest is as if nothing had happened.
func TestResume(t *testing.T) {
	whole, cut := t.TempDir(), t.TempDir()
	write(t, whole, 0, 9, 0)
	write(t, cut, 0, 6, 0)
	f, err := os.OpenFile(lines(cut), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"step":7,"lo`) // killed while writing
	f.Close()
	write(t, cut, 4, 9, 1000)
	a, err := WithoutTime(lines(whole))
	if err != nil {
		t.Fatal(err)
	}
	b, err := WithoutTime(lines(cut))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) || bytes.Count(a, []byte("\n")) != 9 || bytes.Contains(a, []byte("time")) {
		t.Errorf("uninterrupted\n%s\nresumed\n%s", a, b)
	}
	if bytes.Equal(content(t, lines(whole)), content(t, lines(cut))) {
		t.Error("the times are the same")
	}
	write(t, cut, 0, 9, 0)
	for _, name := range []string{LinesFile, EventsFile} {
		if !bytes.Equal(content(t, filepath.Join(whole, name)), content(t, filepath.Join(cut, name))) {
			t.Errorf("%s written anew differs", name)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	good := `{"step":1,"loss":1,"grad_norm":1,"lr":1,"tokens":1,"targets":1}` + "\n"
	for _, c := range []struct {
		text  string
		after int
		want  string
	}{
		{good, -1, "after step -1, want at least 0"},
		{good, 2, "ends at step 1, but step 2 is to be followed"},
		{good + `{"step":2`, 2, "ends at step 1, but step 2 is to be followed"},
		{good + good, 2, "metrics.jsonl:2: step is 1, want 2"},
		{"{}\n", 1, "metrics.jsonl:1: step is 0, want 1"},
		{good + "nonsense\n", 2, "metrics.jsonl:2: invalid character"},
		{strings.Replace(good, "}", "}{}", 1), 1, "metrics.jsonl:1: there is more behind the record"},
		{strings.Replace(good, "lr", "rl", 1), 1, "metrics.jsonl:1: json: unknown field"},
		{strings.Repeat("x", maxLine+1), 1, "metrics.jsonl:1: longer than"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(lines(dir), []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, c.after); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if got := content(t, lines(dir)); string(got) != c.text {
			t.Errorf("%s: the file changed all the same", c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), 0); err == nil {
		t.Error("a directory that is not there was taken")
	}
}

func TestWriteErrors(t *testing.T) {
	l, err := Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Write(record(2, 0)); err == nil || !strings.Contains(err.Error(), "step 2 comes after step 0") {
		t.Errorf("a step left out: %v", err)
	}
	r := record(1, 0)
	r.GradNorm = math.NaN()
	if err := l.Write(r); err == nil || !strings.Contains(err.Error(), "step 1: train/grad_norm is NaN") {
		t.Errorf("NaN: %v", err)
	}
	r = record(1, 0)
	r.Time.Unix = math.Inf(1)
	if err := l.Write(r); err == nil || !strings.Contains(err.Error(), "time/unix is +Inf") {
		t.Errorf("infinity: %v", err)
	}
	if err := l.Write(record(1, 0)); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}

// TestGoldenBytes compares with the records that TensorBoard 2.21's own writer makes of the same events.
func TestGoldenBytes(t *testing.T) {
	if got := maskedCRC([]byte("123456789")); got != 0xc78ab0e5 { // from 0xe3069283, the check value of CRC-32C
		t.Errorf("masked checksum %#x", got)
	}
	got := hex.EncodeToString(versionEvent()) + hex.EncodeToString(event(1700000003, 300, []scalar{{"train/loss", 5. / 3}}))
	want := "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc985129" +
		"2100000000000000017becf6090000c040fc54d94110ac022a130a110a0a747261696e2f6c6f7373155555d53f79b58318"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestEvents reads the event file back, field by field.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, 0, 2, 0)
	write(t, dir, 2, 3, 0)
	b := content(t, filepath.Join(dir, EventsFile))
	var events [][]byte
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		data := b[12 : 12+n]
		if binary.LittleEndian.Uint32(b[8:]) != maskedCRC(b[:8]) || binary.LittleEndian.Uint32(b[12+n:]) != maskedCRC(data) {
			t.Fatal("checksum")
		}
		events = append(events, data)
		b = b[16+n:]
	}
	if len(events) != 4 || string(events[0]) != "\x1a\x0dbrain.Event:2" {
		t.Fatalf("%d events, the first %q", len(events), events[0])
	}
	e := events[3]
	if e[0] != 0x09 || math.Float64frombits(binary.LittleEndian.Uint64(e[1:])) != 1700000003 || e[9] != 0x10 || e[10] != 3 || e[11] != 0x2a {
		t.Errorf("event % x", e)
	}
	loss := append([]byte("\x0a\x11\x0a\x0atrain/loss\x15"), binary.LittleEndian.AppendUint32(nil, math.Float32bits(5./3))...)
	if !bytes.Contains(e, loss) {
		t.Errorf("event % x has no % x", e, loss)
	}
}

func FuzzScan(f *testing.F) {
	line, err := new(Record).line()
	if err != nil {
		f.Fatal(err)
	}
	r := record(1, 0)
	full, err := r.line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(full)
	f.Add(full[:20])
	f.Add(append(full, `{"step":2}`+"\n"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := int64(0)
		scan("m", bytes.NewReader(b), func(r *Record, end int64) bool {
			if end <= last || end > int64(len(b)) || b[end-1] != '\n' {
				t.Fatalf("line of step %d ends at %d after %d of %d", r.Step, end, last, len(b))
			}
			if _, err := r.line(); err != nil {
				t.Fatal(err)
			}
			last = end
			return true
		})
	})
}
