"""What a user may start: pure functions from accounts, tenant filters and catalogue to an offer, and from a wish to a choice.

`draw` makes the offer that the form shows, `check` holds a wish against the same offer when it is sent, `read` turns what a browser or a
script sent into a wish, `propose` fills the form. Nothing here talks to anybody: the same input gives the same answer.
"""

from portico.offers.accounts import Account, Accounts, parse_accounts
from portico.offers.check import check, propose
from portico.offers.draw import draw
from portico.offers.wish import Refusal, Refused, Wish, read

__all__ = ["Account", "Accounts", "Refusal", "Refused", "Wish", "check", "draw", "parse_accounts", "propose", "read"]
