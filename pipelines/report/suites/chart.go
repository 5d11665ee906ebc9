package suites

import (
	"math"

	"moslava/pipelines/eval/score"
)

// Measures of a chart in the units of its SVG picture, which is chartWidth wide: about a phone's, so that texts keep their size there.
const (
	chartWidth  = 360.0
	barHeight   = 11.0
	labelHeight = 17.0
	rowGap      = 9.0
	axisHeight  = 20.0
)

// chart is a bar of 0 to 100 % for each row, with its interval and what a blind guesser gets.
type chart struct {
	Title  string
	Height float64
	Plot   float64 // height without the axis
	Bars   []bar
	Two    bool
}

type bar struct {
	Name, Text string
	LabelY     float64
	ChanceX    float64
	ChanceY    float64
	ChanceEnd  float64
	Lanes      []lane
	Total      bool
}

// lane is one run's bar.
type lane struct {
	Y, Width, Low, High, Middle float64
	Other                       bool
}

func newChart(title string, rows []row) chart {
	c := chart{Title: title}
	y := 0.0
	for _, r := range rows {
		b := bar{Name: r.Name, Text: withSign(r.Tally), LabelY: y + 12, Total: r.Total, ChanceX: at(r.Tally.ChanceSteady)}
		if r.Other != nil {
			b.Text += " / " + withSign(*r.Other)
		}
		y += labelHeight
		b.ChanceY = y - 1
		b.Lanes = append(b.Lanes, lane{Y: y, Width: share(r.Tally.Circular), Low: share(r.Tally.Low), High: share(r.Tally.High), Middle: y + barHeight/2})
		y += barHeight
		if r.Other != nil {
			c.Two = true
			y += 2
			b.Lanes = append(b.Lanes, lane{Y: y, Width: share(r.Other.Circular), Low: share(r.Other.Low), High: share(r.Other.High), Middle: y + barHeight/2, Other: true})
			y += barHeight
		}
		b.ChanceEnd = y + 1
		y += rowGap
		c.Bars = append(c.Bars, b)
	}
	c.Plot, c.Height = y, y+axisHeight
	return c
}

// at is the place of a fraction; one stroke's width is left at both ends.
func at(f float64) float64 { return math.Round(10*(1+f*(chartWidth-2))) / 10 }

// withSign is a tally's accuracy with its unit.
func withSign(t score.Tally) string {
	if t.N == 0 {
		return "-"
	}
	return accuracy(t) + " %"
}

// share is at of a share; one that is not known has no length.
func share(s score.Share) float64 { return at(max(0, float64(s))) }

// Grid are the places of the axis.
func (c chart) Grid() []tick {
	return []tick{{at(0), "0", "start"}, {at(0.25), "25", "middle"}, {at(0.5), "50", "middle"}, {at(0.75), "75", "middle"}, {at(1), "100 %", "end"}}
}

type tick struct {
	X            float64
	Text, Anchor string
}
