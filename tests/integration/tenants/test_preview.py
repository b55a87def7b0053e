"""`portico preview` as a browser without scripts meets it: the real studio, its real processes, over HTTP."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from portico.tenants.layers import themes_directory
from portico.tenants.preview.server import serving
from portico.tenants.preview.studio import State, Studio

from tests.support.installation import ROOT

LIMIT = 60.0


@dataclass
class Shown:
    bundle: Path
    studio: Studio
    http: httpx.AsyncClient

    async def until(self, holds: Callable[[State], bool]) -> State:
        async def look() -> State:
            async for state in self.studio.states():
                if holds(state):
                    return state
            raise AssertionError

        return await asyncio.wait_for(look(), LIMIT)

    async def checked(self, after: int = 0) -> State:
        return await self.until(lambda state: state.check != "checking" and state.number > after)

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.bundle / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    bundle = tmp_path / "juniq"
    shutil.copytree(ROOT / "tenants" / "juniq", bundle)
    async with (
        Studio(bundle, themes_directory()) as studio,
        serving(studio, 0) as address,
        httpx.AsyncClient(base_url=address, timeout=LIMIT) as http,
    ):
        yield Shown(bundle, studio, http)


async def test_every_page_and_state_is_there_in_every_language(shown: Shown):
    state = await shown.checked()
    assert (state.check, state.findings, state.title, state.languages) == ("good", (), "JUNIQ", ("en", "de"))
    assert {"landing", "home", "start", "error", "systems"} == set(state.pages)
    for page, states in state.pages.items():
        for each in states:
            for language in state.languages:
                got = await shown.http.get(f"/page/{page}/{each}", params={"lang": language})
                assert got.status_code == 200, (page, each)
                assert f'lang="{language}"' in got.text
                assert f"/hub/brand/{state.number}/" in got.text
    sheet = await shown.http.get(f"/hub/brand/{state.number}/css/tenant.css")
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "@layer tenant" in sheet.text
    for address in (
        "/page/landing/odd",
        "/page/nothing/plain",
        f"/hub/brand/{state.number}/css/none.css",
        "/hub/brand/9999/css/tenant.css",
    ):
        assert (await shown.http.get(address)).status_code == 404


async def test_pages_are_seen_by_whom_one_chooses(shown: Shown):
    state = await shown.until(lambda state: state.number > 0)
    assert "admin" in state.personas
    as_admin = (await shown.http.get("/page/home/no-labs", params={"as": "admin"})).text
    as_emmy = (await shown.http.get("/page/home/no-labs", params={"as": "emmy"})).text
    assert "Lise Meitner" in as_admin
    assert "/hub/portal" in as_admin
    assert "Emmy Noether" in as_emmy
    assert "/hub/portal" not in as_emmy


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("/hub/home", "/page/home/five-labs?lang=de&as=emmy"),
        ("/hub/login", "/page/landing/plain?lang=de&as=emmy"),
        ("/hub/oauth_login", "/page/home/five-labs?lang=de&as=emmy"),
        ("/hub/page/systems", "/page/systems/logged-in?lang=de&as=emmy"),
        ("/hub/start/lab-2", "/page/start/70-percent?lang=de&as=emmy"),
        ("/hub/language/en", "/page/error/404?lang=en&as=emmy"),
    ],
)
async def test_links_lead_to_samples_and_keep_language_and_person(shown: Shown, link: str, target: str):
    await shown.until(lambda state: state.number > 0)
    referer = str(shown.http.base_url.join("/page/error/404?lang=de&as=emmy"))
    got = await shown.http.get(link, headers={"Referer": referer})
    assert (got.status_code, got.headers["location"]) == (303, target)


async def test_forms_do_nothing_and_other_names_are_refused(shown: Shown):
    assert (await shown.http.post("/hub/start", data={"x": "y"})).status_code == 204
    assert (await shown.http.get("/", headers={"Host": "evil.example"})).status_code == 403
    frame = await shown.http.get("/")
    assert frame.status_code == 200
    assert "script-src" not in frame.headers["content-security-policy"]
    assert "'unsafe" not in frame.headers["content-security-policy"]


async def test_a_page_that_breaks_stays_as_it_was_and_the_place_is_told(shown: Shown):
    first = await shown.checked()
    good = (await shown.http.get("/page/systems/logged-in")).text
    shown.edit("templates/pages/systems.html", "{{ t('systems_title') }}", "{{ portal.no_such_field }}")
    broken = await shown.until(lambda state: bool(state.findings))
    assert [finding.file for finding in broken.findings] == ["templates/pages/systems.html"]
    assert broken.findings[0].line == 2
    told = shown.studio.described(broken)
    assert "portal.no_such_field" in dict(told["findings"][0]["lines"])[2]
    assert (await shown.http.get("/page/systems/logged-in")).text == good
    assert (await shown.http.get("/page/landing/plain")).status_code == 200
    shown.edit("templates/pages/systems.html", "{{ portal.no_such_field }}", "Mended")
    mended = await shown.until(lambda state: state.check == "good" and state.number > broken.number)
    assert mended.number > first.number
    assert "Mended" in (await shown.http.get("/page/systems/logged-in")).text


async def test_what_does_not_even_compose_leaves_the_last_version(shown: Shown):
    first = await shown.checked()
    whole = (shown.bundle / "tenant.toml").read_text()
    (shown.bundle / "tenant.toml").write_text(whole.replace('theme = "facility"', 'theme = "facilty"'))
    wrong = await shown.until(lambda state: state.check == "wrong")
    assert wrong.number == first.number
    assert "facility" in str(wrong.findings[0])
    assert (await shown.http.get("/page/landing/plain")).status_code == 200
    (shown.bundle / "tenant.toml").unlink()
    await shown.until(lambda state: bool(state.findings) and "missing" in state.findings[0].what)
    (shown.bundle / "tenant.toml").write_text(whole)
    assert (await shown.checked(first.number)).check == "good"


async def test_a_template_without_end_is_stopped(shown: Shown):
    await shown.checked()
    # Folded while it is compiled, where no budget of ours counts: the kernel's limit stops it.
    shown.edit("templates/landing.html", "{% block lead %}", "{% block lead %}{{ 7**30000000 }}")
    state = await shown.until(lambda state: bool(state.findings))
    got = await shown.http.get("/page/landing/plain")
    assert got.status_code == 500
    assert "can't be shown" in got.text
    assert state.findings
    assert (await shown.http.get("/page/error/404")).status_code in (200, 500)
