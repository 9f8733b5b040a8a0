"""The databases that there are, by the scheme of their address."""

from collections.abc import Callable, Mapping

from tidegate.core.addresses import choose
from tidegate.stores.base import Store
from tidegate.stores.sqlite import open_sqlite

STORES: Mapping[str, Callable[[str], Store]] = {"sqlite": open_sqlite}


def open_store(address: str) -> Store:
    """Opens the store at an address, such as `sqlite:tidegate-data/registry.db`, and brings it to the newest form.

    Raises:
        InputRefused: No store has this scheme.
        RegistryDamaged: It is no registry, or one that a newer release has written.
        RegistryUnavailable: It cannot be opened now.
    """
    make, where = choose(address, STORES, what="a store", reason="STORE_UNKNOWN")
    return make(where)
