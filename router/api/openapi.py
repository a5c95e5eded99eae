"""The OpenAPI document of our own part of the API (``/v1``), served at ``/v1/openapi.json``. A test holds it to the routes."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from router.api.exchange import Answer, Request


@lru_cache(maxsize=1)
def document() -> bytes:
    """The document's text, as shipped."""
    return files("router.api").joinpath("openapi.json").read_bytes()


async def describe(_request: Request) -> Answer:
    """``GET /v1/openapi.json``."""
    return Answer(body=document())
