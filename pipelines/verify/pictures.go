package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"moslava/internal/safetensors"
	"moslava/vision/preprocess"
)

// pictureDirs are the directories with the pictures of a golden, in the order in which they are searched.
func pictureDirs(opt Options, golden string) []string {
	beside := filepath.Dir(golden)
	if opt.Pictures == "" {
		return []string{beside}
	}
	return []string{opt.Pictures, beside}
}

// findPicture is the first file of the directories with that name and any ending; empty if there is none.
func findPicture(dirs []string, name string) (string, error) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		var found []string
		for _, e := range entries {
			ending, ok := strings.CutPrefix(e.Name(), name+".")
			if ok && !strings.Contains(ending, ".") {
				found = append(found, e.Name())
			}
		}
		if len(found) > 1 {
			return "", fmt.Errorf("%s has %s, want one %s.*", dir, strings.Join(found, " and "), name)
		}
		if len(found) == 1 {
			return filepath.Join(dir, found[0]), nil
		}
	}
	return "", nil
}

func noPicture(want string, dirs []string) error {
	return fmt.Errorf("no picture %s in %s; --pictures DIR names another place", want, strings.Join(dirs, " or "))
}

// pillowOrder is the order of the two passes of resizing in the version of Pillow that a golden's metadata names.
func pillowOrder(g *safetensors.File) (order preprocess.Order, err error) {
	major, _, _ := strings.Cut(g.Metadata()["pillow"], ".")
	if major == "" {
		return order, nil
	}
	n, err := strconv.Atoi(major)
	if err != nil {
		return order, fmt.Errorf("%s: metadata: pillow is %q, want a version", g.Path(), g.Metadata()["pillow"])
	}
	if n >= 13 {
		order = preprocess.Pillow13
	}
	return order, nil
}
