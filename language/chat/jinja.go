package chat

import (
	"errors"
	"fmt"
	"time"

	engine "moslava/language/chat/jinja"
)

// maxSource bounds a file with a template, in bytes.
const maxSource = engine.MaxSource

// list is a list of values for templates.
type list []any

// jinja is a compiled template, safe for concurrent use.
type jinja struct {
	template *engine.Template
	marks    bool // it says with {% generation %} what the assistant says
	vars     map[string]string
	now      time.Time // one for the life of the template, so that a run that passes midnight sees one prompt
}

// parseJinja compiles source.
func parseJinja(source string, vars map[string]string) (*jinja, error) {
	t, err := engine.Parse(source)
	if err != nil {
		return nil, err
	}
	return &jinja{template: t, marks: t.HasGenerations(), vars: vars, now: time.Now()}, nil
}

// render draws messages, each a map[string]any with role and content.
func (j *jinja) render(messages list, addGenerationPrompt bool) (string, error) {
	return j.execute(messages, addGenerationPrompt, nil)
}

// execute is render; mark draws the beginning and the end of a {% generation %} block.
func (j *jinja) execute(messages list, addGenerationPrompt bool, mark func(begin bool) string) (string, error) {
	vars := map[string]any{"tools": nil, "documents": nil}
	for k, v := range j.vars {
		vars[k] = v
	}
	vars["messages"] = messages
	vars["add_generation_prompt"] = addGenerationPrompt
	text, err := j.template.Render(vars, engine.Options{Now: j.now, Mark: mark})
	var raised engine.Raised
	if errors.As(err, &raised) {
		return "", fmt.Errorf("the template refuses the conversation: %w", err)
	}
	return text, err
}
