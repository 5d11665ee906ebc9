package protocols

// Verdict is one answered row; a verdict file has one as JSON a line. Suite, Protocol, Blank and Model say what it is a
// verdict on, so that a resumed run cannot mix two.
type Verdict struct {
	ID        int64              `json:"id"`
	Group     int64              `json:"group"`
	Pass      int                `json:"pass"`
	Split     string             `json:"split,omitempty"`
	Category  string             `json:"category,omitempty"`
	L2        string             `json:"l2,omitempty"`
	Comment   string             `json:"comment,omitempty"`
	Prompt    string             `json:"prompt"`
	Raw       string             `json:"raw"`       // the model's text; empty when only log-probabilities were asked for
	Extracted string             `json:"extracted"` // empty: unresolved
	Rule      string             `json:"rule"`
	Judge     string             `json:"judge,omitempty"` // who read it, under RuleJudge
	Want      string             `json:"want"`
	Correct   bool               `json:"correct"`
	Credit    float64            `json:"credit,omitempty"`   // 0 to 1, under protocols that give parts of a point
	LogProbs  map[string]float64 `json:"logprobs,omitempty"` // natural logarithms by candidate
	Suite     string             `json:"suite"`              // the suite's version
	Protocol  string             `json:"protocol"`
	Blank     bool               `json:"blank,omitempty"`
	Model     string             `json:"model,omitempty"`
	// Sum is in files only: the first 16 digits of the SHA-256 of the line without it. Files of other programs and
	// earlier versions have none.
	Sum string `json:"sum,omitempty"`
}
