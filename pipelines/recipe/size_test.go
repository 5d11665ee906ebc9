package recipe

import "testing"

func TestSizes(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "512KiB": 512 << 10, "1.5GiB": 3 << 29, "2 TiB": 2 << 40, "0MiB": 0} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "GiB", "-1GiB", "nanGiB", "1e30TiB", "2GB", "2gib"} {
		if got, err := parseBytes(text); err == nil {
			t.Errorf("%s: %d, want an error", text, got)
		}
	}
}

// TestFeatureCacheKeys: a plain size is that of memory, and what is kept makes no finished stage stale.
func TestFeatureCacheKeys(t *testing.T) {
	plain, err := words.Parse("r.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	r, err := words.Parse("r.yaml", []byte(small+"  feature_cache: 2MiB\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Stages[0].Train.FeatureCache; c.Memory != 2<<20 || c.Disk != 0 || !c.On() || plain.Stages[0].Train.FeatureCache.On() {
		t.Errorf("%+v", c)
	}
	a, errA := plain.StageJSON(0)
	b, errB := r.StageJSON(0)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("%s\n%s, %v, %v", a, b, errA, errB)
	}
}
