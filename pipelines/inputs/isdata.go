package inputs

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/infile"
	"moslava/internal/remote"
)

// IsData says whether what is at path is stored samples rather than a suite: a folder, a pattern, what lies on the network, and a file of a form
// that no suite has. A table is a suite if its header has the columns index and question, and JSON unless its first row has turns or a
// question, as MMMU's and LLM-Adapters' have not. What cannot be read is left to those who open it.
func IsData(path string) bool {
	if strings.HasPrefix(path, sceneScheme) {
		return false
	}
	if remote.Is(path) {
		return true
	}
	if info, err := os.Stat(path); err != nil {
		return datasets.IsPattern(path)
	} else if info.IsDir() {
		return true
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".tsv", ".csv":
		return !suiteHeader(path)
	case ".json":
		return rowsOfJSON(path)
	}
	return datasets.FormOf(filepath.Base(path)) != ""
}

// lookedAt bounds how much of a file tells what it is.
const lookedAt = 1 << 20

// suiteHeader says whether the first line of a table has the columns that a suite needs.
func suiteHeader(path string) bool {
	f, err := infile.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, lookedAt)).ReadString('\n')
	if err != nil && err != io.EOF {
		return true
	}
	names := strings.FieldsFunc(strings.TrimPrefix(line, "\ufeff"), func(r rune) bool { return strings.ContainsRune("\t,;\r\n", r) })
	for i := range names {
		names[i] = strings.Trim(names[i], `" `)
	}
	return slices.Contains(names, "index") && slices.Contains(names, "question")
}

// rowsOfJSON says whether the first object of a list, or of JSON lines, is a row of samples.
func rowsOfJSON(path string) bool {
	f, err := infile.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, lookedAt))
	first, err := d.Token()
	if err != nil {
		return false
	}
	if first == json.Delim('[') {
		if first, err = d.Token(); err != nil {
			return false
		}
	}
	if first != json.Delim('{') {
		return false
	}
	question := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		switch key {
		case "conversations", "messages", "query", "questions", "texts", "caption", "prompt":
			return true
		case "question_type", "data", "instruction": // MMMU, TextVQA, LLM-Adapters
			return false
		case "question":
			question = true
		}
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return question
		}
	}
	return question
}
