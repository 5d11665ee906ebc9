// Package arch says which package may import which. The table is policy, not a record: an edge that is
// not in it fails the test of this package until somebody decides that it belongs there and says why.
//
// The order of the table is that of the layers, lowest first. Three rules stand behind it.
//
//   - vision, language, projector, moslora and datasets never import one another. Where two of them meet, the
//     consumer declares a small interface and pipelines/vlm implements it.
//   - internal/kernels takes slices and ints and imports nothing of ours: the place for another device.
//   - scripts hold no logic: they see pipelines and what is below them only to call it.
package arch

// A Package is one row: a directory, or with the ending /... that directory and all below it.
type Package struct {
	Path  string // below the module's root
	Files string // other packages of ours that its files may import, separated by spaces
	Tests string // those that its test files may import besides; TestSupport goes without saying
	Why   string // of each edge that the layers alone do not explain
}

// Input may be imported by everybody: what every file of somebody else is opened with.
const Input = "internal/infile"

// TestSupport may be imported by every test: what compares with reference files and reads models.
const TestSupport = "internal/golden internal/checkpoint"

// Layers that several rows share.
const (
	formats  = "internal/filehash internal/lock internal/output internal/atomicfile internal/safetensors internal/sealed internal/checkpoint"
	engine   = "internal/kernels internal/device internal/autograd internal/nn"
	rooms    = "pipelines/eval pipelines/eval/protocols pipelines/eval/score pipelines/eval/suites"
	siblings = "vision vision/preprocess projector language language/tokenizer language/chat moslora datasets"
)

// Packages is the table.
var Packages = []Package{
	{Path: "internal/arch"},
	{Path: "internal/infile"},
	{Path: "internal/machine", Files: "internal/infile", Why: "infile: the one place that opens files to read"},
	{Path: "internal/kernels"},
	{Path: "internal/kernels/gen", Why: "writes the assembly of internal/kernels; it shares no code with it"},
	{Path: "internal/device", Files: "internal/kernels internal/machine", Why: "machine: whether there is memory is asked before it is taken"},
	{Path: "internal/autograd", Files: "internal/kernels internal/device internal/machine"},
	{Path: "internal/nn", Files: "internal/kernels internal/device internal/autograd internal/machine",
		Why: "layers keep frozen weights packed as kernels want them; machine: as device"},
	{Path: "internal/optim", Files: "internal/kernels",
		Why: "works on plain slices by name, so that it is tested without a model"},

	{Path: "internal/interrupt"},
	{Path: "internal/lock"},
	{Path: "internal/overlap"},
	{Path: "internal/spelling"},
	{Path: "internal/sealed"},
	{Path: "internal/atomicfile", Files: "internal/lock", Why: "lock: whether a temporary file is being written, or was left behind"},
	{Path: "internal/output", Files: "internal/atomicfile internal/lock internal/overlap",
		Why: "the one way in which a command takes the place that it writes to"},
	{Path: "internal/remote/remotetest"},
	{Path: "internal/remote", Tests: "internal/remote/remotetest"},
	{Path: "internal/filehash", Files: "internal/atomicfile internal/remote internal/sealed", Why: "remote: what a server says of an object stands for its content; atomicfile: hashes that are known are kept; sealed: and not believed once damaged"},
	{Path: "internal/mmap"},
	{Path: "internal/picturefile"},
	{Path: "internal/spreadsheet"},
	{Path: "internal/terminal"},
	{Path: "internal/safetensors", Files: "internal/atomicfile internal/mmap",
		Why: "atomicfile: the one place that replaces a file in one step, whoever writes it; mmap: large files are read in place"},
	{Path: "internal/torchpickle", Files: "internal/safetensors",
		Why: "safetensors: what it finds in a file is read as the tensors of that format are"},
	{Path: "internal/gguf/gguftest"},
	{Path: "internal/gguf", Files: "internal/mmap internal/safetensors", Tests: "internal/gguf/gguftest",
		Why: "mmap: large files are read in place; safetensors: half precision"},
	{Path: "internal/checkpoint", Files: "internal/safetensors internal/torchpickle internal/atomicfile internal/machine",
		Why: "machine: a model for which there is no memory is no mismatch; atomicfile: JSON files beside the tensors are replaced the same way"},
	{Path: "internal/compare"},
	{Path: "internal/golden", Files: "internal/safetensors internal/compare",
		Why: "safetensors: goldens are files of that format; compare: tests and moslava verify compare alike"},

	{Path: "internal/hfconfig"},
	{Path: "internal/pyregexp"},
	{Path: "internal/pytext"},

	{Path: "vision", Files: engine + " internal/hfconfig", Why: "hfconfig: both towers refuse fields of a config.json in the same way"},
	{Path: "vision/preprocess", Files: "vision/preprocess/jpeg", Why: "pixels need neither the tower nor the engine; jpeg: one of its formats"},
	{Path: "vision/preprocess/jpeg", Why: "a format alone"},
	{Path: "projector", Files: engine},
	{Path: "language", Files: engine + " internal/hfconfig", Why: "hfconfig: as vision"},
	{Path: "language/tokenizer", Why: "text needs neither the decoder nor the engine"},
	{Path: "language/chat/jinja", Why: "a language alone: values in, text out"},
	{Path: "language/chat", Files: "language/chat/jinja language/tokenizer",
		Why: "tokenizer: ids and labels come from one pass over the rendered text"},
	{Path: "moslora", Files: engine + " internal/checkpoint internal/safetensors internal/pyregexp",
		Why: "pyregexp: PEFT's patterns of modules are Python's; checkpoint, safetensors: an adapter directory is read and written where the adapters are known; no tower is named"},
	{Path: "datasets", Files: "internal/remote datasets/arrowipc internal/atomicfile internal/machine internal/picturefile internal/pytext internal/spelling", Tests: "internal/remote/remotetest",
		Why: "remote: data on the network; pytext: words are those of Python; machine: whether there is room to unpack compressed files; picturefile: the one rule for pictures that rows name; arrowipc: the row access below the sources; atomicfile: data sets are written, too"},
	{Path: "datasets/arrowipc"},
	{Path: "pipelines/demo/scenes", Files: "datasets",
		Why: "datasets: drawn scenes are a Source and come as its Samples"},

	{Path: "pipelines/convert", Tests: "internal/gguf/gguftest", Files: "internal/gguf internal/safetensors internal/checkpoint internal/atomicfile language language/tokenizer",
		Why: "formats, checkpoint, atomicfile: from one kind of file to another; language, language/tokenizer: what is written must be what they read"},
	{Path: "pipelines/recipe", Files: "internal/overlap internal/pyregexp internal/sealed internal/spelling", Tests: "pipelines/recipes", Why: "Tests: messages are those of the program's vocabulary; sealed: a recipe's record tells whether it was damaged; configuration knows none of the things it configures; pyregexp: patterns are checked with their line; overlap: what is written must not be what is read"},
	{Path: "pipelines/run", Files: "internal/remote pipelines/recipe internal/atomicfile internal/filehash internal/lock internal/output internal/sealed",
		Tests: "pipelines/recipes",
		Why:   "remote: data on the network; sealed: records tell whether they were damaged; recipe: a stage is finished under a configuration; atomicfile: manifests; filehash: what was taken and left; lock: one process at a time; output: setting aside"},
	{Path: "pipelines/metrics", Files: "internal/atomicfile",
		Why: "atomicfile: event files are replaced when a run is resumed"},
	{Path: "pipelines/progress", Files: "internal/terminal", Why: "terminal: a bar cleans the texts in it and then writes to the terminal itself"},
	{Path: "pipelines/report", Files: "internal/atomicfile internal/terminal", Why: "terminal: its text is for one; atomicfile: a report is there whole or not at all"},
	{Path: "pipelines/analysis", Files: "moslora pipelines/report internal/atomicfile internal/spreadsheet",
		Why: "spreadsheet: tables that people open; moslora: factors of adapters; report: plots. It sees no model: weights come as numbers"},
	{Path: "pipelines/eval/suites", Files: "internal/picturefile internal/pytext internal/spelling",
		Why: "picturefile: as datasets; spelling: columns that are nearly called as one that is missing; pytext: cells are Python's lists and numbers"},
	{Path: "pipelines/eval/protocols", Files: "pipelines/eval/suites internal/pytext",
		Why: "pytext: upstream's rules are written in Python"},
	{Path: "pipelines/eval/score", Files: "pipelines/eval/protocols pipelines/eval/suites internal/atomicfile internal/pytext internal/sealed internal/spreadsheet",
		Why: "sealed: results tell whether they were damaged; atomicfile: results; pytext: upstream's tables are written by Python; spreadsheet: tables that people open"},
	{Path: "pipelines/eval", Files: "pipelines/eval/protocols pipelines/eval/score pipelines/eval/suites internal/atomicfile",
		Why: "atomicfile: verdict files; models are behind the Answerer interface, so that runs are tested without one"},
	{Path: "pipelines/eval/predictions", Files: "pipelines/eval pipelines/eval/protocols pipelines/eval/score pipelines/eval/suites internal/atomicfile",
		Why: "answers of other programs' files are read by protocols and counted by score; eval: opens suites and asks judges; by itself, so that a test of a model compiles no spreadsheet"},
	{Path: "pipelines/eval/judge", Tests: "pipelines/eval pipelines/eval/protocols pipelines/eval/suites",
		Why: "the one place that uses the network knows nothing of suites; it implements eval.Judge, and its tests ask it as eval does"},
	{Path: "pipelines/report/suites", Files: "pipelines/report pipelines/eval/protocols pipelines/eval/score pipelines/eval/suites internal/atomicfile internal/terminal", Tests: "pipelines/eval",
		Why: "terminal: which characters are not shown; suites, protocols, score: questions, verdicts and results are what it shows; report: one way to escape Markdown. Tests: runs to show"},
	{Path: "pipelines/eval/records", Files: "pipelines/eval/protocols pipelines/eval/suites internal/atomicfile internal/pytext internal/spreadsheet",
		Why: "spreadsheet: tables that people open; pytext: lists in cells are Python's; suites, protocols: items and verdicts as other programs' files; by itself, so that a test of a model compiles no spreadsheet"},
	{Path: "pipelines/train", Files: "datasets internal/autograd internal/nn internal/optim",
		Why: "datasets: Batch and Position are what a loop takes in and what it resumes from"},
	{Path: "pipelines/vlm/families", Files: "vision vision/preprocess projector language datasets internal/hfconfig", Tests: "internal/safetensors",
		Why: "a family says which tower, connector and decoder its config.json means, and cuts pictures; it reads no weights; datasets: tiles and layouts"},
	{Path: "pipelines/vlm", Files: siblings + " pipelines/vlm/families " + engine + " " + formats + " internal/hfconfig",
		Tests: "internal/optim pipelines/train",
		Why:   "the place where the siblings meet. Tests: whole optimiser steps are compared with torch"},
	{Path: "pipelines/preference", Files: "pipelines/vlm datasets internal/autograd", Tests: "moslora",
		Why: "a loss of a model over batches of pairs; it knows no recipe and no loop"},
	{Path: "pipelines/features", Files: "internal/atomicfile"},
	{Path: "pipelines/recipes", Files: "pipelines/preference pipelines/recipe pipelines/eval/protocols pipelines/eval/suites pipelines/vlm moslora projector datasets internal/optim",
		Why: "the one place where recipes meet the names and rules of what they configure"},
	{Path: "pipelines/recipes/recipetest", Files: "pipelines/recipe pipelines/recipes", Why: "reads recipes for tests, which alone may import it"},
	{Path: "pipelines/engine", Files: "pipelines/vlm language language/chat datasets internal/autograd internal/kernels",
		Why: "a cache and the sequences in it; datasets: tiles and layouts of pictures"},
	{Path: "pipelines/engine/answers", Files: "pipelines/engine pipelines/eval pipelines/vlm language",
		Why: "implements eval.Answerer, so that neither the engine nor eval knows the other"},
	{Path: "pipelines/plan", Files: "pipelines/preference pipelines/vlm moslora datasets internal/autograd internal/device internal/kernels internal/optim internal/nn",
		Why: "goes through a step as the tape does, with sizes alone; optim: how fast it is here is measured"},
	{Path: "pipelines/inspect", Files: "pipelines/vlm pipelines/recipe pipelines/recipes language moslora datasets datasets/arrowipc vision/preprocess internal/checkpoint internal/safetensors internal/gguf",
		Why: "reads every format the program has; arrowipc: columns of files that are no source of samples; vision/preprocess: whether stored pictures can be read"},
	{Path: "pipelines/verify", Files: "pipelines/vlm pipelines/vlm/families projector vision vision/preprocess language language/chat datasets internal/compare " + engine + " internal/safetensors internal/checkpoint",
		Why: "runs each tower by itself; vision/preprocess: goldens of image processors; language/chat: conversations that went through a whole one; datasets: the batch a model takes; safetensors, checkpoint, families: goldens, and heads that no model here has"},
	{Path: "pipelines/models", Files: "pipelines/recipe pipelines/recipes pipelines/run pipelines/vlm moslora language/chat language/tokenizer internal/atomicfile internal/checkpoint internal/safetensors",
		Why: "what a recipe and the stages of its run say of a model, as models; language/chat, language/tokenizer: a recipe names templates and tokens; the rest: what a stage leaves of a model"},
	{Path: "pipelines/states", Files: "pipelines/metrics pipelines/run pipelines/train internal/optim internal/atomicfile internal/checkpoint internal/filehash internal/safetensors internal/sealed",
		Why: "train, optim: what goes on; metrics: lines up to a state are part of it; run: what became of its files is a Check; the rest: its files, and whether they were damaged"},
	{Path: "pipelines/inputs", Files: "internal/remote pipelines/recipe pipelines/run pipelines/eval pipelines/eval/suites pipelines/demo/scenes datasets internal/atomicfile internal/filehash",
		Why: "remote: data on the network; what a recipe names is opened as a source of datasets or a suite of eval, or drawn as scenes; run: files that a stage takes are recorded there; filehash, atomicfile: hashes, and tables that are drawn"},
	{Path: "pipelines/suitedir", Files: rooms + " pipelines/eval/judge pipelines/eval/records pipelines/inputs pipelines/progress pipelines/report pipelines/run internal/atomicfile internal/interrupt internal/output",
		Why: "one directory for what a suite, its answers and its result are kept in; models are behind eval.Answerer; report: names of reports that lie there, too; run: whether what is read was damaged"},
	{Path: "pipelines/runreport", Files: "pipelines/suitedir pipelines/recipe pipelines/run pipelines/metrics pipelines/report pipelines/report/suites pipelines/eval/score pipelines/eval/suites internal/atomicfile internal/output",
		Tests: "pipelines/recipes/recipetest pipelines/demo/scenes pipelines/eval",
		Why:   "collects results and curves of runs for the pages of report; it sees no model; recipe: which names have variables; output: the place of the report"},
	{Path: "pipelines/integrity", Files: "pipelines/run pipelines/recipe pipelines/recipes pipelines/inputs pipelines/states pipelines/suitedir pipelines/eval pipelines/eval/score pipelines/eval/suites",
		Why: "run verifies what is recorded, the others what only they know; recipe, recipes: variables in records, and the vocabulary of the recorded recipe"},
	{Path: "pipelines/answering", Files: "pipelines/suitedir pipelines/inputs pipelines/models pipelines/run pipelines/recipe pipelines/recipes pipelines/engine/answers pipelines/vlm pipelines/eval pipelines/eval/judge pipelines/eval/score pipelines/eval/suites internal/device internal/output",
		Tests: "pipelines/stages pipelines/recipes/recipetest pipelines/eval/protocols pipelines/eval/records pipelines/demo/scenes pipelines/engine internal/atomicfile",
		Why:   "run, recipes, inputs, models: the model of a run, once all that it is made from is what it was; device: how many threads; output: the directory of an evaluation"},
	{Path: "pipelines/adapters", Files: "pipelines/analysis pipelines/models pipelines/recipe pipelines/recipes pipelines/run pipelines/vlm moslora internal/atomicfile internal/nn internal/output",
		Tests: "pipelines/stages pipelines/recipes/recipetest",
		Why:   "gives analysis the weights of a model as numbers; nn: draws the starts of mixers again; run: whether a directory was damaged; atomicfile, output: a sum is there whole, and nothing is written over"},
	{Path: "pipelines/preflight", Files: "pipelines/inputs pipelines/models pipelines/plan pipelines/recipe pipelines/run pipelines/suitedir pipelines/vlm pipelines/engine/answers " +
		"pipelines/eval pipelines/eval/judge pipelines/eval/protocols pipelines/eval/suites datasets language/tokenizer moslora vision/preprocess internal/atomicfile internal/checkpoint internal/kernels internal/machine internal/output internal/safetensors",
		Tests: "pipelines/recipes",
		Why:   "opens all that stages will, and plans them, without computing anything; run: what is finished, and whose an export's place is; kernels: how many bits the weights in files have"},
	{Path: "pipelines/dataconvert", Files: "pipelines/progress datasets internal/atomicfile internal/interrupt",
		Tests: "pipelines/demo/scenes",
		Why:   "datasets: rows, and the two forms whose columns it knows; interrupt: what is kept of a conversion that is stopped. Tests: rows with pictures"},
	{Path: "pipelines/datacheck", Files: "pipelines/inputs pipelines/models pipelines/progress pipelines/recipe pipelines/report pipelines/vlm pipelines/eval/suites datasets language/tokenizer vision/preprocess internal/atomicfile internal/terminal",
		Tests: "pipelines/recipes/recipetest",
		Why:   "has samples read and encoded as stages does, without a model's weights; eval/suites: whose pictures may be in the data; report: histograms; tokenizer: what samples are shown as; vision/preprocess: small pictures on a page"},
	{Path: "pipelines/stages", Files: "pipelines/preflight pipelines/features pipelines/inputs pipelines/models pipelines/run pipelines/states pipelines/suitedir pipelines/train pipelines/metrics pipelines/preference pipelines/progress pipelines/recipe pipelines/vlm pipelines/engine/answers " +
		"pipelines/eval pipelines/eval/judge pipelines/eval/score pipelines/eval/suites datasets moslora internal/atomicfile internal/checkpoint internal/device internal/interrupt internal/machine internal/nn internal/optim internal/output internal/safetensors",
		Tests: "pipelines/adapters pipelines/answering pipelines/integrity pipelines/recipes pipelines/recipes/recipetest pipelines/runreport pipelines/eval/protocols pipelines/demo/scenes pipelines/engine " +
			"internal/autograd internal/kernels internal/lock language language/tokenizer",
		Why: "puts stages together from everything below it. Tests: what becomes of a run afterwards"},
	{Path: "pipelines/demo", Files: "pipelines/stages pipelines/engine/answers pipelines/metrics pipelines/recipe pipelines/recipes pipelines/report pipelines/vlm " + rooms +
		" datasets pipelines/demo/scenes internal/atomicfile internal/output",
		Why: "one use of stages with its own data; above it, so that stages does not carry the towers"},

	{Path: "pipelines/study", Files: "pipelines/stages pipelines/preflight pipelines/eval pipelines/metrics pipelines/recipe pipelines/recipes pipelines/report pipelines/run pipelines/states internal/atomicfile internal/output internal/overlap internal/safetensors internal/sealed internal/spreadsheet",
		Why: "sealed: a cell's record tells whether it was damaged; spreadsheet: tables that people open; runs many recipes through stages; run: whether a stage is finished; states, safetensors: how many parameters a state holds"},

	{Path: "scripts/moslava", Files: "pipelines/adapters pipelines/analysis pipelines/answering pipelines/convert pipelines/datacheck pipelines/dataconvert pipelines/demo pipelines/engine pipelines/inputs pipelines/inspect pipelines/integrity pipelines/preflight pipelines/recipe pipelines/recipes pipelines/run pipelines/runreport pipelines/stages pipelines/study pipelines/suitedir pipelines/verify pipelines/vlm " +
		"pipelines/eval/judge pipelines/eval/predictions pipelines/eval/protocols pipelines/eval/score language language/tokenizer datasets vision/preprocess " +
		"internal/atomicfile internal/interrupt internal/kernels internal/machine internal/output internal/terminal",
		Tests: "pipelines/demo/scenes pipelines/eval pipelines/eval/suites pipelines/metrics internal/lock internal/gguf/gguftest internal/safetensors",
		Why: "a thin main; eval/protocols: their names are what a flag takes; eval/score: a result has a line to print; language, language/tokenizer: types in the signatures of pipelines/vlm that a command fills in from its flags; " +
			"terminal: what is printed is safe to print; datasets: a command converts between stored forms without a model; " +
			"vision/preprocess: a command shows the pixels of one picture without a model; atomicfile, output: what a command writes is there whole, and nothing else is written over; " +
			"interrupt: signals are the command's; kernels, machine: what the environment asks for and allows is looked at first. Tests: suites and verdicts to stop over"},
	{Path: "scripts/recipes/tiny/tokenizer", Files: "datasets language/tokenizer pipelines/demo/scenes",
		Why: "trains a tokenizer on the texts of drawn scenes, which no command does"},
	{Path: "scripts/interop/dump", Files: "datasets language pipelines/vlm",
		Why: "writes what a model computes of one sample, for a comparison in Python"},
	{Path: "scripts/bench/plot", Why: "tables in, plots out"},
	{Path: "scripts/interop/pairs", Files: "datasets internal/autograd pipelines/preference pipelines/vlm",
		Why: "a loss and its gradients, for comparison with another program"},
	{Path: "scripts/interop/render", Files: "language/chat/jinja",
		Why: "renders templates with any variables, which no command does"},
	{Path: "scripts/interop/greedy", Files: "language internal/autograd internal/checkpoint internal/nn",
		Why: "runs a decoder without a picture, which no command does"},
	{Path: "scripts/bench/big", Files: "pipelines/train pipelines/vlm moslora datasets internal/optim internal/device internal/nn",
		Why: "a measurement builds one step by itself, its weights from a source of its own"},
	{Path: "scripts/bench/data", Files: "datasets vision/preprocess", Why: "a measurement of sources and Load, without a model; vision/preprocess: pictures are decoded"},
	{Path: "scripts/bench/ours/real", Files: "pipelines/vlm language/chat internal/device internal/checkpoint",
		Why: "the one model that is measured; device: how many threads; checkpoint: the projector's file"},
	{Path: "scripts/bench/ours/...", Files: "scripts/bench/ours/real pipelines/train pipelines/engine pipelines/vlm language language/tokenizer moslora datasets vision/preprocess " +
		"internal/kernels internal/device internal/autograd internal/optim internal/checkpoint",
		Why: "measures single parts against other programs' parts: kernels, tokenizer and decoder alone, and steps without a run directory"},
}
