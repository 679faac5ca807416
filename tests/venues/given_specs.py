"""A venue's OpenAPI file, where it is there: a request or an answer in, what is wrong with it out.

The files are their publishers' and not part of the project: REBALANCER_SPECS names their folder, ../shared/specs is
looked for. Of OpenAPI 3 as much is understood as they use.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("REBALANCER_SPECS", Path(__file__).resolve().parents[3] / "shared" / "specs"))
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


@dataclass(frozen=True, slots=True)
class Spec:
    """One file."""

    body: Any

    def query_problems(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> list[str]:
        """Of a GET: what is missing, what nobody knows, and what has another form. `headers` have small letters."""
        declared = {(p["in"], p["name"].lower()): p for p in self.body["paths"][path]["get"]["parameters"]}
        given = {("query", name.lower()): value for name, value in query.items()}
        given |= {("header", name): value for name, value in headers.items() if ("header", name) in declared}
        problems = [f"{name} is missing" for name, p in declared.items() if p.get("required") and name not in given]
        problems += [f"{name} is not known" for name in given if name not in declared]
        for name in given.keys() & declared.keys():
            problems += self.problems(declared[name]["schema"], _Written(given[name]), str(name))
        return problems

    def answer_problems(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """Of a JSON answer of that status."""
        content = self.body["paths"][path][method]["responses"][str(status)]["content"]
        return self.problems(content["application/json"]["schema"], answer, "answer")

    def body_problems(self, path: str, body: Any) -> list[str]:
        """Of a POST's JSON body."""
        content = self.body["paths"][path]["post"]["requestBody"]["content"]
        return self.problems(content["application/json"]["schema"], body, "body")

    def problems(self, schema: Any, seen: Any, name: str) -> list[str]:
        """Where `seen` is not as the schema has it."""
        while "$ref" in schema:
            found = self.body
            for key in schema["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            schema = found
        if seen is None and schema.get("nullable"):
            return []
        return list(self._problems(schema, seen, name))

    def _problems(self, schema: Any, seen: Any, name: str) -> Iterator[str]:
        for each in schema.get("allOf", ()):
            yield from self.problems(each, seen, name)
        choices = [self.problems(one, seen, name) for one in schema.get("anyOf", schema.get("oneOf", ()))]
        if choices and all(choices):
            yield from min(choices, key=len)
        yield from self._own(schema, seen, name)
        if isinstance(seen, dict):
            yield from (f"{name}.{key} is missing" for key in schema.get("required", ()) if key not in seen)
            for key, member in schema.get("properties", {}).items():
                if key in seen:
                    yield from self.problems(member, seen[key], f"{name}.{key}")
        if isinstance(seen, list) and "items" in schema:
            for place, one in enumerate(seen):
                yield from self.problems(schema["items"], one, f"{name}[{place}]")

    def _own(self, schema: Any, seen: Any, name: str) -> Iterator[str]:
        """What a schema says of the value itself."""
        kind = schema.get("type", "")
        if isinstance(seen, _Written) and kind in ("integer", "number"):
            seen = int(seen) if seen.isdigit() else str(seen)
        if kind in KINDS and not isinstance(seen, KINDS[kind]):
            yield f"{name} is {seen!r}, expected {kind}"
        if "enum" in schema and seen not in schema["enum"] and str(seen) not in schema["enum"]:
            yield f"{name} is {seen!r}, expected one of {schema['enum']}"
        if isinstance(seen, str) and "pattern" in schema and not re.search(schema["pattern"], seen):
            yield f"{name} is {seen!r}, expected {schema['pattern']}"
        if isinstance(seen, int) and not schema.get("minimum", seen) <= seen <= schema.get("maximum", seen):
            yield f"{name} is {seen}, expected {schema.get('minimum')} to {schema.get('maximum')}"


class _Written(str):
    """A value in a URL: it has no type of its own."""

    __slots__ = ()


def a_spec(name: str) -> Spec:
    """The file `name`; the test is skipped where it is not there."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no {name}.json: set REBALANCER_SPECS to the folder of the venues' OpenAPI files")
    return Spec(json.loads(path.read_bytes()))
