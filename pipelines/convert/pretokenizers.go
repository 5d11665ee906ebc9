package convert

// preTokenizer is how the tokenizer.json of a family cuts texts into words, which GGUF files only have a name for.
type preTokenizer struct {
	splits       []string
	gpt2         bool // GPT-2's pattern comes last
	nfc          bool
	ignoreMerges bool
	bos          bool // llama.cpp puts the beginning-of-sequence token first unless the file says otherwise
}

// The patterns of the families' tokenizer.json files.
const (
	spaces        = `\s*[\r\n]+|\s+(?!\S)|\s+`
	contractions  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	llama3Pattern = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|` + spaces
	qwen2Pattern  = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|` + spaces
	upper         = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	lower         = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	tekkenPattern = `[^\r\n\p{L}\p{N}]?` + upper + `*` + lower + `+|[^\r\n\p{L}\p{N}]?` + upper + `+` + lower + `*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|` + spaces
	cjk           = `[一-龥\x{3040}-ゟ゠-ヿ]+`
	// deepSeekPattern: ASCII punctuation sticks to the letters behind it.
	deepSeekPattern = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" + spaces
	o200kPattern    = `[^\r\n\p{L}\p{N}]?` + upper + `*` + lower + `+` + contractions + `?|[^\r\n\p{L}\p{N}]?` + upper + `+` + lower + `*` + contractions +
		`?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|` + spaces
)

var (
	gpt2Words   = preTokenizer{gpt2: true}
	digitWords  = preTokenizer{splits: []string{`\p{N}`}, gpt2: true}
	llama3Words = preTokenizer{splits: []string{llama3Pattern}, ignoreMerges: true, bos: true}
	dbrxWords   = preTokenizer{splits: []string{llama3Pattern}}
	// llama.cpp leaves texts as they are where Qwen's own tokenizer brings them to NFC, which the models were trained on.
	qwen2Words  = preTokenizer{splits: []string{qwen2Pattern}, nfc: true}
	tekkenWords = preTokenizer{splits: []string{tekkenPattern}, ignoreMerges: true, bos: true}
	o200kWords  = preTokenizer{splits: []string{o200kPattern}}
)

// preTokenizers are the values of tokenizer.ggml.pre (llama.cpp, src/llama-vocab.cpp). "default" is none of them: it stands
// for a converter that did not know.
var preTokenizers = map[string]preTokenizer{
	"gpt-2": gpt2Words, "gpt2": gpt2Words, "olmo": gpt2Words, "mpt": gpt2Words, "jais": gpt2Words, "phi-2": gpt2Words, "exaone4": gpt2Words, "trillion": gpt2Words,
	"smollm": digitWords, "starcoder": digitWords, "refact": digitWords, "command-r": digitWords, "codeshell": digitWords, "exaone": digitWords, "minerva-7b": digitWords,
	"llama3": llama3Words, "llama-v3": llama3Words, "llama-bpe": llama3Words, "falcon3": llama3Words, "pixtral": llama3Words,
	"dbrx": dbrxWords, "smaug-bpe": dbrxWords,
	"qwen2": qwen2Words, "deepseek-r1-qwen": qwen2Words, "stablelm2": {splits: []string{qwen2Pattern}},
	"tekken":         tekkenWords,
	"deepseek-v3":    {splits: []string{`\p{N}{1,3}`, cjk, deepSeekPattern}},
	"deepseek-coder": {splits: []string{`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, `[一-龥ࠀ-一가-퟿]+`, `\p{N}`}},
	"gpt-4o":         o200kWords, "llama4": o200kWords,
}
