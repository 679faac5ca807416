"""The mutants of a Vyper source: each with one check, guard, rounding or piece of book-keeping less. Text goes in,
edited texts come out; nothing is compiled here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Node = Any
"""Of the compiler's syntax tree, which has no types."""

INSIDE = {
    "RebalanceModule": {"CALL": "1", "NOTHING": "1"},
    "swap_router": {"ALL_OF_IT": "1", "ANY_PRICE": "1"},
}
"""By contract: constants that are checks by being what they are."""
LOOSER = {
    "RebalanceModule rebalance": {"swap.amount_in": ("swap.amount_in + 1",), "route.router": ("msg.sender",)},
    "RebalanceModule _approve": {"amount": ("max_value(uint256)",)},
    "RebalanceModule _checked_call": {
        "mandate.SAFE": ("msg.sender",),
        "swap.amount_in": ("swap.amount_in + 1",),
        "swap.min_out": ("empty(uint256)",),
    },
    "RebalanceModule _settle": {
        "(meters >> 192) + 1": ("(meters >> 192)",),
        "self._meters >> 255 << 255": ("meters >> 255 << 255",),
        "block.timestamp": ("last",),
        "before.targets": ("self._targets",),
        "old_worth": ("worth",),
    },
    "swap_router _built_call": {"mandate.SAFE": ("msg.sender",), "min_out": ("empty(uint256)",)},
    "mandate __init__": {"[safe, self]": ("[self]", "[safe]")},
}
"""By contract and function: expressions that hold something, and what they are without it. Each place is a mutant of
its own."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`name` tells what is missing, and where: contract, function and the text that was there; `rule` is the reason of
    the check that is missing, if it has one."""

    contract: str
    name: str
    rule: str
    source: str


def mutants(contract: str, source: str) -> list[Mutant]:
    """All of them, in the order of the source, each text once."""
    from vyper.ast import parse_to_ast

    found: dict[str, Mutant] = {}
    for start, end, new, what, rule in _edits(parse_to_ast(source), _Text(contract, source)):
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


def stale(names: Collection[str]) -> list[str]:
    """The entries of INSIDE and LOOSER that have become none of the mutants of these names: the sources have moved."""
    wanted = {f"{where} {old} is {new}" for where, olds in INSIDE.items() for old, new in olds.items()}
    loosened = ((where, old, new) for where, olds in LOOSER.items() for old, news in olds.items() for new in news)
    wanted |= {f"{where}: {old} is {new}" for where, old, new in loosened}
    return sorted(wanted - set(names))


def _edits(tree: Node, text: _Text) -> Iterator[Edit]:
    inside = INSIDE.get(text.contract, {})
    for node in tree.body:
        if _kind(node) == "VariableDecl" and node.target.id in inside:
            yield *text.span(node.value), inside[node.target.id], f"{node.target.id} is {inside[node.target.id]}", ""
        if _kind(node) == "VariableDecl" and node.value is not None:
            yield from _bits(node, text)
        if _kind(node) == "FunctionDef":
            yield from _of_function(node, text)


def _bits(constant: Node, text: _Text) -> Iterator[Edit]:
    """One bit less of several."""
    for node in _walk(constant.value):
        if _kind(node) == "BinOp" and _kind(node.op) == "BitOr":
            for side in (node.left, node.right):
                if not (_kind(side) == "BinOp" and _kind(side.op) == "BitOr"):
                    yield *text.span(side), "0", f"{constant.target.id}: {text.short(side)} is 0", ""


def _of_function(function: Node, text: _Text) -> Iterator[Edit]:
    where = function.name
    for decorator in function.decorator_list:
        if getattr(decorator, "id", "") == "nonreentrant":
            start, end = text.span(decorator)
            yield start - 1, end, "", f"{where}: no @nonreentrant", ""
    nodes = [each for statement in function.body for each in _walk(statement)]
    for node in nodes:
        if _is_question(node, nodes):
            yield *text.span(node), "pass", f"{where}: {text.short(node)} deleted", ""
        yield from _of_node(node, where, text)
    for old, news in LOOSER.get(f"{text.contract} {where}", {}).items():
        for node in [each for each in nodes if _is_expression(each, nodes) and text.of(each) == old]:
            for new in news:
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
        case _ if _is_deed(node):
            yield *text.span(node), "pass", f"{said} deleted", ""
        case "AnnAssign" | "Return" if node.value is not None:
            yield from _conditions(node.value, where, text, "")


def _is_deed(node: Node) -> bool:
    """Whether the source compiles without it, and does less: what is written, added up, called."""
    match _kind(node):
        case "AugAssign":
            return True
        case "Assign":
            return _kind(node.target) in ("Attribute", "Subscript", "Tuple") or _reads(node.value, node.target)
        case "Expr":
            return _kind(node.value) == "Call"
    return False


def _is_question(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether it is asked for what it refuses, and not for what it returns: nobody reads the answer."""
    if _kind(node) != "AnnAssign" or _kind(node.value) != "Call":
        return False
    return sum(_reads(each, node.target) for each in nodes if _kind(each) == "Name") == 1


def _reads(node: Node, name: Node) -> bool:
    return any(_kind(each) == "Name" and each.id == name.id for each in _walk(node))


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


def _is_expression(node: Node, nodes: Sequence[Node]) -> bool:
    """And no name that something gets."""
    if any(each.target is node for each in nodes if _kind(each) in ("AnnAssign", "Assign")):
        return False
    return _kind(node) in ("Name", "Attribute", "BinOp", "List")


def _walk(node: Node) -> list[Node]:
    """The node and all under it, each once, in the order of the source."""
    return sorted(node.get_descendants(include_self=True), key=lambda each: (each.lineno, each.col_offset))


class _Text:
    """A contract's source, and where a node stands in it."""

    def __init__(self, contract: str, source: str) -> None:
        self.contract = contract
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
