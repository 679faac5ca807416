"""The one tree of errors, by what happens next. Each message names the thing, what was seen,
what was expected, and the next step; none ever holds a key or the path of an RPC URL.
"""

from __future__ import annotations


class RebalancerError(Exception):
    """Everything that the keeper raises on purpose. `exit_code` is what the command ends with."""

    exit_code = 1

    @property
    def kind(self) -> str:
        """The name of its branch below, whatever the leaf: what records and reports call it."""
        branches = (c.__name__ for c in type(self).__mro__ if c.__base__ is RebalancerError)
        return next(branches, type(self).__name__)


class ConfigError(RebalancerError):
    """A person must mend the configuration (exit 2)."""

    exit_code = 2


class Unavailable(RebalancerError):
    """What was read cannot carry a decision: try again at the next tick (exit 3)."""

    exit_code = 3


class Halt(RebalancerError):
    """Stop until a person has looked (exit 5)."""

    exit_code = 5


class LostNode(Halt):
    """The node `who` is further behind a block that was read before than any lag explains."""

    def __init__(self, who: str, block: int, read_before: int) -> None:
        super().__init__(
            f"{who} is at block {block}, {read_before - block} behind block {read_before} that was read before: it has "
            "lost its way, or that block never was; look at both on an explorer, then resume"
        )
