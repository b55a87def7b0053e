"""The backend as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from portico import __version__
from portico.managers import problems
from portico.managers.entrance import Entrance
from portico.managers.routes import labs, operator, systems
from portico.managers.service import Service
from portico.settings.models import Settings


def create_app(settings: Settings) -> FastAPI:
    """The application; raises UnusableSecretError where a key or token can't be read. Everything starts and ends with its lifespan."""
    service = Service.build(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    app = FastAPI(
        title="Portico's backend",
        version=__version__,
        summary="Starts, follows, reaches and stops labs for all tenants.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    for router in (labs.router, systems.router, operator.router):
        app.include_router(router)

    @app.get("/health", status_code=204, include_in_schema=False)
    async def health() -> None:
        """The process answers."""

    problems.install(app)
    app.add_middleware(Entrance, credentials=service.credentials)
    return app
