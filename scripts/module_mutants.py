"""The mutants of a Vyper source: each with one check, guard, rounding or piece of book-keeping less. Text goes in,
edited texts come out; nothing is compiled here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Node = Any
"""Of the compiler's syntax tree, which has no types."""

INSIDE = {"CALL": "1", "NOTHING": "1"}
"""Constants that are checks by being what they are."""
LOOSER = {
    "_approve": {"amount": "max_value(uint256)"},
    "_built_call": {"SAFE": "self", "swap.min_out": "0"},
    "_settle": {"meters.nonce + 1": "meters.nonce", "block.timestamp": "meters.last", "before.worth": "worth"},
}
"""By function: expressions that hold something, and what they are without it. Each place is a mutant of its own."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`name` tells what is missing, and where: function and the text that was there; `rule` is the reason of the check
    that is missing, if it has one."""

    contract: str
    name: str
    rule: str
    source: str


def mutants(contract: str, source: str) -> list[Mutant]:
    """All of them, in the order of the source, each text once."""
    from vyper.ast import parse_to_ast

    found: dict[str, Mutant] = {}
    for start, end, new, what, rule in _edits(parse_to_ast(source), source):
        edited = source[:start] + new + source[end:]
        if edited != source and edited not in found:
            found[edited] = Mutant(contract, f"{contract} {what}", rule, edited)
    names: dict[str, int] = {}
    unique = []
    for mutant in found.values():
        names[mutant.name] = names.get(mutant.name, 0) + 1
        number = f" ({names[mutant.name]})" if names[mutant.name] > 1 else ""
        unique.append(Mutant(contract, mutant.name + number, mutant.rule, mutant.source))
    return unique


Edit = tuple[int, int, str, str, str]
"""From, to, the text instead, what it is, and the rule."""


def _edits(tree: Node, source: str) -> Iterator[Edit]:
    text = _Text(source)
    for node in tree.body:
        if _kind(node) == "VariableDecl" and node.target.id in INSIDE:
            yield *text.span(node.value), INSIDE[node.target.id], f"{node.target.id} is {INSIDE[node.target.id]}", ""
        if _kind(node) == "FunctionDef":
            yield from _of_function(node, text)


def _of_function(function: Node, text: _Text) -> Iterator[Edit]:
    where = function.name
    for decorator in function.decorator_list:
        if getattr(decorator, "id", "") == "nonreentrant":
            start, end = text.span(decorator)
            yield start - 1, end, "", f"{where}: no @nonreentrant", ""
    for node in [each for statement in function.body for each in _walk(statement)]:
        yield from _of_node(node, where, text)
    for old, new in LOOSER.get(where, {}).items():
        for statement in function.body:
            for node in _walk(statement):
                if _is_expression(node) and text.of(node) == old:
                    yield *text.span(node), new, f"{where}: {old} is {new}", ""


def _of_node(node: Node, where: str, text: _Text) -> Iterator[Edit]:
    said = f"{where}: {text.short(node)}"
    match _kind(node):
        case "Assert":
            yield *text.span(node), _without(node, text), f"{said} deleted", _reason(node)
            yield from _conditions(node.test, where, text, _reason(node))
        case "If":
            yield from _branches(node, where, text)
        case "Call":
            yield from _of_call(node, said, text)
        case _ if _is_deed(node, where, text):
            yield *text.span(node), "pass", f"{said} deleted", ""
        case "AnnAssign" | "Return" if node.value is not None:
            yield from _conditions(node.value, where, text, "")


def _is_deed(node: Node, where: str, text: _Text) -> bool:
    """Whether the source compiles without it, and does less: what is written, added up, called."""
    match _kind(node):
        case "AugAssign":
            return True
        case "Assign":
            return _kind(node.target) in ("Attribute", "Subscript")
        case "Expr":
            return _kind(node.value) == "Call"
    # Asked for what it refuses, and not for what it returns.
    return where == "__init__" and _kind(node) == "AnnAssign" and text.of(node).endswith("._books()")


def _of_call(node: Node, said: str, text: _Text) -> Iterator[Edit]:
    name = text.of(node.func)
    if name == "self._div_up":
        a, b = (text.of(argument) for argument in node.args)
        yield *text.span(node), f"(({a}) // ({b}))", f"{said} rounded down", ""
    if name in ("min", "max"):
        for argument in node.args:
            yield *text.span(node), f"({text.of(argument)})", f"{said} is {text.of(argument)}", ""


def _conditions(test: Node, where: str, text: _Text, rule: str) -> Iterator[Edit]:
    """One condition less of several."""
    for node in _walk(test):
        if _kind(node) == "BoolOp":
            neutral = "True" if _kind(node.op) == "And" else "False"
            for value in node.values:
                yield *text.span(value), neutral, f"{where}: {text.short(value)} is {neutral}", rule


def _branches(node: Node, where: str, text: _Text) -> Iterator[Edit]:
    """What stands behind a condition, never; what a bare return skips, always."""
    said = f"{where}: if {text.short(node.test)}"
    returns = [each for each in node.body if _kind(each) == "Return"]
    if not returns:
        yield *text.span(node.test), "False", f"{said} is False", _first_reason(node.body)
    elif any(each.value is None for each in returns):
        yield *text.span(node.test), "True", f"{said} is True", ""
    if node.orelse and _kind(node.orelse[0]) != "If":
        yield *text.span(node.test), "True", f"{said} is True", _first_reason(node.orelse)
    yield from _conditions(node.test, where, text, "")


def _without(node: Node, text: _Text) -> str:
    """An assert's place: a call that changes something is still made."""
    if any(_kind(each) == "ExtCall" for each in _walk(node.test)):
        return f"ignored: bool = {text.of(node.test)}"
    return "pass"


def _first_reason(body: list[Node]) -> str:
    return next((_reason(each) for statement in body for each in _walk(statement) if _kind(each) == "Assert"), "")


def _reason(node: Node) -> str:
    """The rule, without the contract's name where that is the module."""
    return str(node.msg.value).removeprefix("RebalanceModule: ") if node.msg is not None else ""


def _kind(node: Node) -> str:
    return type(node).__name__


def _is_expression(node: Node) -> bool:
    return _kind(node) in ("Name", "Attribute", "BinOp")


def _walk(node: Node) -> list[Node]:
    """The node and all under it, each once, in the order of the source."""
    return sorted(node.get_descendants(include_self=True), key=lambda each: (each.lineno, each.col_offset))


class _Text:
    """A source, and where a node stands in it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: Node) -> tuple[int, int]:
        first = self.starts[node.lineno - 1] + node.col_offset
        return first, self.starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: Node) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def short(self, node: Node) -> str:
        """On one line, without the reason."""
        return " ".join(self.of(node).split()).split(', "')[0]
