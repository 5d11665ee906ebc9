package chat

import "maps"

// flatten is put before a template that takes texts alone: it makes a text of a list of parts as data sets' parts are read, an image as its
// marker and a line break, unless the text marks its images itself. It ends in a line break, which Jinja drops behind a block, so that the
// template starts on a line of its own.
const flatten = `{%- set flat = namespace(messages=[], text='', marked=false) -%}
{%- for message in messages -%}
    {%- if message['content'] is string or not message['content'] -%}
        {%- set flat.messages = flat.messages + [message] -%}
    {%- else -%}
        {%- set flat.text = '' -%}
        {%- set flat.marked = false -%}
        {%- for part in message['content'] -%}
            {%- if part['type'] == 'text' and '<image>' in part['text'] -%}
                {%- set flat.marked = true -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for part in message['content'] -%}
            {%- if part['type'] == 'text' -%}
                {%- set flat.text = flat.text + part['text'] -%}
            {%- elif part['type'] == 'image' or part['type'] == 'image_url' -%}
                {%- if not flat.marked -%}
                    {%- set flat.text = flat.text + '<image>\n' -%}
                {%- endif -%}
            {%- else -%}
                {{- raise_exception('a part is neither text nor image') -}}
            {%- endif -%}
        {%- endfor -%}
        {%- if message['tool_calls'] -%}
            {%- set flat.messages = flat.messages + [{'role': message['role'], 'content': flat.text, 'tool_calls': message['tool_calls']}] -%}
        {%- else -%}
            {%- set flat.messages = flat.messages + [{'role': message['role'], 'content': flat.text}] -%}
        {%- endif -%}
    {%- endif -%}
{%- endfor -%}
{%- set messages = flat.messages %}
`

// divide is put before a template that takes lists of parts alone: it cuts a text at its image markers as contentParts does.
const divide = `{%- set divided = namespace(messages=[], parts=[]) -%}
{%- for message in messages -%}
    {%- if message['content'] is string -%}
        {%- set divided.parts = [] -%}
        {%- for piece in message['content'].split('<image>') -%}
            {%- set text = piece -%}
            {%- if not loop.first -%}
                {%- set divided.parts = divided.parts + [{'type': 'image'}] -%}
                {%- if text.startswith('\n') -%}{%- set text = text[1:] -%}{%- endif -%}
            {%- endif -%}
            {%- if not loop.last and text.endswith('\n') -%}{%- set text = text[:-1] -%}{%- endif -%}
            {%- if text or loop.first and loop.last -%}
                {%- set divided.parts = divided.parts + [{'type': 'text', 'text': text}] -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if message['tool_calls'] -%}
            {%- set divided.messages = divided.messages + [{'role': message['role'], 'content': divided.parts, 'tool_calls': message['tool_calls']}] -%}
        {%- else -%}
            {%- set divided.messages = divided.messages + [{'role': message['role'], 'content': divided.parts}] -%}
        {%- endif -%}
    {%- else -%}
        {%- set divided.messages = divided.messages + [message] -%}
    {%- endif -%}
{%- endfor -%}
{%- set messages = divided.messages %}
`

// Portable is Source for a model that sees: Jinja that takes the content of a message as a text with image markers and as a list of text and
// image parts, which transformers' processors and pipelines hand over, and draws the same of both.
func (t *Template) Portable() (text string, vars map[string]string) {
	text, vars = t.Source()
	if text == "" {
		return text, vars
	}
	j, err := parseJinja(text, maps.Clone(vars))
	if err != nil { // a text that this package wrote or read
		return text, vars
	}
	switch s := j.shows(); {
	case s.plain != "" && (s.textOnly == "" || s.withImage == ""):
		return flatten + text, vars
	case s.plain == "" && s.withImage != "":
		return divide + text, vars
	case s.plain != "" && s.withImage == s.textOnly: // draws no image
		return flatten + text, vars
	}
	return text, vars
}
