package dataconvert

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"strings"

	"moslava/datasets"
)

// table writes id, image, question and answer.
type table struct {
	csv      *csv.Writer
	pictures *pictures
}

func beginCSV(at place) (rowWriter, error) {
	t := &table{csv.NewWriter(at.w), newPictures(at.dir)}
	return t, t.csv.Write([]string{"id", "image", "question", "answer"})
}

// checkCSV refuses what those columns have no place for.
func checkCSV(s *datasets.Sample) error {
	_, err := question(s)
	return err
}

// question is the only one of a sample, without the marker in front of it.
func question(s *datasets.Sample) (string, error) {
	where := "; --to jsonl has a place for it"
	if len(s.Turns) != 2 || s.Turns[0].From != datasets.Human || s.Turns[1].From != datasets.GPT || s.Turns[1].Context {
		return "", fmt.Errorf("a CSV file has one question and its answer in a row, and the sample has %d turns or an answer that is not learnt%s", len(s.Turns), where)
	}
	if len(s.Pictures) > 1 {
		return "", fmt.Errorf("a CSV file has one picture in a row, and the sample has %d%s", len(s.Pictures), where)
	}
	text := s.Turns[0].Value
	if len(s.Pictures) == 1 {
		var ok bool
		if text, ok = strings.CutPrefix(text, datasets.ImageMarker+"\n"); !ok {
			return "", errors.New("in a CSV file the picture stands in front of the question, and the sample's stands elsewhere" + where)
		}
	}
	if strings.Contains(text, datasets.ImageMarker) || strings.Contains(text+s.Turns[1].Value, "\r") {
		return "", errors.New("a marker of a picture, or a carriage return, is in the text, which no CSV file keeps as it is" + where)
	}
	return text, nil
}

func (t *table) Write(s *datasets.Sample) error {
	text, err := question(s)
	if err != nil {
		return err
	}
	name := ""
	if len(s.Pictures) == 1 {
		if name, err = t.pictures.save(s.Pictures[0].Bytes); err != nil {
			return err
		}
		name = path.Join(imagesDir, name)
	}
	return t.csv.Write([]string{s.ID, name, text, s.Turns[1].Value})
}

func (t *table) Close() error {
	t.csv.Flush()
	return errors.Join(t.csv.Error(), t.pictures.done())
}
