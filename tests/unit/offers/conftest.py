"""One small world: two systems, one tenant, and a claim that reaches both."""

from collections.abc import Callable
from pathlib import Path

import pytest
from portico import api
from portico.offers import draw, parse_accounts
from portico.settings.models import Settings
from portico.tenants.bundle import Tenant
from portico.tenants.views import Offer

DrawOffer = Callable[..., Offer]

CLAIM = ["mueller1,jusuf,ctest,m@example.org", "mueller1,jusuf-gpu,ctest,m@example.org", "mueller1,deep,training7,m@example.org"]


def make_settings(**tenant: object) -> Settings:
    login_node = {"host": "login", "user": "portico", "key_file": "/k", "known_hosts_file": "/h"}
    lab = {"name": "jupyterlab", "title": "JupyterLab", "command": ["jupyter"]}
    return Settings.model_validate(
        {
            "state": "/nowhere",
            "gateway": {"auth_token_file": "/t"},
            "backend": {"database_url": "sqlite://", "operator_token_file": "/t", "encryption_key_file": "/t"},
            "identity_provider": {
                "title": "The demo's",
                "authorize_url": "http://idp/a",
                "token_url": "http://idp/t",
                "userinfo_url": "http://idp/u",
            },
            "account_keys": {
                "jusuf": {"system": "jusuf", "partitions": ["batch"]},
                "jusuf-gpu": {"system": "jusuf", "partitions": ["gpus"]},
                "deep": {"system": "deep", "partitions": ["dp-cn"]},
            },
            "systems": [
                {
                    "name": "jusuf",
                    "title": "JUSUF",
                    "url": "https://jusuf/rest",
                    "login_node": login_node,
                    "profiles": [lab, {"name": "quantum", "title": "Quantum", "command": ["jupyter"]}],
                    "partitions": [
                        {"name": "batch", "nodes": {"minimum": 1, "maximum": 4, "default": 1}},
                        {"name": "gpus", "title": "GPU nodes", "gpus": {"minimum": 1, "maximum": 4, "default": 2}},
                        {"name": "large"},
                    ],
                },
                {
                    "name": "deep",
                    "title": "DEEP",
                    "url": "https://deep/rest",
                    "login_node": login_node,
                    "profiles": [lab],
                    "partitions": [{"name": "dp-cn", "runtime": {"minimum": 10, "maximum": 120, "default": 30}}],
                },
            ],
            "tenants": [
                {
                    "name": "juniq",
                    "host": "juniq.localhost",
                    "repository": "/r",
                    "client_id": "juniq",
                    "client_secret_file": Path("/s"),
                    "backend_token_file": "/s",
                    "cookie_secret_file": "/s",
                    "crypt_key_file": "/s",
                    "grants": [{"system": "jusuf"}, {"system": "deep"}],
                    **tenant,
                }
            ],
        }
    )


@pytest.fixture
def draw_offer() -> DrawOffer:
    """Draw the offer of a claim: keywords replace parts of the small world."""

    def make(
        claim: object = CLAIM,
        *,
        groups: tuple[str, ...] = (),
        entry: dict[str, object] | None = None,
        down: dict[str, str] | None = None,
        **tenant: object,
    ) -> Offer:
        settings = make_settings(**(entry or {}))
        systems = {
            name: api.System(name=name, title=name, kind="unicore", health=api.Health.DOWN, message=message)
            for name, message in (down or {}).items()
        }
        return draw(
            accounts=parse_accounts(claim, settings.account_keys).entries,
            groups=groups,
            tenant=Tenant.model_validate({"title": "JUNIQ", "contact": "mailto:help@juniq.example", **tenant}),
            entry=settings.tenants[0],
            settings=settings,
            systems=systems,
        )

    return make
