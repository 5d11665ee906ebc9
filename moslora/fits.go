package moslora

import (
	"errors"
	"fmt"

	"moslava/internal/nn"
)

// Fits says, as Attach would, what is wrong with hanging adapters of c on the linears for which within is true: targets and patterns that
// match nothing, and configurations that patterns make unsound. Linears without weights are enough (see nn.Outline).
func (c Config) Fits(ps *nn.Params, within func(name string) bool) error {
	chosen, err := c.Select(ps, within)
	if err != nil {
		return err
	}
	var linears, modules []string
	for l := range ps.Linears() {
		if within(l.Name) {
			linears = append(linears, l.Name)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("moslora: targets %q match none of the %d linears (such as %s)", c.Targets, len(linears), sample(linears))
	}
	var errs []error
	for _, l := range chosen {
		modules = append(modules, l.Name)
		if err := c.For(l.Name).Validate(); err != nil {
			errs = append(errs, fmt.Errorf("moslora: %s: %w", l.Name, err))
		}
	}
	return errors.Join(append(errs, c.unmatched(linears, modules))...)
}
