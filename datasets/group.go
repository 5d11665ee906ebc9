package datasets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Rules by which samples of like lengths come together.
const (
	// GroupLength is that of transformers' group_by_length (trainer_pt_utils.py, get_length_grouped_indices) and of XTuner's
	// LengthGroupedSampler with the property length, which knows no steps of several batches: the shuffled rows are cut into groups of up
	// to 50 steps, each sorted from the longest row to the shortest; the longest row of all comes first.
	GroupLength = "length"
	// GroupModality is LLaVA's (v1.2, llava_trainer.py, get_modality_length_grouped_indices): rows with and without pictures
	// are shuffled apart and cut into steps, and the steps shuffled. Within a step rows go from the longest to the
	// shortest, dealt to its batches so that these are of like length; rows that fill no step come last, in the source's order.
	GroupModality = "modality_length"
	// GroupModalityXTuner is XTuner's (0.1.23, length_grouped.py) with the property modality_length: as GroupLength for each
	// modality, in groups of up to 50 batches; the groups are shuffled, and the last of both joined at the end. XTuner then repeats rows until
	// the last batch is full, which is not done here.
	GroupModalityXTuner = "modality_length-xtuner"
)

// Groupings are the rules.
func Groupings() []string { return []string{GroupLength, GroupModality, GroupModalityXTuner} }

// A Grouping puts rows of like lengths beside one another in the order of an epoch, so that batches, where they take rows
// one by one, are of rows of one kind. It takes 8 bytes a row, its lengths included.
type Grouping struct {
	Rule string // one of Groupings
	// Lengths are those of the source's rows, in any unit; below zero of a row without a picture. None is zero.
	Lengths []int32
	Batch   int // rows in a batch
	Accum   int // batches in a step of the optimiser; 0 is 1
}

func (g *Grouping) check(rows int) error {
	switch {
	case !slices.Contains(Groupings(), g.Rule):
		return fmt.Errorf("load: grouping by %q, expected one of %s", g.Rule, strings.Join(Groupings(), ", "))
	case len(g.Lengths) != rows:
		return fmt.Errorf("load: %d lengths for a source of %d samples", len(g.Lengths), rows)
	case g.Batch < 1 || g.Accum < 0:
		return fmt.Errorf("load: grouping for batches of %d rows and steps of %d batches, expected at least 1", g.Batch, g.Accum)
	}
	if i := slices.Index(g.Lengths, 0); i >= 0 {
		return fmt.Errorf("load: the length of row %d is 0", i)
	}
	return nil
}

// A shuffle draws the k-th permutation of an epoch, of n items: at says which item is at a place.
type shuffle func(k, n int) (at func(i int) int)

// order is the rows of an epoch.
func (g *Grouping) order(draw shuffle) []int32 {
	r := grouper{Grouping: g, size: g.Batch, chunks: 1}
	if g.Rule != GroupModalityXTuner {
		r.size *= max(1, g.Accum)
	}
	if g.Rule == GroupModality {
		r.chunks = max(1, g.Accum)
	} else {
		r.size *= max(1, min(len(g.Lengths)/(4*r.size), 50))
	}
	var kinds [2][]int32 // rows with pictures, rows without
	for i, n := range g.Lengths {
		k := 0
		if n < 0 && g.Rule != GroupLength {
			k = 1
		}
		kinds[k] = append(kinds[k], int32(i))
	}
	if len(kinds[0]) == 0 || len(kinds[1]) == 0 { // all of one modality
		r.signed = g.Rule != GroupLength
		return r.longestFirst(r.groups(slices.Concat(kinds[0], kinds[1]), draw, 0))
	}
	var all [][]int32
	var last []int32
	for k, rows := range kinds {
		groups := r.groups(rows, draw, k)
		all, last = append(all, groups[:len(groups)-1]...), append(last, groups[len(groups)-1]...)
	}
	at := draw(2, len(all))
	shuffled := make([][]int32, 0, len(all)+1)
	for i := range all {
		shuffled = append(shuffled, all[at(i)])
	}
	if g.Rule == GroupModality {
		slices.Sort(last)
	} else {
		r.sort(last)
	}
	return r.longestFirst(append(shuffled, last))
}

// A grouper makes the order of one epoch.
type grouper struct {
	*Grouping
	size   int // rows in a group
	chunks int // batches that a group is dealt to
	// signed compares lengths below zero as they are. Upstream does so where no row has a picture: the shortest then come first.
	signed bool
}

func (g *grouper) length(row int32) int {
	n := int(g.Lengths[row])
	if g.signed {
		return n
	}
	return max(n, -n)
}

// groups shuffles rows with the k-th permutation and cuts them into groups, each sorted and dealt.
func (g *grouper) groups(rows []int32, draw shuffle, k int) [][]int32 {
	at := draw(k, len(rows))
	shuffled := make([]int32, len(rows))
	for i := range shuffled {
		shuffled[i] = rows[at(i)]
	}
	out := slices.Collect(slices.Chunk(shuffled, g.size))
	for _, group := range out {
		g.sort(group)
		if g.chunks > 1 {
			copy(group, g.deal(group))
		}
	}
	return out
}

// sort puts the longest rows first; those of one length stay as they are.
func (g *grouper) sort(rows []int32) {
	slices.SortStableFunc(rows, func(a, b int32) int { return cmp.Compare(g.length(b), g.length(a)) })
}

// deal gives sorted rows to batches: each to the one that is shortest so far and not full. Rows that cannot be divided
// equally are dealt in turn.
func (g *grouper) deal(rows []int32) []int32 {
	parts, sums := make([][]int32, g.chunks), make([]int, g.chunks)
	for i, row := range rows {
		to := i % g.chunks
		if len(rows)%g.chunks == 0 {
			to = -1
			for k := range parts {
				if len(parts[k]) < len(rows)/g.chunks && (to < 0 || sums[k] < sums[to]) {
					to = k
				}
			}
		}
		parts[to] = append(parts[to], row)
		sums[to] += g.length(row)
	}
	return slices.Concat(parts...)
}

// longestFirst joins groups. But for LLaVA's rule it lets the first row of the first group change places with the longest
// first row of any, so that what takes the most memory comes soon.
func (g *grouper) longestFirst(groups [][]int32) []int32 {
	if g.Rule != GroupModality {
		g.signed = false
		longest := 0
		for i, group := range groups {
			if g.length(group[0]) > g.length(groups[longest][0]) {
				longest = i
			}
		}
		groups[0][0], groups[longest][0] = groups[longest][0], groups[0][0]
	}
	return slices.Concat(groups...)
}
