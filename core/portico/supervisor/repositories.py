"""Make a tenant's bare repository out of a bundle's directory, once: afterwards it belongs to whoever pushes to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

AUTHOR = "Portico demo"


def make_repository(repository: Path, bundle: Path, *, branch: str = "main") -> None:
    """A bare repository with one commit of the bundle; does nothing where there is one. Raises CalledProcessError with git's words."""
    if (repository / "HEAD").exists():
        return
    repository.mkdir(parents=True, exist_ok=True)
    # The user's own git configuration (hooks, signing, templates) has no say here.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": ""}
    location = [f"--git-dir={repository}", f"--work-tree={bundle}", "-c", "core.bare=false"]

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], env=environment, check=True, capture_output=True, text=True)

    git("init", "--quiet", "--bare", f"--initial-branch={branch}", "--", str(repository))
    git(*location, "add", "--all", "--", ".")
    identity = ["-c", f"user.name={AUTHOR}", "-c", "user.email=demo@localhost"]
    git(*location, *identity, "commit", "--quiet", "--message", f"Begin with the bundle {bundle.name}")
    (repository / "index").unlink(missing_ok=True)
