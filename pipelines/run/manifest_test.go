package run

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record is a sound manifest as it is stored.
func record(t testing.TB) []byte {
	t.Helper()
	config := json.RawMessage(`{"seed":1,"x":"\u003c"}`)
	out := []Output{{"a", 1, strings.Repeat("ab", 32)}, {"/b", 2, strings.Repeat("cd", 32)}}
	b, err := json.MarshalIndent(Manifest{
		Format: 1, Plan: Plan{"s", "align", config, sha256Hex(config), []Input{{"r", strings.Repeat("ef", 32)}}, nil, nil, nil},
		Outputs: out, OutputsSHA256: digest(out), Versions: Versions(),
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestManifestRefused(t *testing.T) {
	good := string(record(t))
	if err := decodeRecord("m", []byte(good), new(Manifest)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"format":      {`"format": 1`, `"format": 9`, "format is 9, this program reads 1 to 3"},
		"unknown":     {`"format"`, `"formats"`, "unknown field"},
		"path":        {`"path": "a"`, `"path": "../a"`, `output "../a" is neither`},
		"size":        {`"bytes": 1`, `"bytes": -1`, "has -1 bytes"},
		"hash":        {"abab", "xyxy", "expected 64 hexadecimal digits"},
		"digest":      {`"bytes": 1`, `"bytes": 9`, "outputs_sha256 is"},
		"config":      {`"seed": 1`, `"seed": 2`, "config_sha256 is"},
		"input":       {"efef", "ef", "outputs_sha256 of input"},
		"more behind": {"\n}", "\n}{}", "more behind"},
		"empty":       {good, "", "EOF"},
		"cut":         {"\n}", "", "unexpected EOF"},
	} {
		i := strings.LastIndex(good, c.old)
		text := good[:i] + c.new + good[i+len(c.old):]
		if name != "more behind" && name != "cut" && name != "empty" {
			text = strings.Replace(good, c.old, c.new, 1)
		}
		if err := decodeRecord("dir/manifest.json", []byte(text), new(Manifest)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "dir/manifest.json") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// TestCorrupt: a broken record is an error, not an unfinished stage that would be done again over it.
func TestCorrupt(t *testing.T) {
	dir := doAll(t)
	d := open(t, dir, parse(t), Options{})
	write(t, filepath.Join(dir, "00-align", manifestFile), "{")
	if _, _, err := d.Finished(align); err == nil || !strings.Contains(err.Error(), "00-align") {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "00-align", manifestFile)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "00-align", begunFile), "[]")
	if _, _, err := d.Begin(align); err == nil || !strings.Contains(err.Error(), begunFile) {
		t.Errorf("error %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(record(f))
	f.Add([]byte(`{"format":1,"config":{},"outputs":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(Manifest)
		if err := decodeRecord("m", b, m); err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeRecord("m", again, new(Manifest)); err != nil {
			t.Fatalf("written again it is refused: %v", err)
		}
		new(Dir).changed(&m.Plan, Plan{Config: json.RawMessage(`{"a":[1,{}]}`)}, "", true).list()
	})
}
