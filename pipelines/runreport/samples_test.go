package runreport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/pipelines/metrics"
)

// TestReportOfSamples: a page shows each question once, with what was answered when.
func TestReportOfSamples(t *testing.T) {
	dir := t.TempDir()
	stage := filepath.Join(dir, "01-tune")
	err := os.Mkdir(stage, 0o777)
	if err != nil {
		t.Fatal(err)
	}
	log, err := metrics.Open(stage, 0)
	for step, said := range []string{"cat", "cat", "Dog."} {
		if err == nil {
			err = log.Samples([]metrics.Sample{{Step: step + 1, Sample: 1, Question: "what <is> it?", Wanted: "dog", Said: said, Picture: "samples/1.jpg"}})
		}
		if err == nil {
			err = log.Write(metrics.Record{Step: step + 1, Loss: 1})
		}
	}
	if err == nil {
		err = log.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	path, err := Write(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	page := string(b)
	if err != nil || strings.Count(page, "what &lt;is&gt; it?") != 1 || !strings.Contains(page, "step 1: cat\nstep 3: Dog.") || !strings.Contains(page, "1 of these 1 are right") {
		t.Errorf("%v\n%s", err, page[strings.Index(page, "<body>"):])
	}
}
