package study

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEnvironment: what variables of a study and of its base recipe stand for is in no file and no message, and that one has changed is noticed.
func TestEnvironment(t *testing.T) {
	root := t.TempDir()
	tiny := filepath.Join(root, "zq-tiny")
	if err := os.CopyFS(tiny, os.DirFS("../stages/testdata/tiny")); err != nil {
		t.Fatal(err)
	}
	base := strings.Replace(fmt.Sprintf(baseText, "${ST_TINY}"), "name: test}", "name: \"${ST_SUITE}\"}", 1)
	base = strings.NewReplacer("${ST_TINY}/vision", `"${ST_TINY}/vision"`, "${ST_TINY}/language", `"${ST_TINY}/language"`).Replace(base)
	values := map[string]string{"ST_TINY": tiny, "ST_SUITE": "zq-suite", "ST_OUT": "zq-out/run", "ST_BASE": "zq-base.yaml", "ST_NAME": "zq-name", "ST_MIXER": "none", "ST_VOID": "zq-void"}
	for name, value := range values {
		t.Setenv(name, value)
	}
	path := filepath.Join(root, "study.yaml")
	text := `name: ${ST_NAME}
base: ${ST_BASE}
run_dir: ${ST_OUT}
baseline: lora
methods:
  - {name: lora, adapters: "mixer=${ST_MIXER}"}
  - {name: half, adapters: [mixer=none, 'exclude_modules=re:.*(q_proj|${ST_VOID})'], keys: clip=0.5}
seeds: 1
bootstrap: {draws: 100}
`
	for file, text := range map[string]string{path: text, filepath.Join(root, "zq-base.yaml"): base} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var detail bytes.Buffer
	for range 2 {
		out, err := runStudy(context.Background(), t, path, Options{Detail: &detail})
		if err != nil || !strings.Contains(out, "2 of 2 cells are finished") || strings.Contains(out, "zq-") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if n := strings.Count(detail.String(), "not begun"); n != 6 { // one shared stage and the export of its model, two cells
		t.Errorf("%d stages were begun:\n%s", n, &detail)
	}
	if strings.Contains(detail.String(), "zq-") {
		t.Errorf("the cells say\n%s", &detail)
	}
	err := filepath.WalkDir(filepath.Join(root, "zq-out"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if i := bytes.Index(b, []byte("zq-")); i >= 0 {
			t.Errorf("%s holds a value: %q", path, b[max(0, i-80):min(len(b), i+80)])
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	t.Setenv("ST_VOID", "zq-other")
	_, err = runStudy(context.Background(), t, path, Options{})
	if err == nil || !strings.Contains(err.Error(), "half-r4") || !strings.Contains(err.Error(), "the environment variable ST_VOID was another text") || strings.Contains(err.Error(), "zq-") {
		t.Errorf("a changed value: %v", err)
	}
}
