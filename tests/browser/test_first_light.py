"""A person logs in at each portal, starts a lab, computes in it, stops it, logs out; twice; and two at a time."""

from __future__ import annotations

import pytest

from tests.browser import person

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("tenant", list(person.USERS))
def test_a_lab_computes_at_each_portal_twice_in_a_row(installation, visit, tenant):
    page = visit()
    for _ in range(2):
        person.log_in(page, installation, tenant, person.USERS[tenant])
        name = person.start(page)
        assert person.compute(page) == "42"
        person.stop(page, installation, tenant, name)
        person.log_out(page)


def test_two_users_work_side_by_side_at_two_portals(installation, visit):
    quantum, flame = visit(), visit()
    person.log_in(quantum, installation, "juniq", "qubit")
    person.log_in(flame, installation, "coec", "flame")
    first, second = person.start(quantum), person.start(flame)
    assert person.compute(quantum) == "42"
    assert person.compute(flame) == "42"
    assert "juniq.localhost" in quantum.url
    assert "coec.localhost" in flame.url
    person.stop(quantum, installation, "juniq", first)
    person.stop(flame, installation, "coec", second)


def test_a_user_without_an_account_reads_why_and_whom_to_ask(installation, visit):
    page = visit()
    person.log_in(page, installation, "juniq", "guest")
    assert page.get_by_role("button", name="Start").count() == 0
    assert page.locator('main a[href^="mailto:"]').count() >= 1


def test_a_wrong_password_gets_a_sentence_and_another_try(installation, visit):
    page = visit()
    page.goto(installation.address("eurocc") + "/")
    page.get_by_role("link", name="Log in").or_(page.get_by_role("button", name="Log in")).click()
    person.sign_in(page, "teach", "not the password")
    assert page.get_by_role("alert").inner_text()
    person.sign_in(page, "teach", installation.password("teach"))
    page.wait_for_url("**/hub/home")
