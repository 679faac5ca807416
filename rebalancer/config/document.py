"""A YAML file as plain values with the line of each key: text stays text, `${ENV}` is filled in.

`${NAME}` is a variable of the environment, or else a credential that systemd has loaded for the unit.
Every scalar is read as text, because YAML's own guesses would turn an unquoted address into a number
and 08:00 into 480; what the text means is for the schema to say. Duplicate keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rebalancer.core.errors import ConfigError

Key = tuple[str | int, ...]
"""Where a value stands: ("tokens", "WETH", "target")."""
Problems = Iterator[tuple[Key, str]]
"""What is wrong, and where."""

SIZE_LIMIT = 1_000_000
"""Bytes. A configuration is a few thousand; more is another file given by mistake."""
CREDENTIAL_LIMIT = 4_096
"""Bytes. A key or a URL is some hundred."""
DEPTH_LIMIT = 20
"""Levels of nesting; the schema needs six."""
NULLS = ("", "~", "null", "Null", "NULL")
REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
SECRET = (("chain", "rpc"), ("ledger",), ("execution", "relay"), ("notify",))
"""Keys whose text may hold a key or a password: never shown."""

OUTSIDE = (("chain", "rpc"), ("execution", "relay"), ("notify",))
"""Keys of what is reached over the network: nothing is asked there by who only opens the ledger."""
OF_VENUES = ("key", "url")
"""Of each venue: both of the two."""

SHORTEST_SECRET = 6
"""Characters. Below, what came from the environment is replaced as a whole word only: 1 is in many messages."""


@dataclass(slots=True)
class Document:
    """What the file says, and what is wrong with it so far: the first problem of each key."""

    name: str
    data: Any = None
    lines: dict[Key, int] = field(default_factory=dict)
    texts: dict[Key, str] = field(default_factory=dict)
    """As written, before `${ENV}` was filled in: what may be shown."""
    filled: dict[Key, dict[str, str]] = field(default_factory=dict)
    """What came from the environment, and the `${NAME}` that is shown in its place."""
    problems: dict[Key, str] = field(default_factory=dict)

    def add(self, key: Key, problem: str) -> None:
        """Note what is wrong at `key`; what follows from an earlier problem of the same key is dropped."""
        for value, name in self.filled.get(key, {}).items():
            short = len(value) < SHORTEST_SECRET
            problem = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)" if short else re.escape(value), name, problem)
        self.problems.setdefault(key, problem)

    def seen(self, key: Key) -> str:
        """What stands at `key`, for a message; nothing for what may be secret."""
        if _is_below(key, SECRET):
            return ""
        text = self.texts.get(key)
        return "" if text is None else f", saw {text!r}"

    def raise_problems(self) -> None:
        """ConfigError with one line for each problem, in the order of the file."""
        lines = sorted((self._line(key), f"{show_key(key)}: {problem}") for key, problem in self.problems.items())
        if lines:
            raise ConfigError("\n".join(_printable(f"{self.name}:{line}: {text}") for line, text in lines))

    def _line(self, key: Key) -> int:
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def _is_below(key: Key, some: tuple[Key, ...]) -> bool:
    of_venue = len(key) == 3 and key[0] == "venues" and key[2] in OF_VENUES
    return of_venue or any(key[: len(each)] == each for each in some)


def _printable(line: str) -> str:
    """A key of the file may hold what moves a terminal's cursor or turns its text around."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def show_key(key: Key) -> str:
    """As people see it: tokens.WETH.price.feed, venues.uniswap.pools[2]."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".") or "file"


def read_document(path: Path, environment: Mapping[str, str], offline: bool = False) -> Document:
    """Read and parse the file. ConfigError where there is no YAML mapping in it.

    `offline`: what is OUTSIDE may name variables that are not set; a host that is nowhere stands in their place.
    """
    document = Document(path.name)
    events = yaml.parse(_read_text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        next(events), next(events)  # the starts of stream and document
        document.data = _Builder(document, environment, events, offline).value((), next(events))
        if not isinstance(next(events), yaml.DocumentEndEvent) or not isinstance(next(events), yaml.StreamEndEvent):
            raise ConfigError(f"{path.name}: expected one YAML document, saw a second one after `---`")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path.name}:{line}: not YAML: {error.problem}; mend the line or the one above") from None
    except yaml.YAMLError:
        raise ConfigError(f"{path.name}: not YAML: it holds characters that no text has") from None
    if not isinstance(document.data, dict):
        raise ConfigError(f"{path.name}: expected keys such as `chain:` and `tokens:`, saw none")
    return document


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `rebalancer init` writes an example") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > SIZE_LIMIT:
        raise ConfigError(f"{path}: expected at most {SIZE_LIMIT:,} bytes of configuration, saw more")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected UTF-8 text, saw other bytes") from None
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        raise ConfigError(f"{path}: is empty; `rebalancer init` writes an example under another name")
    return text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


@dataclass(slots=True)
class _Builder:
    """Parser events to plain values, one at a time: nesting stops at the limit, not at the end of the stack."""

    document: Document
    environment: Mapping[str, str]
    events: Iterator[yaml.Event]
    offline: bool

    def value(self, key: Key, event: yaml.Event) -> Any:
        self.document.lines.setdefault(key, _line(event))
        if len(key) > DEPTH_LIMIT:
            raise ConfigError(f"{self.document.name}: expected at most {DEPTH_LIMIT} levels, saw more")
        if isinstance(event, yaml.AliasEvent):
            self.document.add(key, f"expected the value itself: aliases are not read, saw '*{event.anchor}'")
            return None
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent | yaml.ScalarEvent) and event.tag:
            self.document.add(key, f"expected a value without a tag, saw {event.tag!r}")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(key)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(key)
        return self._scalar(key, event) if isinstance(event, yaml.ScalarEvent) else None

    def _mapping(self, key: Key) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = _line(event)
            name = event.value if isinstance(event, yaml.ScalarEvent) else None
            if name is None:
                raise ConfigError(f"{self.document.name}:{line}: expected a plain key, saw a list, mapping or alias")
            if name in found:
                first = self.document.lines[*key, name]
                self.document.add((*key, name), f"expected each key once, saw it on line {first} and on line {line}")
                name = f"{name} (again)"
            self.document.lines[*key, name] = line
            found[name] = self.value((*key, name), next(self.events))
        return {name: value for name, value in found.items() if not name.endswith(" (again)")}

    def _sequence(self, key: Key) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value((*key, len(found)), event))
        return found

    def _scalar(self, key: Key, event: yaml.ScalarEvent) -> str | None:
        text: str = event.value
        if event.implicit[0] and text in NULLS:
            return None
        self.document.texts.setdefault(key, text)
        filled = REFERENCE.sub(lambda found: self._variable(key, found), text)
        if "${" in REFERENCE.sub("", text):
            self.document.add(key, "expected `${NAME}` or `${NAME:-default}`, saw a `${` that is neither")
        return filled

    def _variable(self, key: Key, found: re.Match[str]) -> str:
        value = self.environment.get(found["name"]) or self._credential(found["name"])
        if value:
            self.document.filled.setdefault(key, {})[value] = f"${{{found['name']}}}"
        text = value or found["default"]
        if text is None and self.offline and _is_below(key, OUTSIDE):
            # It says what is missing where somebody does ask there; one for each name, as the rules count nodes.
            return f"http://{found['name'].lower().replace('_', '-')[:40]}-is-not-set.invalid"
        if text is None:
            self.document.add(key, f"the environment variable {found['name']} is not set; set it, or write a default")
        return text or ""

    def _credential(self, name: str) -> str | None:
        """Where systemd puts what a unit loads under that name (systemd.exec(5), LoadCredential); None: nowhere."""
        folder = self.environment.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None
        try:
            with Path(folder, name).open("rb") as file:
                return file.read(CREDENTIAL_LIMIT).decode().strip()
        except (OSError, UnicodeDecodeError):
            return None
