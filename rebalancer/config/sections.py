"""The document, checked against the schema section by section: what is right as models, what is wrong as problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from rebalancer.config.document import Document, Key
from rebalancer.config.safety import ExecutionSection, NotifySection, SafetySection
from rebalancer.config.schema import (
    PRICES,
    ChainSection,
    DriftSection,
    LimitsSection,
    ModuleSection,
    Section,
    TokenSection,
    TopSection,
    WalletSection,
)
from rebalancer.config.targets import TargetsSection
from rebalancer.config.text import PoolText
from rebalancer.config.triggers import PatienceSection, TriggerSection
from rebalancer.config.values import EMPTY
from rebalancer.config.venues import VenuesSection

S = TypeVar("S", bound=Section)
OPTIONAL = ("module", "targets", "trigger", "patience", "drift", "limits", "execution", "safety", "notify")
TOP_KEYS = ("chain", "wallet", "tokens", "venues", *OPTIONAL, *TopSection.model_fields)


@dataclass(frozen=True, slots=True)
class Parts:
    """The sections, None where one is wrong; of the tokens those that are right, and the names of all."""

    top: TopSection | None
    chain: ChainSection | None
    wallet: WalletSection | None
    module: ModuleSection | None
    tokens: dict[str, TokenSection]
    symbols: tuple[str, ...]
    targets: TargetsSection | None
    trigger: TriggerSection | None
    patience: PatienceSection | None
    drift: DriftSection | None
    limits: LimitsSection | None
    execution: ExecutionSection | None
    safety: SafetySection | None
    notify: NotifySection | None
    venues: VenuesSection | None

    def pools(self) -> list[PoolText]:
        """As the file lists them."""
        return [] if self.venues is None else self.venues.uniswap.pools

    def hubs(self) -> list[str]:
        """As the file lists them, or else the native token."""
        listed = None if self.venues is None else self.venues.uniswap.hubs
        if listed is not None:
            return listed
        return [] if self.chain is None else [self.chain.native]

    def module_hubs(self) -> list[str]:
        """Tokens without a target that a module's path may run over: as listed, or else the venue's."""
        listed = None if self.module is None else self.module.hubs
        if listed is not None:
            return listed
        return [hub for hub in self.hubs() if hub in self.tokens and self.tokens[hub].target is None]


def read_sections(document: Document) -> Parts:
    """Every section on its own, so that one wrong section hides no problem of another."""
    for name in document.data:
        if name not in TOP_KEYS:
            document.add((name,), _unknown(name, TOP_KEYS))
    top = {name: document.data[name] for name in TopSection.model_fields if document.data.get(name) is not None}
    tokens = _tokens(document)
    checked = {symbol: _checked(document, TokenSection, ("tokens", symbol), tokens[symbol]) for symbol in tokens}
    return Parts(
        _checked(document, TopSection, (), top),
        _section(document, ChainSection, "chain"),
        _section(document, WalletSection, "wallet"),
        _section(document, ModuleSection, "module"),
        {symbol: token for symbol, token in checked.items() if token is not None},
        tuple(tokens),
        _section(document, TargetsSection, "targets"),
        _section(document, TriggerSection, "trigger"),
        _section(document, PatienceSection, "patience"),
        _section(document, DriftSection, "drift"),
        _section(document, LimitsSection, "limits"),
        _section(document, ExecutionSection, "execution"),
        _section(document, SafetySection, "safety"),
        _section(document, NotifySection, "notify"),
        _section(document, VenuesSection, "venues"),
    )


def known_keys() -> Iterator[str]:
    """Every key that a file may hold, dotted, with SYMBOL where a token's symbol stands."""
    yield from TOP_KEYS
    sections: dict[str, type[Section]] = {"chain": ChainSection, "wallet": WalletSection, "tokens.SYMBOL": TokenSection}
    sections |= {
        "trigger": TriggerSection,
        "patience": PatienceSection,
        "drift": DriftSection,
        "limits": LimitsSection,
        "execution": ExecutionSection,
    }
    sections |= {
        "targets": TargetsSection,
        "module": ModuleSection,
        "venues": VenuesSection,
        "safety": SafetySection,
        "notify": NotifySection,
    }
    for name, model in sections.items():
        yield from _keys(name, model)


def _keys(prefix: str, model: type[Section]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}.{name}"
        for inner in _models(field.annotation):
            yield from _keys(f"{prefix}.{name}", inner)


def _tokens(document: Document) -> dict[str, Any]:
    tokens = document.data.get("tokens")
    if not isinstance(tokens, dict) or not tokens:
        document.add(("tokens",), "expected a mapping of symbols, such as `WETH: {address: …, decimals: 18, …}`")
        return {}
    return tokens


def _section(document: Document, model: type[S], name: str) -> S | None:
    raw = document.data.get(name)
    if raw is None and name in OPTIONAL:
        raw = {}
    if raw is None:
        document.add((name,), f"missing; expected a section with {', '.join(f'`{key}`' for key in model.model_fields)}")
        return None
    return _checked(document, model, (name,), raw)


def _checked(document: Document, model: type[S], key: Key, raw: Any) -> S | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            place = (*key, *(part for part in detail["loc"] if part not in PRICES))
            document.add(place, _problem(document, place, model, detail))
        return None


def _problem(document: Document, place: Key, model: type[Section], detail: Any) -> str:
    siblings = _model_at(model, detail["loc"][:-1]).model_fields
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return f"missing; {siblings[detail['loc'][-1]].description}"
        case "extra_forbidden":
            return _unknown(str(place[-1]), tuple(siblings))
        case "value_error":
            return _wrong_value(str(context["error"]), document.seen(place), siblings.get(str(place[-1])))
        case "literal_error":
            return f"expected {context['expected']}{document.seen(place)}"
        case "too_short" | "too_long":
            count = context.get("min_length", context.get("max_length"))
            return f"expected {count} entries, saw {context['actual_length']}"
        case "list_type":
            return f"expected a list{document.seen(place)}"
        case _:
            return f"expected keys below it{document.seen(place)}"


def _wrong_value(error: str, seen: str, field: FieldInfo | None) -> str:
    if error == EMPTY:
        expected = field.description if field else None
        return f"is empty; {expected or 'write a value, or leave the key out'}"
    return f"{error}{seen}"


def _unknown(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # late: only a wrong file needs it

    near = get_close_matches(name, known, n=1)
    return f"unknown key; did you mean `{near[0]}`?" if near else f"unknown key; expected one of {', '.join(known)}"


def _model_at(model: type[Section], place: tuple[int | str, ...]) -> type[Section]:
    """The model that the last step of pydantic's location stands in."""
    for part in place:
        if part in PRICES:
            model = PRICES[str(part)]
        elif part in model.model_fields:
            inner = list(_models(model.model_fields[str(part)].annotation))
            model = inner[0] if inner else model
    return model


def _models(annotation: Any) -> Iterator[type[Section]]:
    """The sections inside an annotation: list[FeedSection], BandSection | None."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
