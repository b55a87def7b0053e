"""Whatever a tenant commits, not a byte of another tenant's pages changes, and nothing of the other's comes to it.

A real sync follows both, in repositories of their own and side by side in one. A real hub serves the neighbour; all its pages and all the
files that they refer to are read before and after each of the hostile commits, and compared byte by byte.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from portico.tenants.layers import themes_directory

from tests.integration.hub.world import BUNDLE, TENANT, World
from tests.support.bundles import Remote, git, write_tree
from tests.support.sync_service import Service
from tests.support.visitor import Visitor

ATTACKER = "mallory"
LOOT = "loot-of-mallory"
SECRET = "only-for-juniq"
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><title>%s</title><path d="M0 0h8v8H0z"/></svg>'
NEIGHBOUR: Mapping[str, bytes] = {
    **BUNDLE,
    "tenant.toml": BUNDLE["tenant.toml"].replace(b"stylesheets = []", b'stylesheets = ["css/own.css"]'),
    "static/css/own.css": b".prose::before { content: 'only-for-juniq'; }",
    "static/logo.svg": PICTURE % SECRET.encode(),
    "templates/pages/quantum.html": b"""{% extends "layout.html" %}
{% block main %}<h1>Quantum systems</h1><p>{{ t('own_words') }} <img src="{{ asset('logo.svg') }}" alt=""></p>{% endblock %}""",
    "texts/en.toml": b'own_words = "only-for-juniq"\n',
    "texts/de.toml": b'own_words = "only-for-juniq, auf Deutsch"\n',
}
PLAIN: Mapping[str, bytes] = {
    "tenant.toml": b'title = "M"\ncontact = "mailto:m@example.org"\nlanguages = ["en", "de"]\n'
    b'[brand]\nlogo = "logo.svg"\nfavicon = "logo.svg"\nstylesheets = []\n',
    "static/logo.svg": PICTURE % LOOT.encode(),
}
PATHS = ("/hub/login", "/hub/home", "/hub/page/quantum", "/hub/page/none", "/hub/none", "/hub/portal", "/hub/language/xx")
VARYING = (
    # A token of each visitor's session, and the id of each request: all that may differ between two readings of a page.
    re.compile(r'(name="_xsrf" value=")[^"]*'),
    re.compile(r"\b[0-9a-f]{32}(?=</)|\b[0-9a-f]{8}-[0-9a-f-]{27}\b"),
)

Files = Mapping[str, bytes]


@dataclass
class Neighbours:
    """The attacker's directory, the neighbour's hub, and the sync that follows both."""

    service: Service
    stranger: Visitor
    user: Visitor
    remote: Remote
    folder: str
    """Of the attacker within the repository; empty where it is all hers."""

    async def commit(self, files: Files, special: Callable[[Path], None] | None = None) -> bool:
        """Have the attacker's directory hold these files and nothing else; answers whether that went live."""
        home = self.remote.work / self.folder
        git(self.remote.work, "rm", "-r", "-q", "--force", "--ignore-unmatch", self.folder or ".")
        write_tree(home, files)
        if special:
            special(home)
        commit = self.remote.commit("Attack")
        status = await self.service.taken(commit, ATTACKER)
        return status.commit == commit

    def crawl(self) -> dict[str, str | bytes]:
        """All pages of the neighbour, in both languages, logged out and in, and the files that they refer to."""
        seen: dict[str, str | bytes] = {}
        self._read(self.stranger, "stranger", seen)
        self._read(self.user, "user", seen)
        return seen

    def _read(self, visitor: Visitor, who: str, seen: dict[str, str | bytes]) -> None:
        for path in PATHS:
            for language in ("en", "de"):
                got = visitor.http.get(path, headers={"Accept-Language": language})
                page = got.text
                for varying in VARYING:
                    page = varying.sub(lambda found: found.group(1) if found.groups() else "", page)
                seen[f"{who} {language} {path}"] = f"{got.status_code} {page}"
                for address in re.findall(r'"(/hub/(?:brand|product)/[^"]+)"', got.text):
                    if address not in seen:
                        seen[address] = visitor.http.get(address).content

    def stored(self, tenant: str) -> bytes:
        """All bytes of all snapshots of a tenant."""
        folder = self.service.state / "snapshots" / tenant
        return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture(scope="module", params=["own repositories", "one repository"])
def neighbours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    root = tmp_path_factory.mktemp("neighbours")
    shared = request.param == "one repository"
    places = {name: root / ("both" if shared else name) for name in (TENANT, ATTACKER)}
    for place in dict.fromkeys(places.values()):
        place.mkdir()
    remotes = {place: Remote(place) for place in dict.fromkeys(places.values())}
    folders = {name: f"portals/{name}" if shared else "" for name in places}
    service = Service(root / "sync", themes=themes_directory())
    world = World(root / "world")
    world.directory.mkdir()
    world.state.mkdir()
    (service.state / "snapshots").mkdir(parents=True)
    (world.state / "snapshots").symlink_to(service.state / "snapshots")
    for name, files in ((TENANT, NEIGHBOUR), (ATTACKER, PLAIN)):
        remote = remotes[places[name]]
        write_tree(remote.work / folders[name], files)
        commit = remote.commit(name)
        service.follow(name, str(remote.path), folders[name])

    async def begin() -> None:
        await service.start()
        await service.live(commit, ATTACKER)
        await service.taken(commit if shared else git(remotes[places[TENANT]].work, "rev-parse", "HEAD").strip(), TENANT)

    with world.running(), world.somebody() as stranger, world.logged_in() as user:
        asyncio.run(begin())
        try:
            yield Neighbours(service, stranger, user, remotes[places[ATTACKER]], folders[ATTACKER])
        finally:
            service.stop()


@pytest.fixture(scope="module")
def before(neighbours: Neighbours) -> dict[str, str | bytes]:
    """The neighbour's pages while nobody attacks: the same twice, so that whatever differs later was changed."""
    first, second = neighbours.crawl(), neighbours.crawl()
    assert first == second
    assert str(first["user en /hub/home"]).startswith("200")
    assert SECRET in str(first["stranger en /hub/page/quantum"])
    assert "auf Deutsch" in str(first["stranger de /hub/page/quantum"])
    assert any(SECRET.encode() in content for address, content in first.items() if address.endswith(".svg") and isinstance(content, bytes))
    return first


def own_page(body: str) -> dict[str, bytes]:
    return {
        **PLAIN,
        "templates/pages/quantum.html": f'{{% extends "layout.html" %}}{{% block main %}}<h1>M</h1>{body}{{% endblock %}}'.encode(),
    }


def toml(line: str) -> dict[str, bytes]:
    return {**PLAIN, "tenant.toml": f"{line}\n".encode() + PLAIN["tenant.toml"]}


def link(path: str, target: str) -> Callable[[Path], None]:
    def make(home: Path) -> None:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).unlink(missing_ok=True)
        (home / path).symlink_to(target)

    return make


def submodule(home: Path) -> None:
    (home / "templates/pages").mkdir(parents=True)
    git(home, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{_prefix(home)}templates/pages")


def _prefix(home: Path) -> str:
    return git(home, "rev-parse", "--show-prefix").strip()


REFUSED: dict[str, tuple[Files, Callable[[Path], None] | None]] = {
    "extends the neighbour's page": (own_page('{% include "../juniq/templates/pages/quantum.html" %}'), None),
    "includes by the tenant's name": (own_page('{% include "juniq:pages/quantum.html" %}'), None),
    "includes out of the theme": (own_page('{% include "theme:../../juniq/templates/pages/quantum.html" %}'), None),
    "asks for the neighbour's file": (own_page("{{ asset('../../juniq/current/static/logo.svg') }}"), None),
    "asks for the neighbour's text": (own_page("{{ t('own_words') }}"), None),
    "looks for the neighbour's values": (own_page("{{ portal.__class__.__mro__ }}"), None),
    "claims the neighbour's name": (toml('name = "juniq"'), None),
    "claims the neighbour's host": (toml('host = "juniq.localhost"'), None),
    "extends the neighbour's bundle": (toml('theme = "juniq"'), None),
    "extends a path": (toml('theme = "../tenants/juniq"'), None),
    "names the neighbour's logo": ({**PLAIN, "tenant.toml": PLAIN["tenant.toml"].replace(b'"logo.svg"', b'"../../juniq/logo.svg"')}, None),
    "links a file": (PLAIN, link("static/mine.svg", "../../juniq/static/logo.svg")),
    "links a folder": (PLAIN, link("templates", "../juniq/templates")),
    "links the store": (PLAIN, link("static/store", "/var/lib/portico/snapshots/juniq/current/static")),
    "a submodule": (PLAIN, submodule),
    "imports a style sheet": ({**PLAIN, "static/css/x.css": b'@import "/hub/brand/current/css/own.css";'}, None),
    "leaves its layer": ({**PLAIN, "static/css/x.css": b"} @layer theme { :root { --accent: red } "}, None),
    "another case": ({**PLAIN, "Templates/landing.html": b"loot-of-mallory", "TENANT.toml": b""}, None),
    "an odd name": ({**PLAIN, "static/x\\..\\juniq.svg": b"loot-of-mallory"}, None),
    "never ends": (own_page("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"), None),
    "no bundle at all": ({"README.md": b"loot-of-mallory"}, None),
}


@pytest.mark.parametrize("attack", REFUSED)
async def test_a_hostile_commit_is_refused_and_the_neighbour_sees_nothing_of_it(
    neighbours: Neighbours, before: dict[str, str | bytes], attack: str
):
    files, special = REFUSED[attack]
    live = neighbours.service.status(ATTACKER).snapshot
    assert not await neighbours.commit(files, special)
    assert neighbours.service.status(ATTACKER).snapshot == live
    assert await asyncio.to_thread(neighbours.crawl) == before


TAKEN: dict[str, Files] = {
    "the neighbour's names": {
        **{path: content.replace(SECRET.encode(), LOOT.encode()) for path, content in NEIGHBOUR.items()},
        "templates/landing.html": b'{% extends "theme:landing.html" %}{% block lead %}loot-of-mallory{% endblock %}',
        "templates/layout.html": b'{% extends "theme:layout.html" %}{% block footer %}loot-of-mallory{% endblock %}',
    },
    "the theme's words": {**PLAIN, "texts/en.toml": b'log_in = "loot-of-mallory"\n', "texts/de.toml": b'log_in = "loot-of-mallory"\n'},
    "the store's names": {**PLAIN, "static/current": b"", "static/juniq/current.txt": b"loot-of-mallory"},
}


@pytest.mark.parametrize("attack", TAKEN)
async def test_what_goes_live_stays_with_its_tenant(neighbours: Neighbours, before: dict[str, str | bytes], attack: str):
    files = {path: content for path, content in TAKEN[attack].items() if path != "static/current"}
    assert await neighbours.commit(files), neighbours.service.status(ATTACKER).findings
    assert LOOT.encode() in neighbours.stored(ATTACKER)
    after = await asyncio.to_thread(neighbours.crawl)
    assert after == before
    assert not [address for address, content in after.items() if LOOT in str(content)]


async def test_a_flood_of_commits_changes_nothing_next_door(neighbours: Neighbours, before: dict[str, str | bytes]):
    for number in range(20):
        write_tree(neighbours.remote.work / neighbours.folder, {"static/n.txt": f"{LOOT} {number}".encode()})
        neighbours.remote.commit(f"{number}")
        if number % 5 == 0:
            assert await asyncio.to_thread(neighbours.crawl) == before
    commit = neighbours.remote.commit("The last")
    assert (await neighbours.service.taken(commit, ATTACKER)).candidate == commit
    assert await asyncio.to_thread(neighbours.crawl) == before


async def test_nothing_of_the_neighbour_came_to_the_attacker(neighbours: Neighbours):
    assert SECRET.encode() in neighbours.stored(TENANT)
    assert SECRET.encode() not in neighbours.stored(ATTACKER)
    assert SECRET not in neighbours.service.status(ATTACKER).model_dump_json()
