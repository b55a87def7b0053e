"""What can go wrong with a tunnel, each as one sentence that an operator or a user can act on.

Both drivers raise the same errors with the same sentences, so that nobody has to know which of them was at work.
"""

from __future__ import annotations

from enum import StrEnum

from portico.settings.models import LoginNode


class TunnelError(Exception):
    """A tunnel can't be had; the text is a sentence."""


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
    Trouble.KEY_CHANGED: "The host key of the login node {at} has changed; nothing is forwarded until the operator has checked it.",
    Trouble.KEY_UNKNOWN: "The host key of the login node {at} is not on record; the operator must add it to the known hosts file.",
    Trouble.DENIED: "The login node {at} refused the key of user {user}: permission denied.",
    Trouble.KEY_UNUSABLE: "The private key for the login node {at} can't be used: only its owner may read it, without a passphrase.",
    Trouble.NO_CLIENT: "There is no ssh client on this machine; install OpenSSH's, or choose the driver sshtunnel.",
    Trouble.UNRESOLVED: "The name of the login node {at} can't be resolved.",
    Trouble.REFUSED: "The login node {at} refused the connection; its SSH server is down.",
    Trouble.TIMED_OUT: "The login node {at} did not answer in time.",
    Trouble.UNREACHABLE: "There is no route to the login node {at}.",
    Trouble.CLOSED: "The login node {at} closed the connection before the login was done.",
    Trouble.LOST: "The connection to the login node {at} was lost.",
    Trouble.OTHER: "There is no connection to the login node {at}.",
}


class LoginNodeError(TunnelError):
    """There is no connection to the login node; `trouble` says of which kind."""

    def __init__(self, trouble: Trouble, login_node: LoginNode) -> None:
        super().__init__(sentence(trouble, login_node))
        self.trouble = trouble


def sentence(trouble: Trouble, login_node: LoginNode) -> str:
    """The sentence that people read."""
    return _SENTENCES[trouble].format(at=f"{login_node.host}:{login_node.port}", user=login_node.user)
