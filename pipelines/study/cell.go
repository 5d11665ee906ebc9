package study

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// A Cell is one run: a point of the study.
type Cell struct {
	Method   string  `json:"method"`
	Rank     int     `json:"rank"`
	Rate     float64 `json:"learning_rate"`
	Seed     uint64  `json:"seed"`
	Fraction float64 `json:"fraction"`
}

// Name is the cell's directory.
func (c Cell) Name() string {
	return fmt.Sprintf("%s-r%d-lr%s-s%d-f%s", c.Method, c.Rank, strconv.FormatFloat(c.Rate, 'g', -1, 64), c.Seed, percent(c.Fraction))
}

func (p *plan) dir(c Cell) string { return filepath.Join(p.cells, c.Name()) }

// percent writes 0.125 as 12.5.
func percent(f float64) string { return strconv.FormatFloat(100*f, 'g', 6, 64) }
