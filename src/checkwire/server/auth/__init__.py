"""Who may do what: tokens and sessions, and what every request must respect."""

from checkwire.server.auth.auth import Auth, LoginNeeded
from checkwire.server.auth.first_token import first_token
from checkwire.server.auth.login import LoginForm, create_login
from checkwire.server.auth.principal import SCOPES, Principal, Scope

__all__ = [
    "SCOPES",
    "Auth",
    "LoginForm",
    "LoginNeeded",
    "Principal",
    "Scope",
    "create_login",
    "first_token",
]
