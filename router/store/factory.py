"""From the ``store:`` line of the configuration to a store or a reader. The one place that knows every driver's scheme."""

from __future__ import annotations

from pathlib import Path

from router.clock import Clock
from router.errors import StoreUnusable
from router.store.base import Reader, Store
from router.store.memory import MemoryStore
from router.store.settings import DEFAULT_SETTINGS, StoreSettings
from router.store.sqlite.driver import SqliteStore
from router.store.sqlite.reader import open_reader

_KNOWN = "write `sqlite:PATH` for a file (the default), or `memory:` for a store that ends with the process"


def store_from_url(url: str, *, clock: Clock, settings: StoreSettings = DEFAULT_SETTINGS) -> Store:
    """The store that ``sqlite:PATH`` or ``memory:`` means, not opened yet. StoreUnusable if the address means none."""
    if url == "memory:":
        return MemoryStore(clock=clock, settings=settings)
    return SqliteStore(_path_of(url), clock=clock, settings=settings)


def reader_from_url(url: str) -> Reader:
    """The record that ``sqlite:PATH`` keeps, whether or not a daemon runs. StoreUnusable if there is none."""
    if url == "memory:":
        raise StoreUnusable("a store in memory can be read by its own process only; ask the running router over HTTP")
    return open_reader(_path_of(url))


def _path_of(url: str) -> Path:
    scheme, colon, path = url.partition(":")
    if scheme != "sqlite" or not colon:
        raise StoreUnusable(f"store {(scheme or url)!r} is of no known kind; {_KNOWN}")
    if not path:
        raise StoreUnusable(f"store {url!r} names no file; {_KNOWN}")
    return Path(path)
