"""What a hub is told."""

import pytest
from portico.hub.config import content_security_policy, hub_address_for_labs
from portico.settings.models import IdentityProvider


def provider(authorize: str, logout: str | None = None) -> IdentityProvider:
    return IdentityProvider(title="x", authorize_url=authorize, token_url="http://i/t", userinfo_url="http://i/u", logout_url=logout)


@pytest.mark.parametrize(
    ("authorize", "logout", "form"),
    [
        ("https://id.example.org/auth", None, "form-action 'self' https://id.example.org;"),
        ("https://id.example.org/auth", "https://id.example.org/out", "form-action 'self' https://id.example.org;"),
        ("http://a:1/auth", "http://b:2/out", "form-action 'self' http://a:1 http://b:2;"),
    ],
)
def test_forms_lead_to_the_portal_and_the_identity_provider_only(authorize: str, logout: str | None, form: str) -> None:
    policy = content_security_policy(provider(authorize, logout))
    assert form in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("host", "address"),
    [("juniq.localhost", None), ("localhost", None), ("127.0.0.1", None), ("juniq.example.org", "https://juniq.example.org")],
)
def test_labs_find_the_hub_at_the_portals_address_unless_it_is_this_machines_own(host: str, address: str | None) -> None:
    class Entry:
        pass

    class Portal:
        entry = Entry()

    Portal.entry.host = host  # type: ignore[attr-defined]
    Portal.address = f"https://{host}"  # type: ignore[attr-defined]
    assert hub_address_for_labs(Portal()) == address  # type: ignore[arg-type]
