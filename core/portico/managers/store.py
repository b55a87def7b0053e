"""The backend's memory: labs and events, in whatever database SQLAlchemy speaks asynchronously.

A lab's row and its newest event are written in one transaction, so that neither is known without the other. Secrets come and go sealed.
One process writes; on SQLite its writes take turns here, since SQLite's own way to wait is to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from portico.api import Choice, Event, Lab, LabRequest, LabState, Reachability
from portico.managers.lifecycle import Standing
from portico.managers.schema import EventRow, LabRow, tune
from portico.words import Part, Sentence, parts

MIGRATIONS = Path(__file__).parent / "migrations"


class TakenError(Exception):
    """A lab of that id is there already."""


class LimitReachedError(Exception):
    """The user has as many labs as the tenant allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A lab as the backend itself sees it: what everybody may know, and what only the managers need."""

    id: str
    tenant: str
    user: str
    name: str
    title: str
    choice: Choice
    prefix: str
    overrides: dict[str, dict[str, object]]
    standing: Standing
    job: str | None
    sealed: str | None
    report_digest: str
    last_event: int
    created_at: datetime
    updated_at: datetime

    def public(self) -> Lab:
        """What the hub sees."""
        now = self.standing
        return Lab(
            id=self.id,
            tenant=self.tenant,
            user=self.user,
            name=self.name,
            title=self.title,
            choice=self.choice,
            state=now.state,
            reachability=now.reachability,
            reason=now.reason,
            address=now.address,
            node=now.node,
            created_at=self.created_at,
            updated_at=self.updated_at,
            last_event=self.last_event,
        )


def newborn(lab: str, tenant: str, request: LabRequest, *, standing: Standing, sealed: str, report_digest: str) -> Record:
    """The record of a lab that was just asked for, with its first event."""
    now = datetime.now(UTC)
    return Record(
        id=lab,
        tenant=tenant,
        user=request.user,
        name=request.name,
        title=request.title,
        choice=request.choice,
        prefix=request.prefix,
        overrides=request.overrides,
        standing=standing,
        job=None,
        sealed=sealed,
        report_digest=report_digest,
        last_event=1,
        created_at=now,
        updated_at=now,
    )


def moved(record: Record, standing: Standing) -> Record:
    """The record with its next event. Time never runs backwards within a lab, whatever the clock does."""
    return replace(record, standing=standing, last_event=record.last_event + 1, updated_at=max(record.updated_at, datetime.now(UTC)))


def event_of(record: Record) -> Event:
    """The record's newest event."""
    now = record.standing
    return Event(
        id=record.last_event,
        at=record.updated_at,
        state=now.state,
        reachability=now.reachability,
        percent=now.percent,
        step=now.step,
        message=now.message,
        said=list(parts(now.message)),
        address=now.address,
    )


class Store:
    """Reads and writes; every method is one transaction. Database errors pass through as SQLAlchemy's."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        self._turn = asyncio.Lock()
        if self._engine.dialect.name == "sqlite":
            tune(self._engine.sync_engine)

    async def open(self) -> None:
        """Make the tables, or bring them up to date."""
        async with self._engine.begin() as connection:
            await connection.run_sync(_migrate)

    async def close(self) -> None:
        """Give the connections back, after a write that is under way."""
        async with self._turn:
            await self._engine.dispose()

    async def add(self, record: Record, *, limit: int) -> None:
        """Write a new lab and its first event.

        Raises TakenError, or LimitReachedError where the user has `limit` labs already, those that stop not counted.
        """
        async with self._writing() as connection:
            if await connection.scalar(select(LabRow.id).where(LabRow.id == record.id)):
                raise TakenError(record.id)
            mine = select(func.count()).where(
                LabRow.tenant == record.tenant,
                LabRow.user == record.user,
                LabRow.state.not_in([LabState.STOPPING.value, LabState.ENDED.value]),
            )
            if (await connection.scalar(mine) or 0) >= limit:
                raise LimitReachedError(record.user)
            await connection.execute(insert(LabRow).values(id=record.id, tenant=record.tenant, **_columns(record)))
            await connection.execute(insert(EventRow).values(_event_columns(record)))

    async def move(self, record: Record) -> None:
        """Write what the record became, and its newest event."""
        async with self._writing() as connection:
            await connection.execute(update(LabRow).where(LabRow.id == record.id).values(**_columns(record)))
            await connection.execute(insert(EventRow).values(_event_columns(record)))

    async def keep(self, record: Record) -> None:
        """Write what the record became without telling anybody: the job's URL, a renewed token."""
        async with self._writing() as connection:
            await connection.execute(update(LabRow).where(LabRow.id == record.id).values(job=record.job, sealed=record.sealed))

    async def get(self, lab: str) -> Record | None:
        """The lab of that id, whosever it is."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(LabRow.__table__).where(LabRow.id == lab))).one_or_none()
        return None if row is None else _record(row._mapping)

    async def labs(self, *, tenant: str | None = None, ended: bool = False) -> list[Record]:
        """Labs, oldest first: of a tenant or of all, with those that ended or without."""
        query = select(LabRow.__table__).order_by(LabRow.created_at)
        if tenant is not None:
            query = query.where(LabRow.tenant == tenant)
        if not ended:
            query = query.where(LabRow.state != LabState.ENDED.value)
        async with self._engine.connect() as connection:
            return [_record(row._mapping) for row in await connection.execute(query)]

    async def events(self, lab: str, *, after: int = 0) -> Sequence[Event]:
        """The lab's events with ids greater than `after`, in order."""
        query = select(EventRow.__table__).where(EventRow.lab == lab, EventRow.id > after).order_by(EventRow.id)
        async with self._engine.connect() as connection:
            return [Event.model_validate(dict(row._mapping)) for row in await connection.execute(query)]

    async def forget(self, *, older: timedelta) -> int:
        """Delete labs that ended longer than `older` ago; how many."""
        before = datetime.now(UTC) - older
        async with self._writing() as connection:
            old = select(LabRow.id).where(LabRow.state == LabState.ENDED.value, LabRow.updated_at < before)
            await connection.execute(delete(EventRow).where(EventRow.lab.in_(old)))
            return (await connection.execute(delete(LabRow).where(LabRow.id.in_(old)))).rowcount

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn, self._engine.begin() as connection:
            yield connection


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _columns(record: Record) -> dict[str, object]:
    now = record.standing
    return {
        "user": record.user,
        "name": record.name,
        "title": record.title,
        "choice": record.choice.model_dump(mode="json"),
        "prefix": record.prefix,
        "overrides": record.overrides,
        "state": now.state.value,
        "reachability": now.reachability.value,
        "percent": now.percent,
        "step": now.step,
        "message": now.message,
        "said": _stored(now.message),
        "reason": now.reason,
        "reason_said": _stored(now.reason),
        "node": now.node,
        "port": now.port,
        "address": now.address,
        "job": record.job,
        "sealed": record.sealed,
        "report_digest": record.report_digest,
        "last_event": record.last_event,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _event_columns(record: Record) -> dict[str, object]:
    event = event_of(record)
    return {
        "lab": record.id,
        "id": event.id,
        "at": event.at,
        "state": event.state.value,
        "reachability": event.reachability.value,
        "percent": event.percent,
        "step": event.step,
        "message": event.message,
        "said": _stored(record.standing.message),
        "address": event.address,
    }


def _stored(text: str | None) -> list[dict[str, object]]:
    """What a sentence is made of, as JSON."""
    return [part.model_dump() for part in parts(text or "")]


def _record(row: RowMapping) -> Record:
    values = dict(row)
    message, reason = _sentence(values.pop("message"), values.pop("said")), _sentence(values.pop("reason"), values.pop("reason_said"))
    standing = Standing(
        state=LabState(values.pop("state")),
        reachability=Reachability(values.pop("reachability")),
        message=message or "",
        reason=reason,
        **{key: values.pop(key) for key in ("percent", "step", "node", "port", "address")},
    )
    return Record(choice=Choice.model_validate(values.pop("choice")), standing=standing, **values)


def _sentence(text: str | None, said: list[dict[str, object]]) -> Sentence | None:
    return None if text is None else Sentence(text, (Part.model_validate(part) for part in said))
