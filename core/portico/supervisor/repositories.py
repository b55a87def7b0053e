"""Make a tenant's bare repository out of a bundle's directory, once: afterwards it belongs to whoever pushes to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

AUTHOR = "Portico demo"


def make_repository(repository: Path, bundle: Path, *, branch: str = "main") -> None:
    """A bare repository with one commit of the bundle; does nothing where there is one. Raises CalledProcessError with git's words."""
    if (repository / "HEAD").exists():
        return
    made = repository.with_suffix(".new")  # takes its name when it is whole: a Ctrl-C meanwhile leaves nothing that counts
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    # The user's own git configuration (hooks, signing, templates) has no say here.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": ""}
    location = [f"--git-dir={made}", f"--work-tree={bundle}", "-c", "core.bare=false"]

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], env=environment, check=True, capture_output=True, text=True)

    git("init", "--quiet", "--bare", f"--initial-branch={branch}", "--", str(made))
    git(*location, "add", "--all", "--", ".")
    identity = ["-c", f"user.name={AUTHOR}", "-c", "user.email=demo@localhost"]
    git(*location, *identity, "commit", "--quiet", "--message", f"Begin with the bundle {bundle.name}")
    (made / "index").unlink(missing_ok=True)
    made.rename(repository)
