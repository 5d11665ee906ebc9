package torchpickle

import (
	"errors"
	"fmt"

	"moslava/internal/safetensors"
)

// Values of a pickle are nil, bool, int, float64, string, []byte, tuple, *list, *dict, global, storage and tensor.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ keys, values []any }
	global struct{ module, name string }

	storage struct {
		dtype safetensors.DType
		key   string
	}
	tensor struct {
		storage      storage
		offset       int // in elements
		size, stride []int
	}
	namedTensor struct {
		name string
		tensor
	}
)

// storages are the types of storages that can be read.
var storages = map[string]safetensors.DType{
	"FloatStorage": safetensors.F32, "HalfStorage": safetensors.F16, "BFloat16Storage": safetensors.BF16,
	"DoubleStorage": safetensors.F64, "LongStorage": safetensors.I64, "IntStorage": safetensors.I32,
	"ShortStorage": safetensors.I16, "CharStorage": safetensors.I8, "ByteStorage": safetensors.U8, "BoolStorage": safetensors.Bool,
}

var (
	rebuildTensor    = global{"torch._utils", "_rebuild_tensor_v2"}
	rebuildParameter = global{"torch._utils", "_rebuild_parameter"}
	orderedDict      = global{"collections", "OrderedDict"}
)

// known refuses globals that are none of the above.
func known(g global) error {
	if g == rebuildTensor || g == rebuildParameter || g == orderedDict {
		return nil
	}
	if _, ok := storages[g.name]; ok && g.module == "torch" {
		return nil
	}
	return fmt.Errorf("names the global %s.%s, which is not part of a dictionary of tensors: nothing of such a file is read or run", g.module, g.name)
}

// call does what the known global does to its arguments.
func call(f any, args any) (any, error) {
	g, ok := f.(global)
	a, isTuple := args.(tuple)
	if !ok || !isTuple {
		return nil, fmt.Errorf("calls a %s with a %s", kind(f), kind(args))
	}
	switch g {
	case orderedDict:
		if len(a) > 0 {
			return nil, fmt.Errorf("calls OrderedDict with %d arguments, want none", len(a))
		}
		return &dict{}, nil
	case rebuildParameter: // data, requires_grad, hooks
		if len(a) != 3 {
			return nil, fmt.Errorf("calls %s with %d arguments, want 3", g.name, len(a))
		}
		t, ok := a[0].(tensor)
		if !ok {
			return nil, fmt.Errorf("calls %s with a %s, want a tensor", g.name, kind(a[0]))
		}
		return t, nil
	case rebuildTensor: // storage, offset, size, stride, requires_grad, hooks, and perhaps metadata
		if len(a) != 6 && len(a) != 7 {
			return nil, fmt.Errorf("calls %s with %d arguments, want 6 or 7", g.name, len(a))
		}
		return rebuild(a)
	}
	return nil, fmt.Errorf("calls %s.%s", g.module, g.name)
}

func rebuild(a tuple) (t tensor, err error) {
	var ok, whole bool
	if t.storage, ok = a[0].(storage); !ok {
		return t, fmt.Errorf("a tensor's storage is a %s", kind(a[0]))
	}
	t.offset, whole = a[1].(int)
	if !whole || t.offset < 0 {
		return t, fmt.Errorf("a tensor's offset is a %s or negative", kind(a[1]))
	}
	if t.size, err = dims(a[2]); err != nil {
		return t, fmt.Errorf("a tensor's size: %w", err)
	}
	if t.stride, err = dims(a[3]); err != nil {
		return t, fmt.Errorf("a tensor's stride: %w", err)
	}
	if len(t.size) != len(t.stride) {
		return t, fmt.Errorf("a tensor has %d sizes and %d strides", len(t.size), len(t.stride))
	}
	return t, nil
}

// dims reads a tuple of at most 64 numbers that are not negative.
func dims(v any) ([]int, error) {
	items, ok := v.(tuple)
	if !ok || len(items) > 64 {
		return nil, fmt.Errorf("a %s in place of up to 64 numbers", kind(v))
	}
	out := make([]int, len(items))
	for i, item := range items {
		n, ok := item.(int)
		if !ok || n < 0 {
			return nil, fmt.Errorf("number %d is a %s or negative", i, kind(item))
		}
		out[i] = n
	}
	return out, nil
}

// persistent reads the id of a storage: ("storage", type, key, location, elements).
func persistent(v any) (s storage, err error) {
	id, ok := v.(tuple)
	if !ok || len(id) != 5 || id[0] != any("storage") {
		return s, errors.New("a persistent id is not that of a storage")
	}
	class, isClass := id[1].(global)
	key, isKey := id[2].(string)
	if !isClass || !isKey || class.module != "torch" {
		return s, fmt.Errorf("a storage has a %s as its type and a %s as its key", kind(id[1]), kind(id[2]))
	}
	if s.dtype, ok = storages[class.name]; !ok {
		return s, fmt.Errorf("a storage has the type %s.%s", class.module, class.name)
	}
	s.key = key
	return s, nil
}

// stateDict lists the tensors of what was saved.
func stateDict(v any) ([]namedTensor, error) {
	d, ok := v.(*dict)
	if !ok {
		return nil, fmt.Errorf("holds a %s, want a dictionary of tensors", kind(v))
	}
	for i, k := range d.keys {
		if inner, ok := d.values[i].(*dict); ok && k == any("state_dict") {
			d = inner
			break
		}
	}
	at := make(map[string]int, len(d.keys))
	var out []namedTensor
	for i, k := range d.keys {
		name, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("a tensor's name is a %s", kind(k))
		}
		t, ok := d.values[i].(tensor)
		if !ok {
			return nil, fmt.Errorf("%q is a %s, want a tensor", name, kind(d.values[i]))
		}
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("tensor %q occurs twice", name)
		}
		at[name] = i
		out = append(out, namedTensor{name, t})
	}
	return out, nil
}

// kind names the type of a value. Values themselves are never printed: a pickle can make them contain themselves.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int:
		return "number"
	case float64:
		return "float"
	case string:
		return "text"
	case []byte:
		return "bytes"
	case tuple:
		return fmt.Sprintf("tuple of %d", len(v))
	case *list:
		return "list"
	case *dict:
		return "dictionary"
	case global:
		return "global " + v.module + "." + v.name
	case storage:
		return "storage"
	case tensor:
		return "tensor"
	}
	return fmt.Sprintf("%T", v)
}
