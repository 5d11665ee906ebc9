package nn

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"moslava/internal/autograd"
	"moslava/internal/device"
	"moslava/internal/machine"
)

// Source is where parameters come from: a checkpoint, or Random.
type Source interface {
	// Tensor returns the elements of the named parameter, or an error if it is missing or misshapen.
	// The slice becomes the caller's.
	Tensor(name string, shape []int, init Init) ([]float32, error)
}

// Scope is a place in the tree of names.
type Scope struct {
	path string
	b    *builder
}

type builder struct {
	src     Source
	params  *Params
	errs    []error
	storage Storage
	dropped dropped
	count   *device.Count // of an outline
	short   bool          // there was no memory for a parameter
}

// tensor asks the source. Where there is no memory that is said once, and what comes after it is nil without an error.
func (b *builder) tensor(name string, shape []int, init Init) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if b.short {
		return nil, nil
	}
	const chunk = 16 << 20 // what packed weights are allocated in, see internal/kernels
	if err := machine.Take(2*4*n + chunk); err != nil {
		b.short = true
		return nil, fmt.Errorf("%s %v: %w", name, shape, err)
	}
	return b.src.Tensor(name, shape, init)
}

// Build runs construct and returns what it built with its parameters. Its error joins every
// problem met on the way: all missing, misshapen and twice declared parameters.
func Build[M any](src Source, construct func(*Scope) M) (M, *Params, error) {
	return BuildStored(src, nil, construct)
}

// Outline is Build without elements: parameters have names and shapes on a device that only counts. It tells what a model would take.
func Outline[M any](construct func(*Scope) M) (M, *Params, error) {
	return BuildStored(nil, nil, construct)
}

// BuildStored is Build for a model whose weights are rounded as they come, one tensor at a time.
func BuildStored[M any](src Source, storage Storage, construct func(*Scope) M) (M, *Params, error) {
	b := &builder{src: src, storage: storage, params: &Params{byName: map[string]*Param{}}}
	if src == nil {
		b.count = device.NewCount()
	}
	m := construct(&Scope{b: b})
	if err := errors.Join(b.errs...); err != nil {
		var zero M
		return zero, nil, err
	}
	return m, b.params, nil
}

// In returns the scope one or more steps down. Steps are names or indexes.
func (s *Scope) In(steps ...any) *Scope {
	path := s.path
	for _, st := range steps {
		path = join(path, fmt.Sprint(st))
	}
	return &Scope{path: path, b: s.b}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Fail records an error, which Build will return.
func (s *Scope) Fail(err error) {
	if s.path != "" {
		err = fmt.Errorf("%s: %w", s.path, err)
	}
	s.b.errs = append(s.b.errs, err)
}

// Param declares a parameter. On failure it returns a zero one, so that construction goes on and
// finds the other problems.
func (s *Scope) Param(name string, init Init, shape ...int) *Param {
	full := join(s.path, name)
	if s.b.params.byName[full] != nil {
		s.b.errs = append(s.b.errs, fmt.Errorf("parameter %q is declared twice", full))
	}
	if s.b.src == nil {
		return s.b.params.add(newParam(full, autograd.Outline(s.b.count, shape...)))
	}
	data, err := s.b.tensor(full, shape, init)
	if err != nil {
		s.b.errs = append(s.b.errs, err)
	}
	if data == nil {
		shape = []int{0} // takes no memory: nothing is run after an error
	}
	return s.b.params.add(NewParam(full, data, shape...))
}

func (ps *Params) add(p *Param) *Param {
	ps.byName[p.Name] = p
	ps.list = append(ps.list, p)
	return p
}

// Init fills a fresh parameter of the given shape.
type Init func(r *rand.Rand, shape []int, data []float32)

// Zeros leaves the parameter zero.
func Zeros(*rand.Rand, []int, []float32) {}

// Ones sets the parameter to one.
func Ones(_ *rand.Rand, _ []int, data []float32) {
	for i := range data {
		data[i] = 1
	}
}

// Normal draws from N(0, std²).
func Normal(std float64) Init {
	return func(r *rand.Rand, _ []int, data []float32) {
		for i := range data {
			data[i] = float32(r.NormFloat64() * std)
		}
	}
}

// KaimingUniform is torch.nn.init.kaiming_uniform_(w, a=√5), the start of torch's linear layers:
// U(-1/√in, 1/√in), where in is the product of all dimensions but the first.
func KaimingUniform(r *rand.Rand, shape []int, data []float32) {
	bound := 1 / math.Sqrt(float64(len(data)/shape[0]))
	for i := range data {
		data[i] = float32((2*r.Float64() - 1) * bound)
	}
}

// Random is a Source of fresh parameters. A parameter depends on the seed and its name alone, so
// that adding a layer changes no other.
type Random uint64

// Tensor draws the parameter.
func (seed Random) Tensor(name string, shape []int, init Init) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	init(seed.Rand(name), shape, data)
	return data, nil
}

// Rand is the generator that belongs to a name.
func (seed Random) Rand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

// Mux sends names to sources by prefix. The longest prefix that fits is used and cut off.
type Mux map[string]Source

// Tensor asks the source whose prefix fits.
func (m Mux) Tensor(name string, shape []int, init Init) ([]float32, error) {
	best, found := "", false
	for prefix := range m {
		if strings.HasPrefix(name, prefix) && (!found || len(prefix) > len(best)) {
			best, found = prefix, true
		}
	}
	if !found {
		return nil, fmt.Errorf("no source for parameter %q", name)
	}
	return m[best].Tensor(strings.TrimPrefix(name, best), shape, init)
}

// Whole passes names on uncut: a source in a Mux that knows them by their full name.
func Whole(prefix string, src Source) Source { return whole{prefix, src} }

type whole struct {
	prefix string
	src    Source
}

func (w whole) Tensor(name string, shape []int, init Init) ([]float32, error) {
	return w.src.Tensor(w.prefix+name, shape, init)
}

// From makes a Source of anything that reads tensors by name and shape, such as a checkpoint.
func From(r interface {
	Float32(name string, shape []int) ([]float32, error)
}) Source {
	return readerSource{r.Float32}
}

type readerSource struct {
	read func(name string, shape []int) ([]float32, error)
}

func (s readerSource) Tensor(name string, shape []int, _ Init) ([]float32, error) {
	return s.read(name, shape)
}
