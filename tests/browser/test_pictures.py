"""Every page at three widths, light and dark: nothing scrolls sideways, nothing fails to load, and pictures are kept to be judged."""

from __future__ import annotations

import pytest

from tests.browser import person

pytestmark = pytest.mark.browser

WIDTHS = (1440, 768, 390)
OWN_PAGES = {"juniq": "systems", "coec": "codes", "eurocc": "training"}


def look(page, address, name, artifacts, *, scheme, expected=200):
    """Go there, check, and keep a picture at each width."""
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    answer = page.goto(address)
    assert answer.status == expected
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=artifacts / f"{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (name, width)
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (name, 320)
    # A browser reports the page's own status as an error too, where that is what was asked for.
    assert [text for text in problems if expected == 200 or "status of" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tenant", list(person.USERS))
def test_every_page_of_a_portal_fits_every_width(installation, visit, artifacts, tenant, scheme):
    base = installation.address(tenant)
    page = visit(scheme=scheme)
    look(page, f"{base}/hub/login", f"{tenant}-landing", artifacts, scheme=scheme)
    look(page, f"{base}/hub/page/{OWN_PAGES[tenant]}", f"{tenant}-{OWN_PAGES[tenant]}", artifacts, scheme=scheme)
    page = visit(scheme=scheme)
    look(page, f"{base}/hub/no-such-page", f"{tenant}-error", artifacts, scheme=scheme, expected=404)
    page = visit(scheme=scheme)
    person.log_in(page, installation, tenant, person.USERS[tenant])
    look(page, f"{base}/hub/home", f"{tenant}-home", artifacts, scheme=scheme)
    page.set_viewport_size({"width": 1440, "height": 900})
    # The start page, held at its first steps: the browser hears nothing of what follows.
    page.route("**/events", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/hub/labs/*")
    name = page.url.rsplit("/", 1)[1]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=artifacts / f"{tenant}-start-{width}-{scheme}.png", full_page=True)
    page.unroute("**/events")
    page.reload()
    page.wait_for_url("**/user/**")
    look(visit_home(page, base), f"{base}/hub/home", f"{tenant}-home-running", artifacts, scheme=scheme)
    page.set_viewport_size({"width": 1440, "height": 900})
    person.stop(page, installation, tenant, name)


def visit_home(page, base):
    """Leave JupyterLab, whose own messages are none of the portal's."""
    page.goto(f"{base}/hub/home")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_identity_providers_page_fits_every_width(installation, visit, artifacts, scheme):
    page = visit(scheme=scheme)
    look(page, installation.address("juniq") + "/hub/oauth_login", "sign-in", artifacts, scheme=scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_operators_page_fits_every_width(installation, chromium, artifacts, scheme):
    password = (installation.state / "secrets" / "operator-password").read_text().strip()
    context = chromium.new_context(http_credentials={"username": "operator", "password": password}, color_scheme=scheme)
    look(context.new_page(), f"http://portico.localhost:{installation.port}/", "operator", artifacts, scheme=scheme)
    context.close()
