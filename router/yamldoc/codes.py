"""Every diagnostic code this room can emit, with one line of explanation: the source of the reference page.

A code is a promise: people search for it and scripts match on it, so codes are added, never renamed.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # the text
    "too-large": "The text is longer than a file may be.",
    "too-deep": "Lists and mappings are nested deeper than allowed.",
    "too-many-values": "The document holds more values than allowed.",
    "not-utf8": "The bytes are not UTF-8 text.",
    "control-character": "A control or invisible character stands in the text.",
    # YAML features that are refused
    "several-documents": "A file holds exactly one YAML document.",
    "directive": "A line begins with %: YAML directives are not supported.",
    "anchor": "A value begins with &, a YAML anchor: anchors are not supported, but by import.",
    "alias": "A value begins with * and names an anchor: aliases are not supported, but by import.",
    "merge-key": "The key << merges mappings in YAML 1.1: it is not supported, but by import.",
    "tag": "A value begins with !, which YAML reads as a tag: tags are not supported.",
    "complex-key": "A key is a list, a mapping or an alias; keys are single words or text.",
    "empty-key": "A colon has no key before it.",
    "duplicate-key": "The same key stands twice in one mapping.",
    # syntax
    "unquoted-glob": "A value begins with * and is not quoted.",
    "unquoted-template": "A value begins with {{ and is not quoted.",
    "unquoted-colon": "A value contains a colon followed by a space and is not quoted.",
    "unquoted-character": "A value begins with a character that has a meaning in YAML and is not quoted.",
    "tab-indentation": "A tab stands where YAML wants spaces.",
    "bad-indentation": "A line does not line up with the lines it belongs to.",
    "unclosed-quote": "A quoted text has no closing quote.",
    "unclosed-bracket": "A list in [] or a mapping in {} is not closed, or lacks a comma.",
    "bad-escape": 'A backslash in "double quotes" is followed by something YAML does not know.',
    "text-after-quote": "Text follows a closing quote.",
    "text-after-bracket": "Text follows a closing ] or }.",
    "missing-colon": "A line should be `key: value` and has no colon followed by a space.",
    "syntax": "The text is not YAML for another reason.",
    # the schema
    "missing-key": "A required key is absent.",
    "unknown-key": "A key is not known here.",
    "empty-value": "A key has no value, or null, and needs one.",
    "wrong-type": "A value has another type than the schema wants.",
    "not-a-choice": "A value is not one of the few allowed ones.",
    "unclear-variant": "A mapping matches none of the forms allowed here.",
    "number-out-of-range": "A number is not finite or does not fit in 64 bits.",
    "ambiguous-number": "A number has a leading zero: YAML versions disagree whether it is octal.",
    "invalid-value": "A value has the right type and breaks a rule of the schema.",
    "more-mistakes": "The list of mistakes was cut; mend the first ones and check again.",
}
