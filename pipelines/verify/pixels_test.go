package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"moslava/internal/safetensors"
)

const (
	processorCases = "testdata/processor"
	pictureFiles   = "../../vision/preprocess/testdata"
)

// beside copies the golden of image processors, changed, to a directory with its picture.
func beside(t *testing.T, meta map[string]string, change func(name string, raw []byte)) string {
	t.Helper()
	dir := t.TempDir()
	link(t, "portrait.png", filepath.Join(dir, "source.2.png"))
	golden := filepath.Join(dir, "golden.safetensors")
	rewrite(t, filepath.Join(processorCases, "golden.safetensors"), golden, meta, change)
	return golden
}

// rewrite copies a file of tensors, with other metadata unless they are nil, and each tensor as change leaves it.
func rewrite(t *testing.T, from, to string, meta map[string]string, change func(name string, raw []byte)) {
	t.Helper()
	f, err := safetensors.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if meta == nil {
		meta = f.Metadata()
	}
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		raw, err := f.Raw(name)
		if err != nil {
			t.Fatal(err)
		}
		raw = append([]byte{}, raw...)
		if change != nil {
			change(name, raw)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: info.DType, Shape: info.Shape, Raw: raw})
	}
	if err := safetensors.Write(to, tensors, meta); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, picture, to string) {
	t.Helper()
	copyFile(t, filepath.Join(pictureFiles, picture), to)
}

// failing runs the comparison and returns the notes of what fails by name.
func failing(t *testing.T, model, golden string, opt Options) map[string]string {
	t.Helper()
	report, err := Run(model, golden, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) != 4 {
		t.Errorf("%d rows, want 4: %+v", len(report.Rows), report.Rows)
	}
	out := map[string]string{}
	for _, row := range report.Rows {
		if !row.OK {
			out[row.Name] = row.Note
		}
	}
	return out
}

func TestProcessorsAgreeWithTransformers(t *testing.T) {
	golden := beside(t, nil, nil)
	if bad := failing(t, processorCases, golden, Options{Pictures: filepath.Join(pictureFiles, "jpeg")}); len(bad) > 0 {
		t.Errorf("fail: %v", bad)
	}
	// Pillow up to 12 makes other bytes of a tall picture: the metadata decides.
	meta := map[string]string{"pillow": "12.2.0"}
	if bad := failing(t, processorCases, beside(t, meta, nil), Options{}); bad["siglip.wide.2.u8"] == "" || bad["clip.56.2.u8"] != "" {
		t.Errorf("with Pillow 12 fail: %v, want siglip.wide.2.u8 and not clip.56.2.u8", bad)
	}
	// One file of the directory: the others' results are not compared.
	bad := failing(t, filepath.Join(processorCases, "siglip.wide.json"), golden, Options{})
	for name, note := range map[string]string{"clip.56.2.u8": "no picture source.clip.56.2.* in ", "clip.56.jpeg.u8": "not compared"} {
		if !strings.Contains(bad[name], note) {
			t.Errorf("%s: %q, want %q", name, bad[name], note)
		}
	}
	if len(bad) != 2 {
		t.Errorf("fail: %v, want those of the other file", bad)
	}
}

// TestModelDirectoryHasItsProcessor: without a configuration by name it is the one of the model's directory, and --config replaces it.
func TestModelDirectoryHasItsProcessor(t *testing.T) {
	dir, golden := t.TempDir(), beside(t, nil, nil)
	text, err := os.ReadFile(filepath.Join(processorCases, "siglip.wide.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "preprocessor_config.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	here := filepath.Dir(golden)
	link(t, "portrait.png", filepath.Join(here, "source.siglip.wide.2.png"))
	for _, opt := range []Options{{}, {Config: filepath.Join(dir, "preprocessor_config.json")}} {
		if bad := failing(t, dir, golden, opt); len(bad) != 2 || bad["siglip.wide.2"]+bad["siglip.wide.2.u8"] != "" {
			t.Errorf("%+v: fail: %v, want those of clip.56", opt, bad)
		}
	}
}

func TestWhatDiffersInAPictureFails(t *testing.T) {
	jpegs := filepath.Join(pictureFiles, "jpeg")
	golden := beside(t, nil, func(name string, raw []byte) {
		if name == "clip.56.2.u8" {
			raw[100] ^= 1
		}
		if name == "siglip.wide.2" {
			raw[1] ^= 0x80 // the sign
		}
	})
	bad := failing(t, processorCases, golden, Options{Pictures: jpegs})
	if len(bad) != 2 || bad["clip.56.2.u8"] != "1 of 9408 elements" || bad["siglip.wide.2"] != "1 of 7200 elements" {
		t.Errorf("fail: %v", bad)
	}
	bad = failing(t, processorCases, golden, Options{Pictures: jpegs, Tol: 0.005})
	if len(bad) != 1 || bad["siglip.wide.2"] == "" {
		t.Errorf("with a tolerance fail: %v, want the sign alone", bad)
	}
}

func TestPicturesThatAreNotThere(t *testing.T) {
	golden := beside(t, nil, nil)
	bad := failing(t, processorCases, golden, Options{})
	if want := "not compared: no picture 420.jpg in " + filepath.Dir(golden) + "; --pictures"; len(bad) != 1 || !strings.HasPrefix(bad["clip.56.jpeg.u8"], want) {
		t.Errorf("fail: %v, want %q", bad, want)
	}
	link(t, "tiny.png", filepath.Join(filepath.Dir(golden), "source.2.bmp"))
	if bad = failing(t, processorCases, golden, Options{}); !strings.Contains(bad["clip.56.2.u8"], "source.2.bmp and source.2.png, want one source.2.*") {
		t.Errorf("fail: %v", bad)
	}
	golden = beside(t, map[string]string{}, nil)
	if err := os.WriteFile(filepath.Join(filepath.Dir(golden), "source.2.png"), []byte("no picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	bad = failing(t, processorCases, golden, Options{})
	if !strings.Contains(bad["clip.56.2.u8"], "source.2.png: preprocess: 10 bytes") || !strings.Contains(bad["clip.56.jpeg.u8"], "no picture source.jpeg.*") {
		t.Errorf("fail: %v", bad)
	}
	empty := t.TempDir()
	if bad = failing(t, empty, golden, Options{}); len(bad) != 4 || !strings.Contains(bad["clip.56.2.u8"], filepath.Join(empty, "preprocessor_config.json")) {
		t.Errorf("fail: %v", bad)
	}
}

func TestBadProcessorsAreOneError(t *testing.T) {
	golden := beside(t, nil, nil)
	broken := filepath.Join(t.TempDir(), "siglip.wide.json")
	if err := os.WriteFile(broken, []byte(`{"image_processor_type":"FuyuImageProcessor"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, golden string
		opt           Options
		want          string
	}{
		{"nowhere", golden, Options{}, "nowhere"},
		{broken, golden, Options{}, `siglip.wide.json: preprocess: image_processor_type is "FuyuImageProcessor"`},
		{filepath.Dir(broken), golden, Options{}, `siglip.wide.json: preprocess: image_processor_type is "FuyuImageProcessor"`},
		{processorCases, beside(t, map[string]string{"pillow": "new"}, nil), Options{}, `metadata: pillow is "new", want a version`},
		{llama, filepath.Join(llama, "golden.safetensors"), Options{Pictures: pictureFiles}, "no tensor of bytes (NAME.u8)"},
	} {
		if _, err := Run(c.model, c.golden, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: error %v, want one with %q", c.model, c.golden, err, c.want)
		}
	}
}
