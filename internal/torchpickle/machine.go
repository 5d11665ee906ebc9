package torchpickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// machine is the stack machine of a pickle (Lib/pickletools.py of Python 3.11), less all that could run something.
type machine struct {
	in    []byte
	pos   int
	stack []any
	marks []int
	memo  map[uint32]any
}

// unpickle runs the pickle to its end. Each operation takes at most as much memory as it has bytes, so that the result is bounded
// by the length of the pickle.
func unpickle(in []byte) (any, error) {
	m := &machine{in: in, memo: map[uint32]any{}}
	for {
		at := m.pos
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			return m.pop()
		}
		if err := m.step(op[0]); err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
	}
}

var errShort = errors.New("the pickle ends too early")

func (m *machine) take(n int) ([]byte, error) {
	if n < 0 || n > len(m.in)-m.pos {
		return nil, errShort
	}
	m.pos += n
	return m.in[m.pos-n : m.pos], nil
}

// uint reads a little-endian number of n bytes.
func (m *machine) uint(n int) (uint64, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// counted reads bytes with their number in front, which has n bytes.
func (m *machine) counted(n int) ([]byte, error) {
	size, err := m.uint(n)
	if err != nil {
		return nil, err
	}
	if size > uint64(len(m.in)) {
		return nil, errShort
	}
	return m.take(int(size))
}

func (m *machine) line() (string, error) {
	n := bytes.IndexByte(m.in[m.pos:], '\n')
	if n < 0 {
		return "", errShort
	}
	b, err := m.take(n + 1)
	return string(b[:n]), err
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

// floor is where the stack ends for what follows the last mark.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) pop() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, errors.New("takes from an empty stack")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popMark takes all that follows the last mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("there is no mark")
	}
	at := m.floor()
	items := append([]any(nil), m.stack[at:]...)
	m.stack, m.marks = m.stack[:at], m.marks[:len(m.marks)-1]
	return items, nil
}

// popN takes n values.
func (m *machine) popN(n int) ([]any, error) {
	if len(m.stack)-m.floor() < n {
		return nil, errors.New("takes from an empty stack")
	}
	at := len(m.stack) - n
	items := append([]any(nil), m.stack[at:]...)
	m.stack = m.stack[:at]
	return items, nil
}

// step does one operation.
func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		version, err := m.uint(1)
		if err == nil && (version < 2 || version > 5) {
			err = fmt.Errorf("pickle protocol %d, want 2 to 5", version)
		}
		return err
	case 0x95: // FRAME
		_, err := m.take(8)
		return err
	case '(': // MARK
		m.marks = append(m.marks, len(m.stack))
	case 'N':
		m.push(nil)
	case 0x88:
		m.push(true)
	case 0x89:
		m.push(false)
	case '}':
		m.push(&dict{})
	case ']':
		m.push(&list{})
	case ')':
		m.push(tuple{})
	case '0': // POP
		_, err := m.pop()
		return err
	case 'K', 'M', 'J', 'G', 0x8a:
		return m.number(op)
	case 'X', 0x8c, 0x8d, 'U', 'T', 'B', 'C':
		return m.text(op)
	case 't', 0x85, 0x86, 0x87:
		return m.tuple(op)
	case 'a', 'e', 's', 'u':
		return m.fill(op)
	case 'q', 'r', 0x94, 'h', 'j':
		return m.memory(op)
	case 'c', 0x93:
		return m.global(op)
	case 'Q', 'R', 'b':
		return m.build(op)
	default:
		return fmt.Errorf("operation %q is not part of a dictionary of tensors", op)
	}
	return nil
}

func (m *machine) number(op byte) error {
	switch op {
	case 'K', 'M':
		n, err := m.uint(map[byte]int{'K': 1, 'M': 2}[op])
		m.push(int(n))
		return err
	case 'J':
		n, err := m.uint(4)
		m.push(int(int32(n)))
		return err
	case 'G':
		b, err := m.take(8)
		if err == nil {
			m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return err
	}
	b, err := m.counted(1) // LONG1: two's complement
	if err != nil {
		return err
	}
	if len(b) > 8 {
		return fmt.Errorf("a number of %d bytes", len(b))
	}
	var wide [8]byte
	copy(wide[:], b)
	v := int64(binary.LittleEndian.Uint64(wide[:]))
	if n := len(b); n > 0 && n < 8 && b[n-1] >= 0x80 {
		v -= 1 << (8 * n)
	}
	if int64(int(v)) != v {
		return fmt.Errorf("number %d is too large", v)
	}
	m.push(int(v))
	return nil
}

func (m *machine) text(op byte) error {
	width := map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8, 'U': 1, 'T': 4, 'B': 4, 'C': 1}[op]
	b, err := m.counted(width)
	if err != nil {
		return err
	}
	if op == 'B' || op == 'C' {
		m.push(b)
		return nil
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("text %.40q is not UTF-8", b)
	}
	m.push(string(b))
	return nil
}

func (m *machine) tuple(op byte) error {
	var items []any
	var err error
	if op == 't' {
		items, err = m.popMark()
	} else {
		items, err = m.popN(int(op) - 0x84)
	}
	m.push(tuple(items))
	return err
}

// fill adds to a list or a dictionary.
func (m *machine) fill(op byte) error {
	var items []any
	var err error
	switch op {
	case 'a':
		items, err = m.popN(1)
	case 's':
		items, err = m.popN(2)
	default:
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	to, err := m.popN(1)
	if err != nil {
		return err
	}
	m.push(to[0])
	switch to := to[0].(type) {
	case *list:
		if op == 'a' || op == 'e' {
			to.items = append(to.items, items...)
			return nil
		}
	case *dict:
		if (op == 's' || op == 'u') && len(items)%2 == 0 {
			for i := 0; i < len(items); i += 2 {
				to.keys, to.values = append(to.keys, items[i]), append(to.values, items[i+1])
			}
			return nil
		}
	}
	return fmt.Errorf("adds %d values to a %s", len(items), kind(to[0]))
}

// memory remembers the top of the stack, or pushes what was remembered.
func (m *machine) memory(op byte) error {
	key := uint64(len(m.memo)) // MEMOIZE
	var err error
	switch op {
	case 'q', 'h':
		key, err = m.uint(1)
	case 'r', 'j':
		key, err = m.uint(4)
	}
	if err != nil {
		return err
	}
	if op == 'h' || op == 'j' {
		v, ok := m.memo[uint32(key)]
		if !ok {
			return errors.New("recalls number " + strconv.FormatUint(key, 10) + ", which was not remembered")
		}
		m.push(v)
		return nil
	}
	v, err := m.pop()
	if err != nil {
		return err
	}
	m.push(v)
	m.memo[uint32(key)] = v
	return nil
}

func (m *machine) global(op byte) error {
	var g global
	if op == 'c' {
		var err error
		if g.module, err = m.line(); err != nil {
			return err
		}
		if g.name, err = m.line(); err != nil {
			return err
		}
	} else {
		two, err := m.popN(2)
		if err != nil {
			return err
		}
		var ok, also bool
		g.module, ok = two[0].(string)
		g.name, also = two[1].(string)
		if !ok || !also {
			return fmt.Errorf("a global is named by a %s and a %s", kind(two[0]), kind(two[1]))
		}
	}
	if err := known(g); err != nil {
		return err
	}
	m.push(g)
	return nil
}

// build makes a storage of its id, calls a global, or sets attributes, of which an OrderedDict has _metadata and which are dropped.
func (m *machine) build(op byte) error {
	if op == 'Q' {
		id, err := m.pop()
		if err != nil {
			return err
		}
		s, err := persistent(id)
		m.push(s)
		return err
	}
	two, err := m.popN(2)
	if err != nil {
		return err
	}
	if op == 'b' {
		if _, ok := two[0].(*dict); !ok {
			return fmt.Errorf("sets attributes of a %s", kind(two[0]))
		}
		m.push(two[0])
		return nil
	}
	v, err := call(two[0], two[1])
	m.push(v)
	return err
}
