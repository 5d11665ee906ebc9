//go:build !linux && !darwin

package machine

func memory() []Room { return nil }

// Limited is false where nobody can tell.
func Limited() bool { return false }
