package inputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"moslava/datasets"
	"moslava/internal/filehash"
	"moslava/internal/infile"
	"moslava/internal/remote"
	"moslava/pipelines/recipe"
	"moslava/pipelines/run"
)

// hashesFile keeps, in a run directory, the hashes of files that have not changed since.
const hashesFile = ".hashes.json"

// VerifyHashes says what became of the hashes that a run directory keeps; nothing if it keeps none.
func VerifyHashes(dir string) ([]run.Check, error) {
	path := filepath.Join(dir, hashesFile)
	if ok, err := infile.Exists(path); err != nil || !ok {
		return nil, err
	}
	c := run.Check{Path: path}
	if err := filehash.Open(path).Damage; err != nil {
		c.Wrong = err.Error() + ": remove it; what it knew is read again"
	}
	return []run.Check{c}, nil
}

// largestWhole is the size up to which a file of data is hashed whole; of larger ones samples are read. Weights are
// always read whole.
const largestWhole = 1 << 30

// worthTelling is how much is read before people are told what takes so long.
const worthTelling = 1 << 30

// A Taker hashes what the stages of a recipe take.
type Taker struct {
	ctx    context.Context
	recipe *recipe.Recipe
	hashes *filehash.Cache
	out    io.Writer
	told   bool
}

// NewTaker is the Taker of a recipe whose run has the directory dir, where hashes of files that have not changed are
// kept. What takes long is told to out.
func NewTaker(ctx context.Context, r *recipe.Recipe, dir string, out io.Writer) *Taker {
	t := &Taker{ctx: ctx, recipe: r, hashes: filehash.Open(filepath.Join(dir, hashesFile)), out: out}
	if err := t.hashes.Damage; err != nil {
		fmt.Fprintf(out, "%v; nothing in it is believed, and what it knew is read again\n", err)
	}
	return t
}

// Stage lists the files that stage i takes and that are not of this run, each with its hash.
func (t *Taker) Stage(i int) ([]run.Taken, error) {
	out, err := t.list(i)
	if err != nil {
		return nil, err
	}
	for _, more := range []func(int) ([]run.Taken, error){t.remote, t.pictures} {
		some, err := more(i)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, t.hashes.Save()
}

// Model lists the files of the model that all stages start from, each with its hash. It writes nothing.
func (t *Taker) Model() ([]run.Taken, error) { return t.list(-1) }

// list is Stage without a trace; -1 stands for what all stages take, the model.
func (t *Taker) list(i int) ([]run.Taken, error) {
	out := []run.Taken{}
	for _, p := range t.recipe.Reads() {
		if p.Stage >= 0 && p.Stage != i && !t.holdsOut(i, p) || p.Key == "model.chat_template" && builtIn(p.Path) ||
			strings.Contains(p.Key, ".images") { // a folder may hold much besides: pictures that rows name are hashed
			continue
		}
		key := strings.TrimPrefix(p.Key, fmt.Sprintf("stages.%d.", p.Stage)) // other stages may come before it
		dir, files, err := patternOrFiles(p.Path, isData(key))
		if err != nil {
			return nil, err
		}
		recorded, err := run.Recorded(dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			taken, err := t.file(key, dir, f)
			if err != nil {
				return nil, err
			}
			if err := sameAsRecorded(recorded, filepath.Join(dir, f), taken); err != nil {
				return nil, err
			}
			out = append(out, taken)
		}
	}
	return out, nil
}

// holdsOut says whether a place is data of a training stage that stage i asks the held-out share of.
func (t *Taker) holdsOut(i int, p recipe.Place) bool {
	if i < 0 || t.recipe.Stages[i].Evaluate == nil || !strings.Contains(p.Key, ".data.") {
		return false
	}
	return slices.ContainsFunc(t.recipe.Stages[i].Evaluate.Suites, func(s recipe.Suite) bool {
		return s.HeldOut != "" && s.HeldOut == t.recipe.Stages[p.Stage].Name
	})
}

// remote lists what a training stage takes from the network.
func (t *Taker) remote(i int) (out []run.Taken, err error) {
	c := t.recipe.Stages[i].Train
	if c == nil {
		return nil, nil
	}
	for k, s := range c.Sources {
		path := string(s.Path)
		if !remote.Is(path) {
			continue
		}
		all := []string{path}
		if datasets.IsPattern(path) {
			if all, err = datasets.Match(path); err != nil {
				return nil, err
			}
		}
		for _, address := range all {
			sum, err := filehash.Remote(t.ctx, address)
			if errors.Is(err, fs.ErrNotExist) {
				continue // left to those who open it
			}
			if err != nil {
				return nil, err
			}
			out = append(out, run.Taken{Key: fmt.Sprintf("data.%d.path", k), Path: address, Sum: sum})
		}
	}
	return out, nil
}

// sameAsRecorded compares a file with what the stage of a run recorded that left it, if any did.
func sameAsRecorded(recorded map[string]filehash.Sum, path string, taken run.Taken) error {
	if len(recorded) == 0 || taken.Sampled {
		return nil
	}
	real, err := filepath.Abs(path)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return err
	}
	if want, ok := recorded[real]; ok {
		return run.Same(path, taken.Sum, want)
	}
	return nil
}

func isData(key string) bool {
	return strings.HasPrefix(key, "data.") || strings.HasPrefix(key, "suites.")
}

// file hashes one file of what a key names.
func (t *Taker) file(key, dir, name string) (run.Taken, error) {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return run.Taken{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return run.Taken{}, err
	}
	taken := run.Taken{Key: key, File: filepath.ToSlash(name), Path: t.recipe.WrittenPath(path),
		Sampled: isData(key) && info.Size() > largestWhole}
	if taken.Sampled {
		taken.Sum, err = filehash.Sampled(t.ctx, path)
		return taken, err
	}
	if info.Size() > worthTelling && !t.told {
		t.told = true
		fmt.Fprintf(t.out, "reading %s and what else the run takes for their SHA-256, once\n", path)
	}
	taken.Sum, err = t.hashes.File(t.ctx, path)
	return taken, err
}

// Endings of the files in a directory that decide what is read there.
var (
	modelEndings = []string{".json", ".safetensors", ".bin", ".jinja", ".model", ".txt"}
	dataEndings  = append(datasets.Endings(), ".yaml", ".yml")
)

// besides are directories inside one of adapters that belong to it: XTuner's.
var besides = []string{"llm_adapter", "visual_encoder_adapter", "projector"}

// patternOrFiles is filesOf, or of a pattern of data files the directory above all that it may match, and the names of
// those that it does.
func patternOrFiles(path string, data bool) (dir string, names []string, err error) {
	if _, err := os.Stat(path); !data || !errors.Is(err, fs.ErrNotExist) || !datasets.IsPattern(path) {
		names, err := filesOf(path, data)
		return path, names, err
	}
	for dir = path; datasets.IsPattern(dir); dir = filepath.Dir(dir) {
	}
	matches, err := datasets.Match(path)
	if err != nil {
		return dir, nil, nil // for those who open it
	}
	for _, m := range matches {
		name, relErr := filepath.Rel(dir, m)
		if relErr != nil {
			return "", nil, relErr
		}
		names = append(names, name)
	}
	return dir, names, err
}

func hasEnding(name string, endings []string) bool {
	return slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(strings.ToLower(name), e) })
}

// filesOf lists the files by their names in a directory of a model, adapters or data, or of data alone, sorted; of a
// file it is the empty name. What is not there is left to those who open it.
func filesOf(path string, data bool) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{""}, nil
	}
	endings := modelEndings
	if data {
		endings = dataEndings
	}
	var out []string
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(path, e.Name())) // where a link leads
		switch {
		case strings.HasPrefix(e.Name(), "."), err != nil:
		case info.Mode().IsRegular() && hasEnding(e.Name(), endings):
			out = append(out, e.Name())
		case e.IsDir() && (data || slices.Contains(besides, e.Name())):
			below, err := filesOf(filepath.Join(path, e.Name()), data)
			if err != nil {
				return nil, err
			}
			for _, name := range below {
				out = append(out, filepath.Join(e.Name(), name))
			}
		}
	}
	if !data {
		out = readWeights(out)
	}
	return out, nil
}

var (
	shards  = regexp.MustCompile(`^model-[0-9]{5}-of-[0-9]{5}\.safetensors$|^model\.safetensors\.index\.json$`)
	pickled = regexp.MustCompile(`^pytorch_model.*\.bin$|^pytorch_model\.bin\.index\.json$`)
	never   = regexp.MustCompile(`^consolidated.*\.safetensors$|^training_args\.bin$|^optimizer.*\.bin$`)
)

// readWeights leaves out copies of the weights that internal/checkpoint passes over.
func readWeights(names []string) []string {
	single := slices.Contains(names, "model.safetensors")
	sharded := slices.ContainsFunc(names, shards.MatchString)
	return slices.DeleteFunc(names, func(n string) bool {
		return never.MatchString(n) || single && shards.MatchString(n) || (single || sharded) && pickled.MatchString(n)
	})
}

// builtIn says whether a template is no file.
func builtIn(name string) bool {
	_, err := os.Stat(name)
	return err != nil
}
