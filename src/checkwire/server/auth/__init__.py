"""Who may do what: tokens and sessions, and what every request must respect."""

from checkwire.server.auth.auth import Auth, LoginNeeded
from checkwire.server.auth.first_token import first_token
from checkwire.server.auth.principal import SCOPES, Principal, Scope

__all__ = ["SCOPES", "Auth", "LoginNeeded", "Principal", "Scope", "first_token"]
