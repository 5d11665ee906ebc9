package main

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"
)

// exactly wants so many arguments; its error says what they are.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// atLeast wants so many arguments or more.
func atLeast(n int) cobra.PositionalArgs { return between(n, math.MaxInt) }

func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if least <= len(args) && len(args) <= most {
			return nil
		}
		found := fmt.Sprintf("%d arguments", len(args))
		if len(args) == 1 {
			found = "1 argument"
		}
		return fmt.Errorf("found %s, expected moslava %s; moslava %s --help says more", found, cmd.Use, cmd.Name())
	}
}
