"""All of one hub's configuration: JupyterHub's documented options, and nothing else of it is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from traitlets.config import Config

from portico.auth.authenticator import PorticoAuthenticator
from portico.gateway.proxy import HostRoutingProxy
from portico.hub.access import record
from portico.hub.facade import Facade
from portico.hub.handlers import rest, table
from portico.hub.pages import Pages
from portico.hub.portal import Portal, secret
from portico.settings.models import IdentityProvider, Settings
from portico.spawner.spawner import PorticoSpawner
from portico.words import said

REFRESH_AGE = 60
"""Seconds after which claims are asked again: a group that was taken away works no longer than this."""
QUEUE = 14 * 24 * 3600
"""Seconds that a start may take: a lab may wait in a batch queue for days, and the site's own limits end it."""
CHECK_ROUTES = 5
"""Seconds between two looks whether the gateway has this hub's routes: a gateway that was restarted has none."""


def configure(settings: Settings, tenant: str, *, hub_port: int) -> Config:
    """The configuration of this tenant's hub, which listens on `hub_port` of loopback. Reads the tenant's secrets from their files."""
    portal = Portal(settings, tenant)
    home = settings.state / "hubs" / tenant
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = Config()
    config.JupyterHub.update(_hub(portal, home, hub_port))
    config.CryptKeeper.keys = secret(portal.entry.crypt_key_file).split()
    config.CryptKeeper.n_threads = 1
    config.HostRoutingProxy.host = portal.entry.host
    config.HostRoutingProxy.api_url = f"http://127.0.0.1:{settings.gateway.api_port}"
    config.HostRoutingProxy.auth_token = secret(settings.gateway.auth_token_file)
    config.PorticoAuthenticator.update(_authenticator(portal))
    config.PorticoSpawner.update(_spawner(portal))
    return config


def content_security_policy(provider: IdentityProvider) -> str:
    """What the portal's pages may load: their own files. A form may lead to the identity provider: logging out is one."""
    places = dict.fromkeys(
        f"{url.scheme}://{url.netloc}" for url in map(urlsplit, (provider.authorize_url, provider.logout_url or "")) if url.netloc
    )
    return "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            f"form-action 'self' {' '.join(places)}",
            "frame-ancestors 'none'",
        )
    )


def hub_address_for_labs(portal: Portal) -> str | None:
    """Where labs find the hub's API: at the portal's address, except on one machine, where names below .localhost need not resolve.

    None means the hub's own port on loopback.
    """
    local = portal.entry.host.endswith("localhost") or portal.entry.host.startswith("127.")
    return None if local else portal.address


def _hub(portal: Portal, home: Path, hub_port: int) -> dict[str, Any]:
    pages = Pages(portal)
    facade = Facade(pages)
    return {
        "config_file": str(_empty(home / "jupyterhub_config.py")),
        "db_url": f"sqlite:///{home / 'jupyterhub.sqlite'}",
        "upgrade_db": True,
        "cookie_secret_file": str(portal.entry.cookie_secret_file),
        "bind_url": portal.address,
        "public_url": f"{portal.address}/",
        "hub_ip": "127.0.0.1",
        "hub_port": hub_port,
        "default_url": "/hub/home",
        "redirect_to_server": False,
        "extra_handlers": rest(),
        "proxy_class": HostRoutingProxy,
        "authenticator_class": PorticoAuthenticator,
        "spawner_class": PorticoSpawner,
        "allow_named_servers": True,
        "named_server_limit_per_user": portal.entry.lab_limit,
        # Nobody is JupyterHub's admin: a tenant's admin is trusted with the look. An empty list takes away what was granted once.
        "load_roles": [{"name": "admin", "users": []}],
        "cleanup_servers": False,
        "cleanup_proxy": False,
        # A lab that waits in a batch queue counts as "starting"; how many may is the sites' and the backend's to limit.
        "concurrent_spawn_limit": 0,
        "init_spawners_timeout": 1,
        "last_activity_interval": CHECK_ROUTES,
        "service_check_interval": 0,
        "tornado_settings": {
            "portal": portal,
            "pages": pages,
            "jinja2_env": facade,
            "jinja2_env_sync": facade,
            "headers": {
                "Content-Security-Policy": content_security_policy(portal.settings.identity_provider),
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "same-origin",
            },
            "cookie_options": {"samesite": "Lax"},
            "slow_spawn_timeout": 1,
            "slow_stop_timeout": 1,
            "log_function": record,
        },
    }


def _empty(file: Path) -> Path:
    """A file that JupyterHub may read in place of whatever lies in the working directory: it wants one."""
    file.write_text("# Written at each start. This hub is configured by portico.toml.\n", encoding="utf-8")
    return file


def _authenticator(portal: Portal) -> dict[str, Any]:
    provider = portal.settings.identity_provider
    request: dict[str, Any] = {"connect_timeout": 3.0, "request_timeout": 10.0}
    if provider.ca_file:
        request["ca_certs"] = str(provider.ca_file)
    return {
        "client_id": portal.entry.client_id,
        "client_secret": secret(portal.entry.client_secret_file),
        "oauth_callback_url": f"{portal.address}/hub/oauth_callback",
        "authorize_url": provider.authorize_url,
        "token_url": provider.token_url,
        "userdata_url": provider.userinfo_url,
        "end_session_url": provider.logout_url or "",
        "landing_url": f"{portal.address}/hub/login",
        "login_service": said(provider.title, "en"),
        "scope": provider.scopes,
        "username_claim": provider.username_claim,
        "groups_claim": provider.groups_claim,
        "accounts_claim": provider.accounts_claim,
        "http_request_kwargs": request,
        "always_in": set(portal.entry.admins),
        "auth_refresh_age": REFRESH_AGE,
        "custom_403_message": "This portal does not let you in.",
        "access": portal.access,
        "page_handlers": table(),
    }


def _spawner(portal: Portal) -> dict[str, Any]:
    return {
        "backend": portal.backend,
        "desk": portal.desk,
        "start_timeout": QUEUE,
        "http_timeout": 60,
        "poll_interval": 30,
        "hub_connect_url": hub_address_for_labs(portal),
    }
