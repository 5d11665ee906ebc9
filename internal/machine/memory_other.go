//go:build !linux && !darwin

package machine

func memory() []Room { return nil }

func limits() []Room { return nil }
