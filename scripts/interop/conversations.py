"""What check_templates.py renders: variables of templates as apply_chat_template gives them."""
import itertools

SYSTEM = {"role": "system", "content": " You are \"helpful\" & <kind>. \n"}
USER = {"role": "user", "content": " Hi there, it's me \n"}
ANSWER = {"role": "assistant", "content": "Hello, 안녕 🙂 é"}
THOUGHT = {"role": "assistant", "content": "<think>\nlet me see\n</think>\n\nIt is 4.", "reasoning_content": "let me see"}
LAST = {"role": "user", "content": "What is 2+2?"}
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather.\nNow.", "parameters": {
        "type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "The city"}, "days": {"type": "integer", "default": 3},
            "unit": {"type": "string", "enum": ["c", "f"]}, "where": {"type": "array", "items": {"type": "number"}},
            "more": {"type": "object", "properties": {"deep": {"type": ["string", "null"]}}}}},
    "return": {"type": "string"}}}
PLAIN_TOOL = {"name": "add", "description": "Adds", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}
CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": 2, "x": [1.5, None, True]}}}]}
TEXT_CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Köln\"}"}},
    {"id": "bbbbbbbbb", "type": "function", "function": {"name": "add", "arguments": {}}}]}
RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "{\"t\": 21}"}
RESULT2 = {"role": "tool", "name": "add", "tool_call_id": "bbbbbbbbb", "content": [{"type": "text", "text": "3"}]}
PARTS = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x"}}]}
PARTS_ANSWER = {"role": "assistant", "content": [{"type": "text", "text": " A cat. "}]}

CONVERSATIONS = [
    [USER],
    [SYSTEM, USER],
    [SYSTEM, USER, ANSWER, LAST],
    [USER, ANSWER, LAST, THOUGHT],
    [USER, THOUGHT, LAST],
    [SYSTEM, USER, CALL, RESULT, ANSWER, LAST],
    [USER, TEXT_CALL, RESULT, RESULT2],
    [USER, CALL],
    [PARTS, PARTS_ANSWER, PARTS],
    [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, PARTS, PARTS_ANSWER],
    [ANSWER, USER],
    [USER, USER],
    [{"role": "developer", "content": "d"}, {"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
    [{"role": "user"}],
    [],
]

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def variables():
    out = []
    for (messages, tools), prompt in itertools.product(
            [(m, None) for m in CONVERSATIONS] + [(CONVERSATIONS[i], [TOOL, PLAIN_TOOL]) for i in (0, 1, 5, 6, 8)] + [(CONVERSATIONS[2], [])], (True, False)):
        out.append({"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt, **TOKENS})
    for more in ({"enable_thinking": False}, {"enable_thinking": True, "thinking": True}, {"documents": [{"title": "T", "text": "x"}]},
                 {"builtin_tools": ["a"], "date_string": "1 Jan", "reasoning_effort": "high", "tools_in_user_message": False}):
        out.append({"messages": CONVERSATIONS[5], "tools": [TOOL], "documents": None, "add_generation_prompt": True, **TOKENS, **more})
    return out


VARIABLES = variables()
