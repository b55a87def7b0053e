"""What a person does at a portal, in words: log in, start a lab, compute, stop, log out."""

from __future__ import annotations

import contextlib
import re

from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotYet

from tests.support.installation import Up

USERS = {"juniq": "qubit", "coec": "flame", "eurocc": "teach"}
"""Who has something to start where."""


def log_in(page: Page, installation: Up, tenant: str, user: str) -> None:
    """From the landing page over the identity provider to home."""
    page.goto(installation.address(tenant) + "/")
    page.get_by_role("link", name="Log in").or_(page.get_by_role("button", name="Log in")).click()
    sign_in(page, user, installation.password(user))
    page.wait_for_url("**/hub/home")


def sign_in(page: Page, user: str, password: str) -> None:
    """Fill the identity provider's form."""
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def start(page: Page) -> str:
    """Start a lab with what the form proposes, watch it, land in JupyterLab; answers the lab's name."""
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/hub/labs/|/user/"))
    page.wait_for_url(re.compile(r"/user/[^/]+/[^/]+/lab"), timeout=90_000)
    found = re.search(r"/user/[^/]+/([^/]+)/lab", page.url)
    assert found
    return found.group(1)


def compute(page: Page) -> str:
    """Run `print(6*7)` in a kernel through JupyterLab's page; answers what it printed."""
    # JupyterLab brings back what was open the last time; a clean desk has the launcher on it.
    page.goto(re.sub(r"/lab(/.*)?$", "/lab?reset", page.url))
    card = page.locator('.jp-LauncherCard[data-category="Notebook"]').first
    card.wait_for(timeout=90_000)
    close_notices(page)
    card.click()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.click()
    page.keyboard.type("print(6*7)")
    output = page.locator(".jp-OutputArea-output pre").first
    for _ in range(15):
        # While its kernel is still connecting, JupyterLab takes the key and runs nothing: a person presses it again.
        cell.click()
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(NotYet):
            output.wait_for(timeout=4_000)
            break
    return output.inner_text().strip()


def close_notices(page: Page) -> None:
    """JupyterLab may ask about news in a notice over the page."""
    for button in page.locator(".jp-toast-button", has_text="No").all():
        button.click()


def row(page: Page, name: str):
    """A lab's row on the home page."""
    return page.locator(f'[data-lab="{name}"]')


def stop(page: Page, installation: Up, tenant: str, name: str) -> None:
    """Back to the portal, stop the lab, and see that it ended."""
    page.goto(installation.address(tenant) + "/hub/home")
    row(page, name).get_by_role("button", name="Stop").click()
    expect(row(page, name).get_by_role("link", name="Open")).to_be_hidden()
    expect(row(page, name).get_by_role("button", name="Stop")).to_be_hidden(timeout=30_000)


def log_out(page: Page) -> None:
    """Log out, and see the landing page again."""
    control = page.get_by_role("link", name="Log out").or_(page.get_by_role("button", name="Log out"))
    if not control.is_visible():
        page.locator("header summary").first.click()
    control.click()
    page.get_by_role("link", name="Log in").or_(page.get_by_role("button", name="Log in")).wait_for()
