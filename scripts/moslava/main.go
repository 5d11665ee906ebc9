// Command moslava trains, evaluates and exports small vision-language models on a CPU.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "moslava:", err)
		if errors.Is(err, context.Canceled) {
			os.Exit(130)
		}
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "moslava",
		Short:         "Teach a language model to see, on the CPU you have",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(askCommand(), convertCommand(), demoCommand(), runCommand())
	return c
}
