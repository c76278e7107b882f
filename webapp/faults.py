"""What is wrong with a body, in the words of msgspec and of the models, for the request's language.

English stays as it was written; what is not known here stays English.
"""

from __future__ import annotations

import re

from .language import N_, _

# msgspec's sentences about what a request can be wrong in; longer ones before their beginnings.
SENTENCES = (
    N_("Expected `array` of length %(wanted)s, got %(found)s"),
    N_("Expected `array` of length %(wanted)s"),
    N_("Expected `%(wanted)s`, got `%(found)s`"),
    N_("Expected `float` %(comparison)s %(limit)s"),
    N_("Object missing required field `%(name)s`"),
    N_("Object contains unknown field `%(name)s`"),
    N_("Number out of range"),
    N_("Input data was truncated"),
    N_("JSON is malformed: %(what)s (byte %(place)s)"),
)
# What stands inside the last of them.
DETAILS = (
    N_("invalid character"),
    N_("invalid number"),
    N_("invalid character in unicode escape"),
    N_("invalid escape character in string"),
    N_("invalid escaped character"),
    N_("invalid utf-16 surrogate pair"),
    N_("unexpected end of escaped utf-16 surrogate pair"),
    N_("unexpected end of hex escape"),
    N_("object keys must be strings"),
    N_("trailing characters"),
    N_("trailing comma in array"),
    N_("trailing comma in object"),
    N_("expected '\"'"),
    N_("expected ':'"),
    N_("expected ',' or ']'"),
    N_("expected ',' or '}'"),
)
# The models' own.
FEATURES = (
    N_("features: expected (n >= 1, %(shape)s), got %(found)s"),
    N_("features: every value must be finite"),
    N_("features: too large, the network overflows; compute them as the feature_spec says"),
)


def sentence(text: str) -> str:
    """A sentence about a body, with a capital and a full stop."""
    return _finish(_said(text.rstrip("."), SENTENCES))


def features(error: Exception) -> str:
    """A sentence about features that a model cannot judge."""
    return _finish(_said(str(error), FEATURES))


def _said(text: str, known: tuple[str, ...]) -> str:
    for template in known:
        if match := re.fullmatch(_pattern(template), text, re.DOTALL):
            values = match.groupdict()
            detail = values.get("what")
            if detail in DETAILS:
                values["what"] = _(detail)
            return _(template, **values)
    return text


def _pattern(template: str) -> str:
    return re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(template))


def _finish(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
