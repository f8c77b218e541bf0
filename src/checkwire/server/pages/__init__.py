"""The pages: rendered on the server, useful without scripts, live with them. See docs/pages.md."""

from checkwire.server.pages.errors import error_page
from checkwire.server.pages.login import draw_login
from checkwire.server.pages.routes import create_pages

__all__ = ["create_pages", "draw_login", "error_page"]
