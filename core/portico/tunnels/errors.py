"""What can go wrong with a tunnel, each as one sentence that an operator or a user can act on.

Both drivers raise the same errors with the same sentences, so that nobody has to know which of them was at work.
"""

from __future__ import annotations

from enum import StrEnum

from portico.settings.models import LoginNode
from portico.words import Sentence, say


class TunnelError(Exception):
    """A tunnel can't be had; the text is a sentence."""

    @property
    def sentence(self) -> str:
        """The text; a `Sentence` where users may read it."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class TargetError(TunnelError, ValueError):
    """The target isn't one that may be forwarded to."""


class PortTakenError(TunnelError):
    """Somebody else listens on the local port."""


class ConnectionLostError(TunnelError):
    """The connection to the login node ended while it was needed."""


class Trouble(StrEnum):
    """Why there is no connection to a login node."""

    KEY_CHANGED = "key-changed"
    KEY_UNKNOWN = "key-unknown"
    DENIED = "denied"
    KEY_UNUSABLE = "key-unusable"
    NO_CLIENT = "no-client"
    UNRESOLVED = "unresolved"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    CLOSED = "closed"
    LOST = "lost"
    OTHER = "other"

    @property
    def needs_operator(self) -> bool:
        """Whether it stays until somebody changes something, so that asking again and again only fills the site's logs."""
        return self in {Trouble.KEY_CHANGED, Trouble.KEY_UNKNOWN, Trouble.DENIED, Trouble.KEY_UNUSABLE, Trouble.NO_CLIENT}


_SENTENCES = {
    Trouble.KEY_CHANGED: (
        "tunnel_key_changed",
        "The host key of the login node {at} has changed; nothing is forwarded until the operator has checked it.",
    ),
    Trouble.KEY_UNKNOWN: (
        "tunnel_key_unknown",
        "The host key of the login node {at} is not on record; the operator must add it to the known hosts file.",
    ),
    Trouble.DENIED: (
        "tunnel_denied",
        "The login node {at} refused the key of user {user}: permission denied.",
    ),
    Trouble.KEY_UNUSABLE: (
        "tunnel_key_unusable",
        "The private key for the login node {at} can't be used: only its owner may read it, without a passphrase.",
    ),
    Trouble.NO_CLIENT: (
        "tunnel_no_client",
        "There is no ssh client on this machine; install OpenSSH's, or choose the driver sshtunnel.",
    ),
    Trouble.UNRESOLVED: (
        "tunnel_unresolved",
        "The name of the login node {at} can't be resolved.",
    ),
    Trouble.REFUSED: (
        "tunnel_refused",
        "The login node {at} refused the connection; its SSH server is down.",
    ),
    Trouble.TIMED_OUT: (
        "tunnel_timed_out",
        "The login node {at} did not answer in time.",
    ),
    Trouble.UNREACHABLE: (
        "tunnel_unreachable",
        "There is no route to the login node {at}.",
    ),
    Trouble.CLOSED: (
        "tunnel_closed",
        "The login node {at} closed the connection before the login was done.",
    ),
    Trouble.LOST: (
        "tunnel_lost",
        "The connection to the login node {at} was lost.",
    ),
    Trouble.OTHER: (
        "tunnel_other",
        "There is no connection to the login node {at}.",
    ),
}


class LoginNodeError(TunnelError):
    """There is no connection to the login node; `trouble` says of which kind."""

    def __init__(self, trouble: Trouble, login_node: LoginNode) -> None:
        super().__init__(sentence(trouble, login_node))
        self.trouble = trouble


def sentence(trouble: Trouble, login_node: LoginNode) -> Sentence:
    """The sentence that people read."""
    return say(*_SENTENCES[trouble], at=f"{login_node.host}:{login_node.port}", user=login_node.user)
