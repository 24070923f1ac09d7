"""On which line every key of a TOML text stands: tomllib reads values only, and errors must name lines."""

from __future__ import annotations

import bisect
import re
import tomllib

KeyPath = tuple[str | int, ...]
"""`("browser", "headless")`; the items of an array are numbered from 0: `("accounts", 0, "name")`."""

_BLANK = re.compile(r"[ \t]*")
_FILL = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
# The closing three quotes may follow up to two that belong to the text.
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""' + r'"{0,2}' + r"|'''.*?''''{0,2}" + r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""", re.DOTALL
)
# A date and its time may be parted by a space, so a bare value ends only where something else must begin.
_BARE_VALUE = re.compile(r"[^\n,\]}#]*")


def line_of_keys(text: str) -> dict[KeyPath, int]:
    """Map every key, table and array item to the line, from 1, where it first stands.

    `text` must be TOML that tomllib accepts; ValueError where it turns out not to be.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.newlines = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[KeyPath, int] = {}
        self.array_sizes: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_FILL)
        while self.at < len(self.text):
            if self._next("[["):
                table = self._array_item(self._key())
                self._expect("]]")
            elif self._next("["):
                table = self._table(self._key())
                self._expect("]")
            else:
                self._pair(table)
            self._skip(_FILL)
        return self.lines

    def _table(self, keys: list[tuple[str, int]]) -> KeyPath:
        path: KeyPath = ()
        for key, line in keys:
            path = (*path, key)
            self.lines.setdefault(path, line)
            if path in self.array_sizes:
                path = (*path, self.array_sizes[path] - 1)
        return path

    def _array_item(self, keys: list[tuple[str, int]]) -> KeyPath:
        name, line = keys[-1]
        array = (*self._table(keys[:-1]), name)
        number = self.array_sizes.get(array, 0)
        self.array_sizes[array] = number + 1
        self.lines.setdefault(array, line)
        self.lines[(*array, number)] = line
        return (*array, number)

    def _pair(self, table: KeyPath) -> None:
        path = table
        for key, line in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._expect("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        if self._next("["):
            self._array(path)
        elif self._next("{"):
            self._inline_table(path)
        elif string := _STRING.match(self.text, self.at):
            self.at = string.end()
        else:
            self._skip(_BARE_VALUE)

    def _array(self, path: KeyPath) -> None:
        number = 0
        self._skip(_FILL)
        while not self._next("]"):
            self.lines[(*path, number)] = self._line()
            self._value((*path, number))
            self._skip(_FILL)
            if not self._next(","):
                self._expect("]")
                return
            self._skip(_FILL)
            number += 1

    def _inline_table(self, path: KeyPath) -> None:
        # Newlines and a last comma are allowed here from TOML 1.1 on; tomllib has decided already whether they are.
        self._skip(_FILL)
        while not self._next("}"):
            self._pair(path)
            self._skip(_FILL)
            if not self._next(","):
                self._expect("}")
                return
            self._skip(_FILL)

    def _key(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._skip(_BLANK)
            part = _KEY_PART.match(self.text, self.at)
            if part is None:
                raise ValueError(f"no TOML key on line {self._line()}")
            parts.append((_plain(part.group()), self._line()))
            self.at = part.end()
            self._skip(_BLANK)
            if not self._next("."):
                return parts

    def _next(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        if found:
            self.at += len(token)
        return found

    def _expect(self, token: str) -> None:
        if not self._next(token):
            raise ValueError(f'no "{token}" on line {self._line()}')

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _line(self) -> int:
        return bisect.bisect_left(self.newlines, self.at) + 1


def _plain(part: str) -> str:
    if part[0] not in "\"'":
        return part
    (key,) = tomllib.loads(f"{part} = 0")
    return key
