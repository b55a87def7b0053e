"""A storage's files: everything happens below one directory, whatever a path or a symbolic link says. Blocking; callers use threads."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = 1000
"""Entries of a directory that are listed."""


class PathError(ValueError):
    """The path leads out of the storage: 400."""


@dataclass(frozen=True)
class Tree:
    """A directory and all below it."""

    root: Path

    def resolve(self, path: str) -> Path:
        """The file that `path` names; PathError where that is outside."""
        if "\0" in path or ".." in path.split("/"):
            raise PathError(f"{path!r} is outside of the storage")
        named = self.root / path.lstrip("/")
        real = named.resolve()
        if not real.is_relative_to(self.root.resolve()):
            raise PathError(f"{path!r} is outside of the storage")
        return named

    def write(self, path: str, content: bytes) -> None:
        """Replace a file as a whole; its directories are made."""
        target = self.resolve(path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self.temporary(path)
        new.write_bytes(content)
        new.replace(target)

    def temporary(self, path: str) -> Path:
        """A new name beside a file, for what will replace it."""
        target = self.resolve(path)
        return target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")

    def make_directory(self, path: str) -> None:
        """With those above it."""
        self.resolve(path).mkdir(mode=0o700, parents=True, exist_ok=True)

    def delete(self, path: str) -> None:
        """A file or a directory with its content; FileNotFoundError where there is none, PathError for the storage itself."""
        target = self.resolve(path)
        if target.resolve() == self.root.resolve():
            raise PathError("the storage itself stays")
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink()

    def rename(self, source: str, target: str) -> None:
        """FileNotFoundError where there is nothing to rename."""
        self.resolve(source).rename(self.resolve(target))

    def copy(self, source: str, target: str) -> None:
        """One file; FileNotFoundError where there is none."""
        shutil.copyfile(self.resolve(source), self.resolve(target))

    def properties(self, path: str) -> dict[str, Any]:
        """What is shown of a file or directory, without links; FileNotFoundError where there is none."""
        target = self.resolve(path)
        shown = _properties(target.stat())
        shown["metadata"] = {}
        if shown["isDirectory"]:
            shown["content"] = {}
            for entry in sorted(os.scandir(target), key=lambda entry: entry.name)[:PAGE]:
                try:
                    status = entry.stat(follow_symlinks=not entry.is_symlink())
                except FileNotFoundError:
                    continue
                name = "/" + str(Path(entry.path).relative_to(self.root))
                shown["content"][name + ("/" if stat.S_ISDIR(status.st_mode) else "")] = _properties(status)
        return shown


def _properties(status: os.stat_result) -> dict[str, Any]:
    letters = (("r", stat.S_IRUSR), ("w", stat.S_IWUSR), ("x", stat.S_IXUSR))
    return {
        "size": status.st_size,
        "permissions": "".join(letter if status.st_mode & bit else "-" for letter, bit in letters),
        "lastAccessed": stamp(status.st_mtime),
        "isDirectory": stat.S_ISDIR(status.st_mode),
    }


def stamp(seconds: float) -> str:
    """A time as UNICORE writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(seconds))
