package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"moslava/internal/infile"
)

// most is more than any of these files has.
const most = 1 << 20

func memory() []Room { return memoryAt("/", limits()) }

// memoryAt reads what the files of proc and sys say below a root.
func memoryAt(root string, rooms []Room) []Room {
	if n, ok := field(filepath.Join(root, "proc/meminfo"), "MemAvailable:"); ok {
		rooms = append(rooms, Room{n << 10, "memory that the system has available"})
	}
	b, err := infile.Read(filepath.Join(root, "proc/self/cgroup"), most)
	if err != nil {
		return rooms
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, path
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[1] == "":
			rooms = append(rooms, groups(filepath.Join(root, "sys/fs/cgroup"), parts[2], "memory.max", "memory.current", "inactive_file")...)
		case strings.Contains(","+parts[1]+",", ",memory,"):
			rooms = append(rooms, groups(filepath.Join(root, "sys/fs/cgroup/memory"), parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")...)
		}
	}
	return rooms
}

// groups are the limits of a control group and of those above it, less what they use; file pages that can be dropped are no use.
func groups(mount, group, limit, usage, idle string) (rooms []Room) {
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		at := filepath.Join(mount, dir)
		limited, ok := number(filepath.Join(at, limit))
		if used, is := number(filepath.Join(at, usage)); ok && is && limited < 1<<60 { // v1 writes a number near 2^63 for none
			dropped, _ := field(filepath.Join(at, "memory.stat"), idle)
			rooms = append(rooms, Room{limited - used + dropped, fmt.Sprintf("the control group %s (%s)", dir, limit)})
		}
		if dir == "/" {
			return rooms
		}
	}
}

// number reads a file that holds one; "max" is none.
func number(file string) (int64, bool) {
	b, err := infile.Read(file, most)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// field reads the number after a name at the beginning of a line.
func field(file, name string) (int64, bool) {
	b, err := infile.Read(file, most)
	if err != nil {
		return 0, false
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) >= 2 && f[0] == name {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// limits are what ulimit leaves: of addresses (-v) and of data (-d).
func limits() (rooms []Room) {
	var size, data int64
	if b, err := infile.Read("/proc/self/statm", most); err == nil {
		if f := strings.Fields(string(b)); len(f) >= 6 {
			size, _ = strconv.ParseInt(f[0], 10, 64)
			data, _ = strconv.ParseInt(f[5], 10, 64)
		}
	}
	page := int64(os.Getpagesize())
	for _, l := range []struct {
		which int
		name  string
		used  int64
	}{{unix.RLIMIT_AS, "ulimit -v", size * page}, {unix.RLIMIT_DATA, "ulimit -d", data * page}} {
		var r unix.Rlimit
		if unix.Getrlimit(l.which, &r) == nil && r.Cur < math.MaxInt64 {
			rooms = append(rooms, Room{int64(r.Cur) - l.used, l.name})
		}
	}
	return rooms
}
