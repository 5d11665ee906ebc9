package runreport

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"moslava/internal/infile"
	"moslava/pipelines/metrics"
	"moslava/pipelines/report"
	"moslava/pipelines/samples"
)

// maxPicture is far above a small picture.
const maxPicture = 4 << 20

// stageSamples are the questions that a training stage was asked, each with all of its answers; the last one counts.
func stageSamples(name, dir string) ([]report.QA, error) {
	all, err := metrics.ReadSamples(dir)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var cards []report.QA
	at := map[int]int{}
	for _, s := range all {
		i, ok := at[s.Sample]
		if !ok {
			i = len(cards)
			at[s.Sample] = i
			card := report.QA{Question: fmt.Sprintf("%s: %s\n", name, s.Question), Want: s.Wanted}
			if s.Picture != "" && filepath.IsLocal(s.Picture) {
				card.PNG, err = infile.Read(filepath.Join(dir, filepath.FromSlash(s.Picture)), maxPicture)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, err
				}
			}
			cards = append(cards, card)
		}
		c := &cards[i]
		if said := strings.Join(strings.Fields(s.Said), " "); said != c.Answer || !ok { // where it has not changed there is nothing to see
			c.Question += fmt.Sprintf("\nstep %d: %s", s.Step, said)
			c.Answer = said
		}
		c.Correct = samples.Right(s)
	}
	return cards, nil
}
