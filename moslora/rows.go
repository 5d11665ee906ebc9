package moslora

import (
	"path/filepath"
	"slices"

	"moslava/internal/checkpoint"
)

// TableRows is how many rows a vocabulary's tables have for which the adapters in a directory in PEFT's layout were
// trained, by the tables that it holds, whole or adapted, and by the ids of its trained rows; 0 if it holds nothing of
// tables. isTable recognises the weight of an embedding or an output layer by its name. No tensor is read.
func TableRows(dir string, isTable func(weight string) bool) (rows int, err error) {
	configFile, weightsFile, err := Files(dir)
	if err == nil {
		err = isDirectory(dir)
	}
	if err != nil || !slices.Contains([]string{WeightsFile, pickledWeights}, weightsFile) {
		return 0, err
	}
	c, err := config(dir, configFile)
	if err != nil {
		return 0, err
	}
	file, err := checkpoint.OpenFile(filepath.Join(dir, weightsFile))
	if err != nil {
		return 0, noWeights(dir, err)
	}
	defer file.Close()
	names := file.Names()
	for _, key := range names {
		if superfluous(key, names) {
			continue
		}
		t := split(key)
		shape, _ := file.Shape(key)
		if len(shape) != 2 {
			continue
		}
		switch {
		case t.role == roleT:
			for _, id := range c.Tokens.of(t.module) {
				rows = max(rows, int(id)+1)
			}
		case t.role == roleA && t.lookup:
			rows = max(rows, shape[1])
		case t.role == roleB && !t.lookup && isTable(t.module+".weight"), t.role == "" && isTable(t.module):
			rows = max(rows, shape[0])
		}
	}
	return rows, nil
}
