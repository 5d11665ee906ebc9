//go:build !linux && !darwin && !freebsd

package machine

// Disk is unknown here.
func Disk(string) (free int64, device string, err error) { return 0, "", ErrUnknown }
