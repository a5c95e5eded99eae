from __future__ import annotations

import pytest

from router.api.exchange import Refused
from router.api.rooms import Room
from router.errors import StoreUnusable


class Shelf:
    def __init__(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


async def test_what_could_not_be_opened_is_tried_again() -> None:
    shelves: list[Shelf] = []

    def open_shelf() -> Shelf:
        if not shelves:
            shelves.append(Shelf())
            raise StoreUnusable("not there yet")
        return shelves[0]

    room = Room(open_shelf)
    with pytest.raises(Refused, match="not there yet"):
        await room.ask(lambda shelf: shelf.is_open)
    assert await room.ask(lambda shelf: shelf.is_open)
    await room.close()
    assert not shelves[0].is_open
    await Room(Shelf).close()
