"""The backend's tables: labs, and what happened to each of them.

Plain SQL types only, so that SQLite and PostgreSQL hold the same. The migrations in `migrations/` make these tables; a test compares.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, DateTime, Dialect, Engine, ForeignKey, Index, Integer, String, Text, TypeDecorator, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so it is added again on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive times are refused: nobody knows which they are."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables."""


class LabRow(Base):
    """One start of a lab. The row stays until long after the site has confirmed the end."""

    __tablename__ = "labs"
    __table_args__ = (Index("labs_of_a_user", "tenant", "user"), Index("labs_by_state", "state"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(32))
    user: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    choice: Mapped[dict[str, object]] = mapped_column(JSON)
    prefix: Mapped[str] = mapped_column(String(512))
    overrides: Mapped[dict[str, dict[str, object]]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    reachability: Mapped[str] = mapped_column(String(16))
    percent: Mapped[int] = mapped_column(Integer)
    step: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(Text)
    said: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    """What the message is made of, for translation; so is `reason_said` of the reason."""
    reason: Mapped[str | None] = mapped_column(Text)
    reason_said: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    node: Mapped[str | None] = mapped_column(String(253))
    port: Mapped[int | None] = mapped_column(Integer)
    address: Mapped[str | None] = mapped_column(String(300))
    job: Mapped[str | None] = mapped_column(Text)
    """The job's URL at the site; None until the site has taken it."""
    sealed: Mapped[str | None] = mapped_column(Text)
    """`keys.Secrets`, encrypted; None once the lab ended."""
    report_digest: Mapped[str] = mapped_column(String(64))
    last_event: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcTime())
    updated_at: Mapped[datetime] = mapped_column(UtcTime())


class EventRow(Base):
    """One event of a lab. Ids count from 1 within the lab."""

    __tablename__ = "events"

    lab: Mapped[str] = mapped_column(String(32), ForeignKey("labs.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcTime())
    state: Mapped[str] = mapped_column(String(16))
    reachability: Mapped[str] = mapped_column(String(16))
    percent: Mapped[int] = mapped_column(Integer)
    step: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(Text)
    said: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    address: Mapped[str | None] = mapped_column(String(300))


def tune(engine: Engine) -> None:
    """SQLite only: readers beside the writer, each commit on disk before it counts, foreign keys kept."""

    @event.listens_for(engine, "connect")
    def _set(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
