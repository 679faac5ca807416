"""What was estimated last, when, from what to what, and what has failed since, as a kept file has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rebalancer.adapters.targets.daily import Failed
from rebalancer.adapters.targets.kept import KeptFile, figure, mapping
from rebalancer.core.model.estimation import Bounds, Estimate
from rebalancer.units import PPM, Ppm


@dataclass(frozen=True, slots=True)
class KeptEstimate:
    """The newest estimate, and what has failed since, or left it without figures."""

    estimate: Estimate
    failed: Failed | None = None


class EstimateFile:
    """Of one wallet. `basis` is whatever the weights rest on, as text: another one, and they are estimated anew."""

    def __init__(self, path: Path) -> None:
        self._file = KeptFile(path, "write `targets.method: fixed`")

    def read(self, basis: str, bounds: Sequence[Bounds]) -> KeptEstimate | None:
        """None: nothing was estimated on this basis, or nobody can read it, or it leaves the bounds."""
        found = self._file.read(basis)
        if found is None:
            return None
        estimate = _estimate(mapping(found, "estimate"), bounds)
        if estimate is None:
            return None
        failed = mapping(found, "failed")
        at, why = figure(failed.get("at")), failed.get("why")
        return KeptEstimate(estimate, Failed(at, why) if at is not None and isinstance(why, str) else None)

    def write(self, basis: str, kept: KeptEstimate) -> None:
        """Raises ConfigError where it cannot."""
        content: dict[str, Any] = {"estimate": asdict(kept.estimate)}
        if kept.failed is not None:
            content["failed"] = {"at": kept.failed.at, "why": kept.failed.why}
        self._file.write(basis, content)


def _estimate(found: Mapping[str, Any], bounds: Sequence[Bounds]) -> Estimate | None:
    times = [figure(found.get(name)) for name in ("at", "since", "until", "samples")]
    before, weights = _weights(found.get("before"), len(bounds)), _weights(found.get("weights"), len(bounds))
    why = found.get("why")
    if None in times or before is None or weights is None:
        return None
    if any(not bound.least <= one <= bound.most for one, bound in zip(weights, bounds, strict=True)):
        return None
    at, since, until, samples = (time or 0 for time in times)
    wanted = _weights(found.get("wanted"), len(bounds))
    return Estimate(at, before, wanted, weights, since, until, samples, why if isinstance(why, str) else None)


def _weights(found: object, count: int) -> tuple[Ppm, ...] | None:
    """So many millionths that sum to the whole; None: they are none."""
    if not isinstance(found, list) or len(found) != count:
        return None
    weights = [Ppm(one) for one in map(figure, found) if one is not None]
    return tuple(weights) if len(weights) == count and sum(weights) == PPM else None
