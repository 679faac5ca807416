"""The policy's model: who may stop it, start it, and name others. See policy_model.py."""

from __future__ import annotations

from policy_values import require


class Roles:
    """Callers are names: "safe", and whoever the operator and the guardian are; "" is nobody."""

    operator: str
    guardian: str
    owners: frozenset[str]
    paused: bool

    def pause(self, sender: str) -> None:
        require(sender == "safe" or (sender != "" and sender == self.guardian), "only_guardian")
        self.paused = True

    def unpause(self, sender: str) -> None:
        require(sender == "safe", "only_safe")
        self.paused = False

    def drop_operator(self, sender: str) -> None:
        require(sender == "safe" or (sender != "" and sender == self.guardian), "only_guardian")
        self.operator = ""

    def set_operator(self, sender: str, operator: str) -> None:
        """`operator` "" for nobody."""
        require(sender == "safe", "only_safe")
        require(operator != "safe" and operator not in self.owners, "operator_is_owner")
        require(operator == "" or operator != self.guardian, "operator_is_guardian")
        self.operator = operator

    def set_guardian(self, sender: str, guardian: str) -> None:
        """`guardian` "" for nobody."""
        require(sender == "safe", "only_safe")
        require(guardian == "" or guardian != self.operator, "operator_is_guardian")
        self.guardian = guardian
