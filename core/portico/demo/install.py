"""Write a demo's keys and configuration below the state directory.

Keys and secrets are made once and kept, so that a second `up` finds known hosts, sessions and labs as they were. Configuration files are
written each time, since they follow from the plan.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID

from portico.demo.nodes.egress import write_ports
from portico.demo.plan import DemoPlan

COUNTRY, ORGANISATION = "EU", "Demo"
_YEARS = 10


def install(plan: DemoPlan, *, client_secret_files: dict[str, Path]) -> None:
    """Make the demo ready to start. `client_secret_files`: for each tenant, the file that holds its OpenID Connect client's secret."""
    for name in ("", "ssh", "site", "nodes", "identity"):
        (plan.directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    write_ssh_keys(plan.directory / "ssh", port=plan.ssh_port)
    write_server_credential(plan.directory / "site")
    secret = _kept_secret(plan.directory / "nodes" / "secret")
    addresses = {name: loopback_address(secret, name) for name in plan.node_names}
    plan.provider_config(client_secret_files).write(plan.config_file("identity-provider"))
    write_ports(plan.egress_file, plan.egress())
    plan.site_config(addresses).write(plan.config_file("site"))
    plan.login_node_config().write(plan.config_file("login-node"))


def write_ssh_keys(directory: Path, *, port: int) -> None:
    """`host_key`, `tunnel_key` (+ `.pub`) and `known_hosts` with the login node's line."""
    host = _kept_ssh_key(directory / "host_key", comment="")
    _kept_ssh_key(directory / "tunnel_key", comment="tunnel-manager")
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {host}\n", encoding="utf-8")


def _kept_ssh_key(path: Path, *, comment: str) -> str:
    """Make an Ed25519 key pair where there is none; the public key in OpenSSH's format."""
    if not path.exists():
        key = ed25519.Ed25519PrivateKey.generate()
        _write_private(
            path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        )
    loaded = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    public = loaded.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    path.with_suffix(".pub").write_text(f"{public} {comment}".rstrip() + "\n", encoding="utf-8")
    return public


def write_server_credential(directory: Path) -> None:
    """`key.pem` and a self-signed `certificate.pem`: with them the site signs notifications and tokens."""
    if (directory / "certificate.pem").exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, "localhost"),
        ]
    )
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=365 * _YEARS))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    _write_private(
        directory / "key.pem",
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def loopback_address(secret: bytes, node: str) -> str:
    """An address of 127.0.0.0/8 that nobody guesses: 24 bits that follow from the secret and the node's name."""
    first, second, third = hmac.digest(secret, node.encode(), hashlib.sha256)[:3]
    return f"127.{1 + first % 254}.{second}.{1 + third % 254}"


def _kept_secret(path: Path) -> bytes:
    if not path.exists():
        _write_private(path, secrets.token_bytes(32))
    return path.read_bytes()


def _write_private(path: Path, content: bytes) -> None:
    """Whole and for the owner only, or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.rename(path)
