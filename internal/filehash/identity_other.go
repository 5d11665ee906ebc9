//go:build !linux

package filehash

import (
	"io/fs"
	"time"
)

func change(fs.FileInfo) string { return "" }

func changed(info fs.FileInfo) time.Time { return info.ModTime() }
