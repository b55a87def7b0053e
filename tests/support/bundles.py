"""Small themes and bundles, and real git repositories to push them to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from portico.tenants.composition import Candidate, compose
from portico.tenants.findings import Finding
from portico.tenants.judge import judge

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1"/></svg>'

LAYOUT = """\
<!doctype html>
<html lang="{{ locale }}"><head><title>{% block title %}{{ portal.title }}{% endblock %}</title>
{% for layer, url in stylesheets %}
<link rel="stylesheet" href="{{ url }}" data-layer="{{ layer }}">
{% endfor %}
{% for url in scripts %}
<script type="module" src="{{ url }}"></script>
{% endfor %}
</head><body>{% block heading %}<h1>{{ page }}</h1>{% endblock %}{% block content %}{% endblock %}</body></html>
"""

BASE: dict[str, str] = {
    "theme.toml": 'title = "Base"\nstylesheets = ["css/base.css"]\nscripts = ["js/base.js"]\n',
    "templates/layout.html": LAYOUT,
    "templates/landing.html": """{% extends "layout.html" %}
{% block heading %}<h1>{{ portal.title }}</h1>{% endblock %}
{% block content %}base landing {{ t("hello") }}{% endblock %}
""",
    "templates/home.html": """{% extends "layout.html" %}
{% block content %}base home{% for lab in labs %} {{ lab.title }}{% endfor %}{% endblock %}
""",
    "templates/start.html": '{% extends "layout.html" %}{% block content %}base start {{ lab.percent }}{% endblock %}',
    "templates/error.html": '{% extends "layout.html" %}{% block content %}base error {{ status }}{% endblock %}',
    "static/css/base.css": "body { color: red }\n",
    "static/js/base.js": "export const x = 1;\n",
    "static/logo.svg": SVG,
    "static/favicon.svg": SVG,
    "texts/en.toml": 'hello = "Hello"\ngreeting = "Hello {name}"\n[lab]\nstart = "Start"\n',
}
HOUSE: dict[str, str] = {
    "theme.toml": 'title = "House"\nextends = "base"\n',
    "templates/home.html": '{% extends "theme:home.html" %}{% block content %}house over {{ super() }}{% endblock %}',
    "texts/en.toml": 'hello = "Hello from the house"\n',
}
TOML = 'title = "Test"\ncontact = "mailto:help@example.org"\n'
BUNDLE: dict[str, str] = {"tenant.toml": TOML, "static/css/tenant.css": "body { color: blue }\n"}


def page(content: str) -> str:
    """A page of the small theme with other content."""
    return f'{{% extends "layout.html" %}}{{% block content %}}{content}{{% endblock %}}'


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a directory."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def write_themes(root: Path) -> Path:
    """The directory of the two themes above."""
    write_tree(root / "base", BASE)
    write_tree(root / "house", HOUSE)
    return root


def encoded(files: Mapping[str, str | bytes]) -> dict[str, bytes]:
    """Files as a layer holds them."""
    return {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}


def composed(themes: Path, files: Mapping[str, str | bytes]) -> Candidate:
    """The small bundle with further files, composed."""
    return compose("test", encoded({**BUNDLE, **files}), themes)


def judged(themes: Path, files: Mapping[str, str | bytes]) -> list[Finding]:
    """What is wrong with the small bundle with further files."""
    return list(judge("test", encoded({**BUNDLE, **files}), themes).findings)


class Remote:
    """A bare repository and a working copy that pushes to it."""

    def __init__(self, root: Path) -> None:
        self.path = root / "bundle.git"
        self.work = root / "work"
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        git(root, "init", "--quiet", "--initial-branch=main", str(self.work))

    def push(self, files: Mapping[str, str | bytes | None], message: str = "Change") -> str:
        """Write files (None deletes), commit, push; answers the commit."""
        for path, content in files.items():
            if content is None:
                (self.work / path).unlink()
            else:
                write_tree(self.work, {path: content})
        return self.commit(message)

    def commit(self, message: str = "Change") -> str:
        """Commit what lies in the working copy and push it; answers the commit."""
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--allow-empty", "-m", message)
        git(self.work, "push", "--quiet", "--force", str(self.path), "HEAD:refs/heads/main")
        return git(self.work, "rev-parse", "HEAD").strip()


def git(folder: Path, *arguments: str, content: str = "") -> str:
    """Run git with an identity of its own, `content` on its standard input; answers what it prints."""
    who = {f"GIT_{role}_{part}": "tester@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **who}
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, input=content, check=True, capture_output=True, text=True).stdout
