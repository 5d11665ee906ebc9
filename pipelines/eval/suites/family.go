package suites

import (
	"slices"
	"strings"
)

// Family is the benchmark that a suite is of. Protocols say by family how is asked and how answers are read.
type Family string

const (
	MMBench     Family = "mmbench"     // MMBench EN, CCBench's English form, and tables that are like it: circular
	MMBenchCN   Family = "mmbench-cn"  // MMBench CN, CCBench
	SEEDBench   Family = "seedbench"   // SEED-Bench, its picture questions
	ScienceQA   Family = "scienceqa"   // ScienceQA-IMG
	AI2D        Family = "ai2d"        // AI2D
	PlainChoice Family = "choice"      // MMStar and other tables with options
	MMMU        Family = "mmmu"        // MMMU, options and short answers
	POPE        Family = "pope"        // POPE and other yes/no tables
	MME         Family = "mme"         // MME: two yes/no questions a picture
	TextVQA     Family = "textvqa"     // TextVQA: ten people's answers
	MathVista   Family = "mathvista"   // MathVista, what needs no judge
	Commonsense Family = "commonsense" // the eight sets of LLM-Adapters
	Own         Family = "own"         // a person's own questions, asked as they stand
)

// Families lists all of them.
func Families() []Family {
	return []Family{MMBench, MMBenchCN, SEEDBench, ScienceQA, AI2D, PlainChoice, MMMU, POPE, MME, TextVQA, MathVista, Commonsense, Own}
}

// familyOf goes by the name first, in lower case and without separators, then by kind.
func familyOf(name string, kind Kind) Family {
	flat := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(flat, p) })
	}
	switch {
	case has("ccbench") || has("mmbench") && (has("cn", "chinese")):
		return MMBenchCN
	case has("mmbench"):
		return MMBench
	case has("seedbench"):
		return SEEDBench
	case has("scienceqa"):
		return ScienceQA
	case has("ai2d"):
		return AI2D
	case has("mmmu"):
		return MMMU
	case has("mathvista"):
		return MathVista
	case has("textvqa"):
		return TextVQA
	case has("mmstar"):
		return PlainChoice
	case has("pope"):
		return POPE
	case flat == "mme" || strings.HasPrefix(flat, "mme") && kind == YesNoPairs:
		return MME
	}
	switch kind {
	case Circular:
		return MMBench
	case YesNo:
		return POPE
	case YesNoPairs:
		return MME
	case Open:
		return TextVQA
	case Mixed:
		return MMMU
	}
	return PlainChoice
}

// kind is how suites of the family are counted unless a file says otherwise.
func (f Family) kind() Kind {
	switch f {
	case MMBench, MMBenchCN:
		return Circular
	case POPE:
		return YesNo
	case MME:
		return YesNoPairs
	case TextVQA, Own:
		return Open
	case MMMU, MathVista:
		return Mixed
	}
	return Vanilla
}

// Label is the family's name for messages.
func (f Family) Label() string {
	if f == "" {
		return "no named benchmark"
	}
	return string(f)
}
