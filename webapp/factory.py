"""Puts the site together: settings, models, choice, then one blueprint per module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from flask import Flask

from . import (
    access_log,
    api,
    assets,
    choice,
    compression,
    errors,
    health,
    language,
    logs,
    metrics,
    offline,
    openapi,
    pages,
    place,
    rate_limits,
    security,
)
from .inference import Predictors, Registry
from .inference.engines import MAX_THREADS, processors
from .schema import RequestSchema
from .settings import PREFIX, REPOSITORY, Settings, StartError
from .state import Site, attach


def build_app(overrides: Mapping[str, Any]) -> Flask:
    """Create the app; see `webapp.create_app`.

    `overrides` may also hold `TESTING`, and as `REGISTRY` a registry whose refused folders have
    been announced already.
    """
    overrides = dict(overrides)
    testing = bool(overrides.pop("TESTING", False))
    registry: Registry | None = overrides.pop("REGISTRY", None)
    running_flask = _flask_run()
    try:
        settings = Settings.read(overrides)
        assets.check_runtime()
        announce = registry is None
        registry = registry or Registry.load(settings.models_dir)
        choice.check_any(registry, settings.models_dir)
        if running_flask:
            access_log.quiet_werkzeug()
        app = _empty_app(settings, testing)
        if announce:
            for line in choice.refused_lines(registry):
                app.logger.warning(line, extra=logs.event("model_refused", message=line))
        selected = choice.resolve(registry, settings.model, ask_here=running_flask)
    except StartError as error:
        if running_flask:
            raise click.ClickException(str(error)) from error
        raise
    except click.Abort:
        click.echo()
        raise SystemExit(0) from None
    if running_flask:
        # the reloader starts this program a second time, and must not ask a second time
        os.environ[PREFIX + "MODEL"] = selected
    attach(
        app,
        Site(
            settings=settings,
            registry=registry,
            predictors=Predictors(
                registry,
                engine=settings.engine,
                # processors are shared among the workers
                threads=min(MAX_THREADS, max(1, processors() // settings.workers)),
            ),
            selected=selected,
            schemas={
                version: RequestSchema(card.spec, settings.max_segments)
                for version, card in registry.cards.items()
            },
        ),
    )
    for module in (
        access_log,
        metrics,
        compression,
        security,
        errors,
        language,
        assets,
        offline,
        pages,
        api,
        openapi,
        health,
    ):
        app.register_blueprint(module.bp)
    rate_limits.attach(app, settings)
    if settings.path:
        app.wsgi_app = place.UnderPath(app.wsgi_app, settings.path)  # type: ignore[method-assign]
    app.wsgi_app = security.SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign]
    if settings.proxies:
        app.wsgi_app = security.behind(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]
    return app


def _empty_app(settings: Settings, testing: bool) -> Flask:
    app = Flask("webapp", static_folder=None, template_folder=str(REPOSITORY / "templates"))
    app.config.update(TESTING=testing, MAX_CONTENT_LENGTH=settings.max_body_bytes)
    logs.configure(settings)
    # otherwise // redirects, with HTML even under /api
    app.url_map.merge_slashes = False
    app.jinja_env.globals.update(asset=assets.asset, imported=assets.imported)
    language.attach(app)
    return app


def _flask_run() -> bool:
    """Whether `flask run` creates the app: it asks for the version, as `python -m webapp` does."""
    context = click.get_current_context(silent=True)
    return context is not None and context.command.name == "run"
