"""Choosing how to reach PagerDuty: straight, or through a proxy that the environment names (only if that is configured)."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from router.pagerduty.transport import HttpxPoster, Poster, Transport


def choose_poster(url: str, *, use_environment_proxy: bool) -> Poster:
    """Our own transport, or httpx's where HTTPS_PROXY (or ALL_PROXY) applies to this host, which ours does not speak to."""
    context = ssl.create_default_context()
    if use_environment_proxy:
        parts = urlsplit(url)
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy and not proxy_bypass(parts.hostname or ""):
            return HttpxPoster(httpx.AsyncHTTPTransport(verify=context, proxy=httpx.Proxy(proxy)))
    return Transport(ssl_context=context)
