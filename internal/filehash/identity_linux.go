package filehash

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// change is what no program sets at will: device, inode, and the time of the last change of content, name or rights.
func change(info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d/%d/%d", s.Dev, s.Ino, changed(info).UnixNano())
	}
	return ""
}

func changed(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Ctim.Unix())
	}
	return info.ModTime()
}
