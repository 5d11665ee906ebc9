package pytext

import (
	"strconv"
	"strings"
)

// ParseList reads a list of texts and numbers as Python writes one, "['a', \"b's\", 3]": VLMEvalKit's tables have such cells, which
// it evaluates. Numbers come as they are written. ok is false for everything else.
func ParseList(s string) (out []string, ok bool) {
	s = strings.TrimFunc(s, IsSpace)
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return nil, false
	}
	s = s[1 : len(s)-1]
	for {
		s = strings.TrimLeftFunc(s, IsSpace)
		if s == "" {
			return out, true // a comma may stand before the end
		}
		var item string
		if s[0] == '\'' || s[0] == '"' {
			item, s, ok = parseQuoted(s)
		} else {
			end := strings.IndexByte(s, ',')
			if end < 0 {
				end = len(s)
			}
			item, s = strings.TrimFunc(s[:end], IsSpace), s[end:]
			_, ok = ParseFloat(item)
		}
		if !ok {
			return nil, false
		}
		out = append(out, item)
		s = strings.TrimLeftFunc(s, IsSpace)
		if s == "" {
			return out, true
		}
		if s[0] != ',' {
			return nil, false
		}
		s = s[1:]
	}
}

// List writes texts as ParseList reads them.
func List(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = "'" + escapes.Replace(s) + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\x00", `\x00`)

// parseQuoted reads a quoted text and returns what follows it.
func parseQuoted(s string) (text, rest string, ok bool) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), s[i+1:], true
		case c == '\n':
			return "", "", false
		case c != '\\':
			b.WriteByte(c)
		default:
			if i++; i == len(s) {
				return "", "", false
			}
			plain := map[byte]byte{'\\': '\\', '\'': '\'', '"': '"', 'n': '\n', 't': '\t', 'r': '\r', 'a': '\a', 'b': '\b', 'f': '\f', 'v': '\v', '0': 0}
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
			if r, is := plain[s[i]]; is {
				b.WriteByte(r)
			} else if digits > 0 && i+digits < len(s) {
				n, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32)
				if err != nil || n > 0x10ffff {
					return "", "", false
				}
				b.WriteRune(rune(n))
				i += digits
			} else {
				b.WriteByte('\\') // Python keeps what it does not know
				b.WriteByte(s[i])
			}
		}
	}
	return "", "", false
}
