"""What is kept of labs, and that it is kept whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from portico.api import LabRequest, LabState, Reachability
from portico.managers.lab import STOPPED
from portico.managers.lifecycle import Accepted, Ended, Located, Published, Standing, StopAsked, advance
from portico.managers.schema import Base, tune
from portico.managers.store import MIGRATIONS, LimitReachedError, Record, Store, TakenError, event_of, moved, newborn
from sqlalchemy import create_engine, inspect, text

from tests.support import backend


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'labs.sqlite'}")
    await store.open()
    yield store
    await store.close()


def record(tenant: str = "juniq", user: str = "qubit", lab: str | None = None) -> Record:
    request = LabRequest.model_validate(backend.request(user=user, overrides={"plugin": {"key": ["ä", 1, None]}}))
    standing = advance(Standing(), Accepted("Aurora"))
    assert standing is not None
    return newborn(lab or backend.lab_id(), tenant, request, standing=standing, sealed="sealed", report_digest="0" * 64)


def ended(lab: Record) -> Record:
    standing = advance(lab.standing, Ended("over"))
    assert standing is not None
    return moved(lab, standing)


async def test_a_lab_comes_back_as_it_was(store: Store) -> None:
    lab = record()
    await store.add(lab, limit=1)
    assert await store.get(lab.id) == lab
    assert await store.events(lab.id) == [event_of(lab)]


async def test_each_move_is_an_event(store: Store) -> None:
    lab = record()
    await store.add(lab, limit=1)
    for fact in (Located("node01", 4000), Published("127.0.0.1:5000")):
        standing = advance(lab.standing, fact)
        assert standing is not None
        lab = moved(lab, standing)
        await store.move(lab)
    assert [(event.id, event.step, event.percent, event.address) for event in await store.events(lab.id)] == [
        (1, "submitted", 5, None),
        (2, "node", 70, None),
        (3, "tunnel", 85, "127.0.0.1:5000"),
    ]
    assert [event.id for event in await store.events(lab.id, after=2)] == [3]
    found = await store.get(lab.id)
    assert found == lab
    assert found.standing.reachability is Reachability.UNKNOWN


async def test_an_id_is_taken_once(store: Store) -> None:
    lab = record()
    await store.add(lab, limit=5)
    with pytest.raises(TakenError):
        await store.add(replace(lab, tenant="coec"), limit=5)
    assert (await store.get(lab.id)) == lab


async def test_of_many_starts_at_once_as_many_succeed_as_the_limit_allows(store: Store) -> None:
    results = await asyncio.gather(*(store.add(record(), limit=3) for _ in range(6)), return_exceptions=True)
    assert [type(each) for each in results].count(LimitReachedError) == 3
    await store.add(record(user="other"), limit=3)
    await store.add(record(tenant="coec"), limit=3)


async def test_labs_that_stop_do_not_count(store: Store) -> None:
    first = record()
    await store.add(first, limit=1)
    await store.move(ended(first))
    await store.add(record(), limit=1)


async def test_ended_labs_are_kept_but_not_listed(store: Store) -> None:
    lab, other = record(), record(tenant="coec")
    await store.add(lab, limit=5)
    await store.add(other, limit=5)
    await store.move(ended(lab))
    assert [each.id for each in await store.labs()] == [other.id]
    assert {each.id for each in await store.labs(ended=True)} == {lab.id, other.id}
    assert [each.standing.state for each in await store.labs(tenant="juniq", ended=True)] == [LabState.ENDED]


async def test_only_what_ended_long_ago_is_forgotten(store: Store) -> None:
    old, live = record(), record()
    await store.add(old, limit=5)
    await store.add(live, limit=5)
    await store.move(ended(old))
    assert await store.forget(older=timedelta(days=1)) == 0
    assert await store.forget(older=timedelta(seconds=-1)) == 1
    assert [each.id for each in await store.labs(ended=True)] == [live.id]
    assert await store.events(old.id) == []


async def test_a_sentence_can_be_said_in_other_languages_after_a_restart_too(store: Store) -> None:
    lab = record()
    await store.add(lab, limit=1)
    stopping = advance(lab.standing, StopAsked(STOPPED))
    assert stopping is not None
    await store.move(moved(lab, stopping))
    found = await store.get(lab.id)
    assert found is not None
    over = advance(found.standing, Ended("Aurora ended the lab."))
    assert over is not None
    await store.move(moved(found, over))
    said = [event.said for event in await store.events(lab.id)]
    assert [[part.key for part in each] for each in said] == [["step_submitted"], ["end_stopped"], ["end_stopped"]]
    assert said[0][0].values == {"system": "Aurora"}


async def test_what_was_kept_before_sentences_had_parts_is_still_there(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'old.sqlite'}"
    engine = create_engine(url.replace("+aiosqlite", ""))
    tune(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        lab = record()
        rest = {"choice": "{}", "overrides": "{}", "state": "ended", "created_at": "2026-01-01", "updated_at": "2026-01-01"}
        columns = {column["name"]: rest.get(column["name"], "0") for column in inspect(connection).get_columns("labs")} | {"id": lab.id}
        event = {column["name"]: "0" for column in inspect(connection).get_columns("events")}
        event |= {"lab": lab.id, "id": 1, "at": "2026-01-01", "state": "ended", "reachability": "up", "message": "The lab ended."}
        for table, values in (("labs", columns), ("events", event)):
            names = ", ".join(f'"{name}"' for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values)
    engine.dispose()
    store = Store(url)
    await store.open()
    assert [(event.message, event.said) for event in await store.events(lab.id)] == [("The lab ended.", [])]
    await store.close()


async def test_opening_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    lab = record()
    await store.add(lab, limit=1)
    again = Store(f"sqlite+aiosqlite:///{tmp_path / 'labs.sqlite'}")
    await again.open()
    assert await again.get(lab.id) == lab
    await again.close()


async def test_the_migrations_make_what_the_code_expects(store: Store, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'labs.sqlite'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


async def test_time_stands_still_rather_than_running_back(store: Store) -> None:
    lab = record()
    future = replace(lab, updated_at=lab.updated_at + timedelta(hours=1))
    assert moved(future, lab.standing).updated_at == future.updated_at
