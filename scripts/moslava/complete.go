package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// weightNames are the values of --weights, in the order of their size.
var weightNames = []string{"f32", "bf16", "q8", "nf4"}

// completeFiles completes an argument with files of these endings, and directories on the way to them.
func completeFiles(endings ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeDirectories completes an argument with directories.
func completeDirectories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeValues completes the value of a flag with one of a list.
func completeValues(c *cobra.Command, flag string, values []string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(slices.Clone(values), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that is not defined, or completed twice
	}
}
