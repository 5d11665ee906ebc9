package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The plot's rectangle in the SVG units of report.html.tmpl, whose picture is 480 x 260; the page scales it.
const (
	plotLeft, plotRight = 56.0, 468.0
	plotTop, plotBottom = 14.0, 214.0
	maxPoints           = 400 // of a line; more would not be seen
	smoothFrom          = 60  // points from which a running mean is drawn over the values
)

// chart is what the template draws.
type chart struct {
	Title, X, Y    string
	XTicks, YTicks []tick
	Lines          []line
	Lost           int // values that are not finite
	Label          string
}

type tick struct {
	At   float64
	Text string
}

type line struct {
	Name         string
	Colour       int    // 0..5
	Raw, Running string // path data; Running is empty for short curves
	Last         string // last finite value
}

// charts groups curves by chart in order of appearance.
func charts(curves []Curve) []chart {
	var order []string
	by := map[string][]Curve{}
	for i, c := range curves {
		key := "chart " + c.Chart
		if c.Chart == "" {
			key = "own " + strconv.Itoa(i)
		}
		if by[key] == nil {
			order = append(order, key)
		}
		by[key] = append(by[key], c)
	}
	var out []chart
	for _, key := range order {
		if ch, ok := newChart(by[key]); ok {
			out = append(out, ch)
		}
	}
	return out
}

func newChart(curves []Curve) (chart, bool) {
	first := curves[0]
	ch := chart{Title: first.Chart, X: first.X, Y: first.Y}
	if ch.Title == "" {
		ch.Title = first.Name
	}
	if ch.X == "" {
		ch.X = "step"
	}
	if ch.Y == "" {
		ch.Y = "loss"
	}
	x, y := emptyRange(), emptyRange()
	points := 0
	for _, c := range curves {
		for i, v := range c.Values {
			points++
			x.include(c.Steps[i])
			if finite(v) {
				y.include(v)
			} else {
				ch.Lost++
			}
		}
	}
	if points == 0 {
		return ch, false
	}
	x.widen()
	y.widen()
	yTicks := niceTicks(y.low, y.high, 5)
	y.include(yTicks[0])
	y.include(yTicks[len(yTicks)-1])
	px := func(v float64) float64 { return plotLeft + (v-x.low)/(x.high-x.low)*(plotRight-plotLeft) }
	py := func(v float64) float64 { return plotBottom - (v-y.low)/(y.high-y.low)*(plotBottom-plotTop) }
	for _, v := range niceTicks(x.low, x.high, 5) {
		if v >= x.low && v <= x.high {
			ch.XTicks = append(ch.XTicks, tick{round(px(v)), number(v)})
		}
	}
	for _, v := range yTicks {
		ch.YTicks = append(ch.YTicks, tick{round(py(v)), number(v)})
	}
	for i, c := range curves {
		l := line{Name: c.Name, Colour: i % 6, Raw: path(c.Steps, c.Values, px, py)}
		if len(c.Values) >= smoothFrom {
			l.Running = path(c.Steps, runningMean(c.Values), px, py)
		}
		if k := slices.IndexFunc(reversed(c.Values), finite); k >= 0 {
			l.Last = number(c.Values[len(c.Values)-1-k])
		}
		ch.Lines = append(ch.Lines, l)
	}
	ch.Label = fmt.Sprintf("%s: %s over %s, from %s to %s", ch.Title, ch.Y, ch.X, number(x.low), number(x.high))
	return ch, true
}

func reversed(v []float64) []float64 {
	out := slices.Clone(v)
	slices.Reverse(out)
	return out
}

// finite also leaves out values so large that differences of two could overflow.
func finite(v float64) bool { return math.Abs(v) < 1e150 }

func round(v float64) float64 { return math.Round(v*10) / 10 }

type span struct{ low, high float64 }

func emptyRange() span { return span{math.Inf(1), math.Inf(-1)} }

func (s *span) include(v float64) { s.low, s.high = min(s.low, v), max(s.high, v) }

// widen makes the range one that can be divided by.
func (s *span) widen() {
	if s.low > s.high {
		s.low, s.high = 0, 1
	}
	if s.high-s.low <= 1e-12*max(math.Abs(s.low), math.Abs(s.high)) {
		d := max(math.Abs(s.low)*0.1, 1e-6)
		s.low, s.high = s.low-d, s.high+d
	}
}

// niceTicks are about n multiples of 1, 2 or 5 times a power of ten that cover low..high.
func niceTicks(low, high float64, n int) []float64 {
	step := (high - low) / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*power >= step {
			step = m * power
			break
		}
	}
	var out []float64
	for k := math.Floor(low / step); k*step < high+step && len(out) < 3*n; k++ {
		out = append(out, k*step)
	}
	return out
}

// number is a short form for axes: four significant digits.
func number(v float64) string {
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	if a := math.Abs(v); a >= 1000 && a < 1e6 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// path is SVG path data of a curve; a value that is not finite ends the stroke. Long curves keep the lowest and the highest
// value of each of maxPoints/2 stretches, so that spikes stay.
func path(steps, values []float64, px, py func(float64) float64) string {
	var b strings.Builder
	down := false
	for _, i := range thin(values) {
		if !finite(values[i]) {
			down = false
			continue
		}
		op := byte('M')
		if down {
			op = 'L'
		}
		fmt.Fprintf(&b, "%c%.1f %.1f", op, px(steps[i]), py(values[i]))
		if !down && (i+1 == len(values) || !finite(values[i+1])) {
			b.WriteString("h0.1") // a lone point shows as a dot
		}
		down = true
	}
	return b.String()
}

// thin returns the places of the values to draw, in order.
func thin(values []float64) []int {
	var keep []int
	if len(values) <= maxPoints {
		for i := range values {
			keep = append(keep, i)
		}
		return keep
	}
	for s := range maxPoints / 2 {
		from, to := s*len(values)/(maxPoints/2), (s+1)*len(values)/(maxPoints/2)
		low, high, gap := -1, -1, -1
		for i := from; i < to; i++ {
			switch {
			case !finite(values[i]):
				gap = i
			case low < 0:
				low, high = i, i
			case values[i] < values[low]:
				low = i
			case values[i] > values[high]:
				high = i
			}
		}
		at := slices.DeleteFunc([]int{low, high, gap}, func(i int) bool { return i < 0 })
		slices.Sort(at)
		keep = append(keep, slices.Compact(at)...)
	}
	return keep
}

// runningMean averages each value with its neighbours, about a twentieth of the curve in all, leaving out what is not finite.
func runningMean(values []float64) []float64 {
	half := max(len(values)/40, 2)
	sums, counts := make([]float64, len(values)+1), make([]int, len(values)+1)
	for i, v := range values {
		sums[i+1], counts[i+1] = sums[i], counts[i]
		if finite(v) {
			sums[i+1] += v
			counts[i+1]++
		}
	}
	out := make([]float64, len(values))
	for i := range values {
		h := min(half, i, len(values)-1-i) // narrower at the ends, so that they are not pulled inwards
		a, b := i-h, i+h+1
		out[i] = math.NaN()
		if finite(values[i]) {
			out[i] = (sums[b] - sums[a]) / float64(counts[b]-counts[a])
		}
	}
	return out
}
