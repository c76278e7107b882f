"""The texts of the page's scripts: every `t('…')` and `tn('…', '…', n)` of a JavaScript file.

Babel's own reader of JavaScript loses calls inside the values of another call, and inside template
strings in template strings. The reader here tells strings, templates, comments and regular
expressions apart, and understands nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# How many texts each function takes.
FUNCTIONS = {"t": 1, "tn": 2}

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_STRING = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""", re.DOTALL)
_NAME = re.compile(r"#?[\w$]+")
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL
)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
# After these words a slash begins a regular expression; after other words it divides.
_BEFORE_REGEX = {"return", "typeof", "case", "in", "of", "do", "else", "void", "delete", "throw"}


class Call(NamedTuple):
    """One call; `texts` is None where an argument is not a text."""

    line: int
    function: str
    texts: tuple[str, ...] | None


class _Token(NamedTuple):
    kind: str
    value: str
    line: int


def calls(source: str) -> Iterator[Call]:
    """Find the calls of a script, in their order.

    Raises
    ------
    ValueError : for a string, template or comment that does not end.
    """
    tokens = list(_Reader(source).tokens())
    for number, token in enumerate(tokens[:-1]):
        if token.kind != "name" or token.value not in FUNCTIONS or tokens[number + 1].value != "(":
            continue
        before = tokens[number - 1].value if number else ""
        # a method of another object, or the definition of the function
        if before in (".", "function"):
            continue
        texts = _arguments(tokens[number + 2 :], FUNCTIONS[token.value])
        yield Call(token.line, token.value, texts)


def _arguments(tokens: list[_Token], count: int) -> tuple[str, ...] | None:
    found = []
    text = ""
    wants_string = True
    for token in tokens:
        if wants_string:
            if token.kind != "string":
                return None
            text += token.value
        elif token.value in (",", ")") and token.kind == "sign":
            found.append(text)
            text = ""
            if len(found) == count:
                return tuple(found)
            if token.value == ")":
                return None
        elif token != _Token("sign", "+", token.line):
            return None
        wants_string = not wants_string
    return None


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def tokens(self, inside_template: bool = False) -> Iterator[_Token]:
        depth = 0
        last = _Token("sign", "", 1)
        while self.at < len(self.source):
            if space := _SPACE.match(self.source, self.at):
                self.at = space.end()
                continue
            if self.source.startswith("/*", self.at):
                raise self._endless("comment")
            if inside_template and depth == 0 and self.source[self.at] == "}":
                self.at += 1
                return
            for token in self._next(last):
                yield token
                last = token
            if last.kind == "sign":
                depth += (last.value == "{") - (last.value == "}")
        if inside_template:
            raise self._endless("template")

    def _next(self, last: _Token) -> Iterator[_Token]:
        character = self.source[self.at]
        if character == "`":
            yield from self._template()
        elif character in "'\"":
            yield self._token("string", _STRING)
        elif name := _NAME.match(self.source, self.at):
            self.at = name.end()
            yield _Token("name", name[0], self._line(name.start()))
        elif character == "/" and _allows_regex(last) and _REGEX.match(self.source, self.at):
            yield self._token("regex", _REGEX)
        else:
            self.at += 1
            yield _Token("sign", character, self._line(self.at - 1))

    def _token(self, kind: str, pattern: re.Pattern[str]) -> _Token:
        match = pattern.match(self.source, self.at)
        if match is None:
            raise self._endless(kind)
        self.at = match.end()
        value = _unescaped(match[0][1:-1]) if kind == "string" else match[0]
        return _Token(kind, value, self._line(match.start()))

    def _template(self) -> Iterator[_Token]:
        """One token for a template without `${}`; otherwise the tokens inside of each `${}`."""
        start = self.at
        self.at += 1
        plain = True
        while self.at < len(self.source):
            character = self.source[self.at]
            if character == "\\":
                self.at += 2
            elif character == "`":
                self.at += 1
                content = self.source[start + 1 : self.at - 1]
                kind, value = ("string", _unescaped(content)) if plain else ("template", "")
                yield _Token(kind, value, self._line(start))
                return
            elif self.source.startswith("${", self.at):
                plain = False
                self.at += 2
                yield _Token("template", "", self._line(start))
                yield from self.tokens(inside_template=True)
            else:
                self.at += 1
        raise self._endless("template")

    def _line(self, place: int) -> int:
        return self.source.count("\n", 0, place) + 1

    def _endless(self, what: str) -> ValueError:
        return ValueError(f"line {self._line(self.at)}: a {what} without an end")


def _allows_regex(last: _Token) -> bool:
    if last.kind == "sign":
        return last.value not in (")", "]", "}")
    return last.kind == "name" and last.value in _BEFORE_REGEX


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _CONTROL.get(match[4], match[4])

    return _ESCAPE.sub(character, text)
