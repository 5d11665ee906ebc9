package jinja

import (
	"fmt"
	"strings"
)

// layouts are the directives of strftime in the C locale.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'h': "Jan", 'e': "_2",
	'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'n': "\n", 't': "\t",
	'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'f': "000000", 'r': "03:04:05 PM",
}

// strftime is datetime.now().strftime(format), of a time without zone.
func (r *run) strftime(format string) string {
	var b buffer
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			b.write(r, format)
			return b.text(r)
		}
		b.write(r, format[:i])
		if i+1 == len(format) {
			r.fail("strftime_now: %.60q ends in %%", format)
		}
		c := format[i+1]
		format = format[i+2:]
		if c == '-' && format != "" { // glibc: without a zero in front
			c, format = format[0], format[1:]
			b.write(r, orElse(strings.TrimLeft(r.directive(c), "0 "), "0"))
			continue
		}
		b.write(r, r.directive(c))
	}
}

func (r *run) directive(c byte) string {
	t := r.now
	switch c {
	case '%':
		return "%"
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return fmt.Sprint(int(t.Weekday()))
	case 's':
		return fmt.Sprint(t.Unix())
	case 'z', 'Z': // datetime.now() has no zone
		return ""
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	}
	layout, ok := layouts[c]
	if !ok {
		r.fail("strftime_now: %%%c is not supported", c)
	}
	return t.Format(layout)
}
