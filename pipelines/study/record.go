package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"moslava/internal/atomicfile"
	"moslava/internal/infile"
	"moslava/internal/safetensors"
	"moslava/internal/sealed"
	"moslava/pipelines/eval"
	"moslava/pipelines/metrics"
	"moslava/pipelines/recipe"
	"moslava/pipelines/states"
)

// recordFile is a cell's record in its directory.
const recordFile = "cell.json"

// A Record is what is known of a cell.
type Record struct {
	Cell
	Settings   json.RawMessage   `json:"settings"`             // keys of the cell's recipe that decide its result
	Variables  map[string]string `json:"variables,omitempty"`  // of the environment in them, by name: see recipe.Seal
	Steps      int               `json:"steps"`                // of training
	Adapters   int               `json:"adapter_parameters"`   // that were trained
	Others     int               `json:"other_parameters"`     // that were trained: the projector's
	Validation float64           `json:"validation_loss"`      // after the last step, in nats a target
	Train      float64           `json:"train_seconds"`        // wall time of all steps
	Step       float64           `json:"median_step_seconds"`  //
	Peak       int64             `json:"peak_bytes,omitempty"` // of resident memory in training, in the process that ended it; 0: not known here
	Ask        float64           `json:"evaluate_seconds,omitempty"`
	Suites     []Suite           `json:"suites,omitempty"`
	Sum        string            `json:"record_sha256,omitempty"` // of the record without it; records of earlier versions have none
}

func (r *Record) seal(sum string) { r.Sum = sum }

const indent = " "

// A Suite is how a cell did on one suite: question by question, in the suite's order.
type Suite struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`
	IDs     []int64 `json:"ids"`  // of questions
	Hits    []bool  `json:"hits"` // whether all rows of the question were answered right
}

// Accuracy is the share of questions that were answered right.
func (s *Suite) Accuracy() float64 {
	n := 0
	for _, h := range s.Hits {
		if h {
			n++
		}
	}
	return float64(n) / float64(max(1, len(s.Hits)))
}

// Trained says whether training has been recorded.
func (r *Record) Trained() bool { return r.Steps > 0 }

// Evaluated says whether the suites have been recorded.
func (r *Record) Evaluated() bool { return len(r.Suites) > 0 }

// String is a line for people.
func (r *Record) String() string {
	text := fmt.Sprintf("validation loss %.4f", r.Validation)
	for _, s := range r.Suites {
		text += fmt.Sprintf(", %s %.1f %%", s.Name, 100*s.Accuracy())
	}
	return text
}

// maxRecord bounds a record's file.
const maxRecord = 64 << 20

// record reads the record of a cell, an empty one if there is none.
func (p *plan) record(c Cell) (*Record, error) {
	path := filepath.Join(p.dir(c), recordFile)
	b, err := infile.Read(path, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return &Record{Cell: c}, nil
	}
	var r Record
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err == nil {
		err = sealed.Check(b, &r, indent, r.Sum, r.seal)
	}
	if errors.Is(err, sealed.ErrNone) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("study: %s: %w", path, err)
	}
	now, err := p.recipe(c)
	if err != nil {
		return nil, err
	}
	set, err := settings(now)
	if err != nil {
		return nil, err
	}
	if diff, err := changed(r.Settings, set); err != nil {
		return nil, fmt.Errorf("study: %s: %w", path, err)
	} else if diff != "" {
		return nil, fmt.Errorf("study: %s: %s: remove the cell's directory to run it again, or give another run_dir", path, diff)
	}
	values, err := variables(now)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Variables)) {
		if value, ok := values[name]; ok && !recipe.IsSealed(r.Variables[name], value) {
			return nil, fmt.Errorf("study: %s: the environment variable %s was another text: set it back, or remove the cell's directory to run it again, or give another run_dir", path, name)
		} else if ok {
			p.sealed[name] = r.Variables[name]
		}
	}
	if r.Cell != c {
		return nil, fmt.Errorf("study: %s is of cell %s, expected %s", path, r.Cell.Name(), c.Name())
	}
	return &r, nil
}

func (p *plan) write(r *Record) error {
	b, err := sealed.Encode(r, indent, r.seal)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(p.dir(r.Cell), recordFile), b)
}

// variables are the values of all variables that decide a cell's result, by name.
func variables(r *recipe.Recipe) (map[string]string, error) {
	all := map[string]string{}
	for i := range r.Stages {
		values, err := r.Variables(i)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, values)
	}
	return all, nil
}

// seal hides the values of a cell's variables. All cells of a study hide a value alike: looking whether one has changed is slow.
func (p *plan) seal(r *recipe.Recipe) (map[string]string, error) {
	values, err := variables(r)
	if err != nil {
		return nil, err
	}
	fresh := maps.Clone(values)
	maps.DeleteFunc(fresh, func(name, value string) bool { return recipe.IsSealed(p.sealed[name], value) })
	if fresh, err = recipe.Seal(fresh); err != nil {
		return nil, err
	}
	maps.Copy(p.sealed, fresh)
	out := map[string]string{}
	for name := range values {
		out[name] = p.sealed[name]
	}
	return out, nil
}

// noteTrained records what the training stage left behind.
func (p *plan) noteTrained(rec *Record, r *recipe.Recipe, peak int64) error {
	dir := r.DirOf(p.Stage)
	steps, err := metrics.Read(filepath.Join(dir, metrics.LinesFile))
	if err != nil {
		return err
	}
	var seconds []float64
	for _, m := range steps {
		seconds = append(seconds, m.Time.Seconds)
		rec.Train += m.Time.Seconds
		if m.Validation != nil {
			rec.Validation = *m.Validation
		}
	}
	if len(steps) == 0 || steps[len(steps)-1].Validation == nil {
		return fmt.Errorf("study: %s has no validation loss after its last step", filepath.Join(dir, metrics.LinesFile))
	}
	slices.Sort(seconds)
	if rec.Settings, err = settings(r); err != nil {
		return err
	}
	if rec.Variables, err = p.seal(r); err != nil {
		return err
	}
	rec.Steps, rec.Step, rec.Peak = len(steps), seconds[len(seconds)/2], peak
	if rec.Adapters, rec.Others, err = trained(dir); err != nil {
		return err
	}
	return p.write(rec)
}

// noteEvaluated records the answers to the suites.
func (p *plan) noteEvaluated(rec *Record, r *recipe.Recipe, took time.Duration) error {
	st, _ := r.Stage(p.Evaluate)
	_, at := r.Stage(p.Evaluate)
	written := r.Written().Stages[at].Evaluate.Suites
	var suites []Suite
	for i, c := range st.Evaluate.Suites {
		vs, err := eval.ReadVerdicts(filepath.Join(r.DirOf(p.Evaluate), c.Name, eval.VerdictsFile))
		if err != nil {
			return err
		}
		s := Suite{Name: written[i].Name}
		wrong := map[int64]bool{}
		for _, v := range vs {
			if v.Want == "" {
				continue // the suite does not tell
			}
			if _, known := wrong[v.Group]; !known {
				s.IDs = append(s.IDs, v.Group)
			}
			wrong[v.Group] = wrong[v.Group] || !v.Correct
			s.Version = v.Suite
		}
		slices.Sort(s.IDs)
		for _, id := range s.IDs {
			s.Hits = append(s.Hits, !wrong[id])
		}
		if len(s.IDs) == 0 {
			return fmt.Errorf("study: suite %s has no question with an answer", s.Name)
		}
		suites = append(suites, s)
	}
	rec.Suites, rec.Ask = suites, took.Seconds()
	return p.write(rec)
}

// trained counts the parameters in the last saved state of a stage, which holds all that were trained and nothing else.
func trained(dir string) (adapters, others int, err error) {
	saved, _, err := states.List(dir)
	if err != nil {
		return 0, 0, fmt.Errorf("study: %w", err)
	}
	if len(saved) == 0 {
		return 0, 0, fmt.Errorf("study: %s holds no saved state", dir)
	}
	f, err := safetensors.Open(states.Params(saved[len(saved)-1]))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for _, name := range f.Names() {
		n := 1
		info, _ := f.Info(name)
		for _, d := range info.Shape {
			n *= d
		}
		if strings.Contains(name, ".lora_") {
			adapters += n
		} else {
			others += n
		}
	}
	return adapters, others, nil
}
