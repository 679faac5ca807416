"""The accounts of the replica by role. Their keys follow from anvil's development mnemonic, which is printed
in its manual and known to everybody: whatever is sent to them on a real chain is taken within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.units import Address

PUBLIC_TEST_MNEMONIC = "test test test test test test test test test test test junk"

ROLES = {"owner": 0, "operator": 1, "guardian": 2, "attacker": 3, "second_owner": 4, "third_owner": 5, "deployer": 9}
"""Role → number of the account. The deployer built the replica; the others have sent nothing yet."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A funded account: its number under the mnemonic, and its address."""

    index: int
    address: Address

    def private_key(self) -> str:
        """The well-known private key, as 0x-hex."""
        from eth_account import Account  # late: it takes half a second, and few ask

        Account.enable_unaudited_hdwallet_features()
        account = Account.from_mnemonic(PUBLIC_TEST_MNEMONIC, account_path=f"m/44'/60'/0'/0/{self.index}")
        return "0x" + bytes(account.key).hex()
