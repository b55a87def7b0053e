"""The Chromium that the browser tests drive: the machine's own, else the one that Playwright has downloaded.

Run as a program it answers by its exit code whether there is one that starts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def find() -> str | None:
    """The program, or None where there is none that starts. Not within Playwright's own context: it asks Playwright."""
    for name in NAMES:
        place = shutil.which(name)
        if place and _starts(place):
            return place
    downloaded = _downloaded()
    return downloaded if downloaded and _starts(downloaded) else None


def _downloaded() -> str | None:
    """Where Playwright keeps its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        place = playwright.chromium.executable_path
    return place if Path(place).is_file() else None


def _starts(program: str) -> bool:
    """Whether it finds its libraries."""
    return subprocess.run([program, *FLAGS, "--version"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(find() is None)
