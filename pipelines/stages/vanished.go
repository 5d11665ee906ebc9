package stages

import (
	"fmt"
	"path/filepath"
	"strings"

	"moslava/internal/machine"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
)

// A process that the system kills for its memory cannot say so. So it notes what it is at, and the next one says it.

// noteStage notes in the run directory which stage goes on and what it was planned to take.
func (s *stage) noteStage() error {
	text := s.Name
	if s.peak > 0 {
		text += "\nplanned peak " + machine.Text(s.peak)
		if room, err := machine.Memory(); err == nil {
			text += fmt.Sprintf(", %s available (%s)", machine.Text(room.Bytes), room.Limit)
		}
	}
	return s.dir.Note(text)
}

// vanished is a line on the last process in the directory, if it ended without a word; otherwise it is empty.
func vanished(r *recipe.Recipe, d *run.Dir) string {
	holder, note, _ := strings.Cut(d.Left(), "\n")
	if holder == "" {
		return ""
	}
	text := "the last run (" + holder + ") ended without a word"
	name, planned, _ := strings.Cut(note, "\n")
	if s, i := r.Stage(name); s != nil {
		text += " in stage " + name
		if steps, err := metrics.Read(filepath.Join(d.StageDir(i), metrics.LinesFile)); err == nil && len(steps) > 0 {
			text += fmt.Sprintf(" after step %d", len(steps))
		}
	}
	text += ": killed, perhaps out of memory"
	if planned != "" {
		text += "; " + planned
	}
	return text
}
