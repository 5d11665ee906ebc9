package protocols

// Extraction is what a rule read out of an answer: a choice's letter, "Z" (the model refused or said none), "Yes", "No", or
// nothing, when the answer is unresolved. Rule names what fired.
type Extraction struct {
	Answer string
	Rule   string
}

// Names of extraction rules, as they stand in verdicts.
const (
	RuleLetter     = "letter"     // exactly one option letter stands as a word
	RuleText       = "text"       // exactly one option's text is part of the answer
	RuleRefusal    = "refusal"    // a known refusal sentence
	RuleNone       = "none"       // the word Z and no option letter
	RuleWord       = "word"       // yes without no, or no without yes
	RuleLogit      = "logit"      // the most probable candidate
	RulePhrase     = "phrase"     // a letter after words like "answer is"
	RuleStart      = "start"      // the letter that the answer begins with
	RuleGiven      = "given"      // the answer is taken as it is
	RuleAnswer     = "answer"     // a normalised free text, or the parts of one that can be the answer
	RuleNumber     = "number"     // the whole answer is a number
	RuleJudge      = "judge"      // a judge model matched the answer with an option
	RuleRandom     = "random"     // upstream draws an option at random here, and the draw is repeated
	RuleUnresolved = "unresolved" // nothing fired: wrong
)

// RuleNotAsked is the rule of a pass that StopEarly left out. It stands in results only, no verdict file has it.
const RuleNotAsked = "not asked"
