package machine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMemoryAt reads made-up machines: what the smallest room is and what sets it.
func TestMemoryAt(t *testing.T) {
	meminfo := "MemTotal:  16384 kB\nMemAvailable:  8192 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		limit string
		bytes int64
	}{
		"no groups": {map[string]string{"proc/meminfo": meminfo}, "memory that the system has available", 8 << 20},
		"v2, the group above": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "4194304\n", "sys/fs/cgroup/a/memory.current": "3145728\n", "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 1048576\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "1\n"}, "the control group /a (memory.max)", 2 << 20},
		"v2 in a container": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "1048576", "sys/fs/cgroup/memory.current": "2097152"}, "the control group / (memory.max)", 0},
		"v1, a path that is not seen from inside": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu,memory:/docker/x\n1:name=systemd:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "3145728", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1048576",
			"sys/fs/cgroup/memory/memory.stat": "inactive_file 7\ntotal_inactive_file 524288\n"}, "the control group / (memory.limit_in_bytes)", 2<<20 + 512<<10},
		"v1 without a limit": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1"}, "memory that the system has available", 8 << 20},
	} {
		root := t.TempDir()
		for file, text := range c.files {
			file = filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := smallest(memoryAt(root, nil)); err != nil || r.Bytes != c.bytes || r.Limit != c.limit {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if r, err := Memory(); err != nil || r.Bytes <= 0 {
		t.Errorf("this machine has %+v, %v", r, err)
	}
}
