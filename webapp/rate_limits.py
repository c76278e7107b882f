"""Limits on the predictions that one address may ask for, where `RATE_LIMIT` is set.

Flask-Limiter counts; it is imported only then. Pages, files and checks of health are never limited.
Addresses and times are kept until the limit's time is over, and nothing about songs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import ipaddress
import math
import time
from typing import TYPE_CHECKING, Any

from flask import request

from .errors import CODES, RequestError, error_response
from .language import _
from .logs import log
from .settings import PREFIX, StartError

if TYPE_CHECKING:
    from flask import Flask, Response
    from flask_limiter import RateLimitExceeded

    from .settings import Settings

LIMITED = "api.predict"
# this one tells exactly when the next request will be taken
STRATEGY = "moving-window"
MEMORY = "memory://"
# Seconds that a Redis has to answer; a request waits so long twice at most when it has gone silent.
PATIENCE = 0.5
# bits of the network that a provider gives to one customer, at least
IPV6_NETWORK = 64


def check(settings: Settings) -> None:
    """Refuse a storage that is not there.

    Raises
    ------
    StartError : without the address itself, which may hold a password.
    """
    if not settings.rate_limit or settings.rate_limit_storage == MEMORY:
        return
    from limits.errors import ConfigurationError
    from limits.storage import storage_from_string
    from limits.strategies import STRATEGIES

    try:
        uri = settings.rate_limit_storage
        STRATEGIES[STRATEGY](storage_from_string(uri, **_storage_options(uri)))
    except (ConfigurationError, NotImplementedError, ValueError) as error:
        kind = settings.rate_limit_storage.partition("://")[0]
        raise StartError(
            f"{PREFIX}RATE_LIMIT_STORAGE: requests cannot be counted in {kind!r}; it must be "
            f"{MEMORY} or, with the package redis installed, redis://host:6379."
        ) from error


def warning(settings: Settings) -> str:
    """A sentence for the person who starts several processes that each count alone; else empty."""
    if settings.rate_limit and settings.workers > 1 and settings.rate_limit_storage == MEMORY:
        return (
            f"Each of the {settings.workers} workers counts by itself: one address gets up to "
            f"{settings.workers} times {settings.rate_limit}. {PREFIX}RATE_LIMIT_STORAGE can "
            "name a Redis in which all count together."
        )
    return ""


def attach(app: Flask, settings: Settings) -> None:
    """Limit predictions, if the settings say so.

    Raises
    ------
    StartError : for a storage that is not there.
    """
    if not settings.rate_limit:
        return
    check(settings)
    from flask_limiter import Limiter, RateLimitExceeded
    from limits.errors import StorageError

    limiter = Limiter(
        address,
        storage_uri=settings.rate_limit_storage,
        storage_options=_storage_options(settings.rate_limit_storage),
        strategy=STRATEGY,
        key_prefix="musiclassify",
        # each process counts by itself while a Redis is away
        in_memory_fallback_enabled=True,
    )
    # Flask-Limiter writes the address of each refusal, at the level info
    limiter.logger = log.getChild("limits")
    limiter.logger.setLevel("WARNING")
    limiter.init_app(app)
    # counted after the checks of host and origin: requests of foreign pages count for nobody
    view: Any = app.view_functions[LIMITED]
    counted = limiter.limit(settings.rate_limit)(view)

    @functools.wraps(counted)
    def predict(**values: Any) -> Any:
        try:
            return counted(**values)
        except StorageError:
            # Flask-Limiter falls back in the first of the threads that miss the Redis; in the
            # others it raises
            pass
        try:
            return counted(**values)
        except StorageError:
            # it came back meanwhile, and went again
            return view(**values)

    app.view_functions[LIMITED] = predict

    @app.errorhandler(RateLimitExceeded)
    def refuse(error: RateLimitExceeded) -> Response:
        current = limiter.current_limit
        seconds = 1
        # the time is asked of the storage, which may have gone since it counted
        with contextlib.suppress(StorageError):
            seconds = _seconds(current.window.reset_time) if current else 1
        refused = RequestError(
            429,
            CODES[429],
            _(
                "More predictions were asked for from this address than this server gives. "
                "Ask again in %(seconds)s s.",
                seconds=seconds,
            ),
            {"limit": str(error.limit.limit), "retry_after": seconds},
            {"Retry-After": str(seconds)},
        )
        return error_response(refused)

    @app.after_request
    def tell(response: Response) -> Response:
        limits = limiter.current_limits if request.endpoint == LIMITED else []
        if limits:
            with contextlib.suppress(StorageError):
                nearest = min(limits, key=lambda each: (not each.breached, each.remaining))
                remaining, reset = nearest.remaining, _seconds(nearest.window.reset_time)
                response.headers["RateLimit-Limit"] = str(nearest.limit.amount)
                response.headers["RateLimit-Remaining"] = str(remaining)
                response.headers["RateLimit-Reset"] = str(reset)
        return response


def address() -> str:
    """The address that a request counts for: an IPv4 address, or the network of an IPv6 address."""
    text = request.remote_addr or "unknown"
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        # a word such as "unknown", which proxies may send
        return text
    if found.version == 6 and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    if found.version == 6:
        return str(ipaddress.ip_network((int(found), IPV6_NETWORK), strict=False))
    return str(found)


def _storage_options(uri: str) -> dict[str, Any]:
    if uri == MEMORY:
        return {}
    options: dict[str, Any] = {"wrap_exceptions": True}
    if uri.startswith("redis"):
        with contextlib.suppress(ImportError):
            # by name: only hosts that count in a Redis have its client
            no_backoff = importlib.import_module("redis.backoff").NoBackoff()
            retry = importlib.import_module("redis.retry").Retry
            options["socket_timeout"] = options["socket_connect_timeout"] = PATIENCE
            # once, as a kept connection may have ended; by itself it waits for seconds between ten
            options["retry"] = retry(no_backoff, 1)
    return options


def _seconds(moment: float) -> int:
    return max(1, math.ceil(moment - time.time()))
