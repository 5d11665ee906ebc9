package main

import (
	"testing"

	"github.com/spf13/cobra"

	"moslava/pipelines/answering"
)

// TestOwnFlags: what makes a file one's own data, and flags that contradict that.
func TestOwnFlags(t *testing.T) {
	for _, c := range []struct {
		args, wrong string
		data        bool
		protocol    string
		opt         answering.EvaluateOptions
	}{
		{args: "", data: false},
		{args: "--data", data: true},
		{args: "--prompt=x", data: true},
		{args: "--history", data: true},
		{args: "--format=llm-adapters", wrong: "--format: rows of llm-adapters are texts, and questions are asked of rows with answers"},
		{args: "--tolerance=0.1", wrong: "--tolerance is for --protocol number"},
		{args: "--tolerance=3", opt: answering.EvaluateOptions{Protocol: "number"}, wrong: "--tolerance: found tolerance 3, expected a share of the right number from 0 to 1"},
		{args: "--tolerance=0.1", opt: answering.EvaluateOptions{Protocol: "number"}, protocol: "number-0.1"},
		{args: "--data", opt: answering.EvaluateOptions{StopEarly: true}, wrong: "--stop-early is for circular suites: your own questions have one pass each"},
	} {
		var own ownFlags
		cmd := &cobra.Command{}
		own.flags(cmd)
		if err := cmd.ParseFlags([]string{c.args}[:min(1, len(c.args))]); err != nil {
			t.Fatal(err)
		}
		err := own.apply(cmd, "suite.tsv", &c.opt)
		switch {
		case c.wrong != "":
			if err == nil || err.Error() != c.wrong {
				t.Errorf("%s: %v, expected %s", c.args, err, c.wrong)
			}
		case err != nil || (c.opt.Data != nil) != c.data || c.protocol != "" && c.opt.Protocol != c.protocol:
			t.Errorf("%s: %+v, %v", c.args, c.opt, err)
		}
	}
}
