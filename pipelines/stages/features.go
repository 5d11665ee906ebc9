package stages

import (
	"fmt"
	"path/filepath"

	"moslava/internal/machine"
	"moslava/pipelines/features"
)

// featuresDir holds what the vision tower made of pictures, while the stage lasts.
const featuresDir = "features"

// keepFeatures has the model keep features of pictures, if the stage asks for it.
func (t *training) keepFeatures() (err error) {
	c := t.cfg.FeatureCache
	if !c.On() {
		return nil
	}
	t.features, err = features.Open(filepath.Join(t.path, featuresDir), int64(c.Memory), int64(c.Disk), func(text string) { t.bar.Note(text) })
	if err != nil {
		return err
	}
	if err := t.model.KeepFeatures(t.features); err != nil {
		return fmt.Errorf("feature_cache: %w", err)
	}
	return nil
}

// endFeatures removes the files and tells what they were good for.
func (t *training) endFeatures() error {
	if t.features == nil {
		return nil
	}
	n := t.features.Counts()
	fmt.Fprintf(t.out, "%s: features of %d tiles were found again, of %d computed; %d kept in memory, %d in files", t.Name, n.Found, n.Missed, n.Held, n.Filed)
	if n.Refused > 0 {
		fmt.Fprintf(t.out, "; feature_cache had no room for %d (memory %s, disk %s)", n.Refused, machine.Text(int64(t.cfg.FeatureCache.Memory)), machine.Text(int64(t.cfg.FeatureCache.Disk)))
	}
	fmt.Fprintln(t.out)
	return t.features.Remove()
}
