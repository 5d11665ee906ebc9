// Command moslava trains, evaluates and exports small vision-language models on a CPU.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"moslava/internal/interrupt"
	"moslava/internal/kernels"
	"moslava/internal/machine"
	"moslava/internal/output"
	"moslava/internal/terminal"
)

// gcPercent lets the heap grow by that much before it is collected: what a step needs is pooled, so
// collections are rare and cheap, and Go's default would double the memory. GOGC overrides it.
const gcPercent = 30

func main() { os.Exit(execute()) }

// execute runs the command that the arguments name and returns the status of the process.
func execute() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := machine.Begin(); err != nil {
		fmt.Fprintln(os.Stderr, "moslava:", err)
		return 1
	}
	ctx, stop := interrupt.Handle(context.Background(), &interrupt.Handler{Out: os.Stderr, Clean: output.Leave, Exit: os.Exit})
	defer stop()
	c := root()
	say := printSafely(c, os.Stdout, os.Stderr)
	err := c.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	tellError(say, err)
	if s := new(interrupt.Signal); errors.As(context.Cause(ctx), s) {
		return s.Code()
	}
	return 1
}

// printSafely has everything that the command prints go through terminal.Writer, and returns the one to stderr.
// Commands whose output is data take terminal.Data of theirs.
func printSafely(c *cobra.Command, stdout, stderr io.Writer) io.Writer {
	c.SetOut(terminal.NewWriter(stdout))
	c.SetErr(terminal.NewWriter(stderr))
	return c.ErrOrStderr()
}

// tellError prints why a command failed.
func tellError(w io.Writer, err error) { fmt.Fprintln(w, "moslava:", err) }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "moslava",
		Short:         "Teach a language model to see, on the CPU you have",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return kernels.CheckISA()
		},
	}
	c.AddCommand(
		analyzeCommand(),
		askCommand(),
		composeCommand(),
		convertCommand(),
		dataCommand(),
		demoCommand(),
		evaluateCommand(),
		initCommand(),
		inspectCommand(),
		joinCommand(),
		lrCommand(),
		planCommand(),
		preprocessCommand(),
		reportCommand(),
		runCommand(),
		scoreCommand(),
		studyCommand(),
		tokenizeCommand(),
		verifyCommand(),
		verifyRunCommand(),
		versionCommand(),
	)
	return c
}
