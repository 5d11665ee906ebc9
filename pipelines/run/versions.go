package run

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Versions says which program this is: "moslava" is the module's version and the commit, with the word modified if it was built from
// a tree with other changes, "go" the compiler, "platform" the operating system and architecture. It goes into every manifest.
func Versions() map[string]string {
	program := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		parts := []string{info.Main.Version}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.modified" && s.Value == "true" {
				parts = append(parts, strings.ReplaceAll(s.Value, "true", "modified"))
			}
		}
		program = strings.Join(parts, " ")
	}
	return map[string]string{"moslava": program, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
}
