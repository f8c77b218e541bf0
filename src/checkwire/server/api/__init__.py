"""The REST API under ``/api/v1``, see docs/api.md."""

from checkwire.server.api.app import create_api, create_app

__all__ = ["create_api", "create_app"]
