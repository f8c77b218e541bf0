"""An ``ApiCheck`` or ``UrlMonitor`` as a declared check with one HTTP request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from checkwire.importers.checkly.assertions import expected
from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Gap
from checkwire.importers.checkly.variables import Variables, is_sensitive

__all__ = ["request_of"]

_METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")
_TIMES: Final = {"ApiCheck": (10_000, 20_000), "UrlMonitor": (3_000, 5_000)}
"""Milliseconds from which a check is degraded, and fails, if it does not say."""
_ROOM: Final = 20_000
"""Milliseconds; a slower answer needs a longer timeout of the check than the usual one."""
_SCHEME: Final = re.compile(r"^(Bearer|Basic|Token|ApiKey|Digest)\s*$", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


def request_of(
    check: Effective, variables: Variables
) -> tuple[dict[str, Any] | None, dict[str, Any], list[Gap]]:
    """The step that sends the request; further options of the check; and what has no equal.

    The step is ``None`` if there is no saying it.
    """
    return _Request(check, variables).read()


class _Request:
    def __init__(self, check: Effective, variables: Variables) -> None:
        self._check = check
        self._variables = variables
        request = check.get("request")
        self._given: dict[str, Any] = dict(request) if isinstance(request, dict) else {}
        self._shared = self._of_group()
        self._place = check.place("request")
        self._gaps: list[Gap] = []

    def read(self) -> tuple[dict[str, Any] | None, dict[str, Any], list[Gap]]:
        method = str(self._given.get("method") or "GET").lower()
        url = self._given.get("url")
        if self._shared.get("url") and isinstance(url, str):
            url = url.replace("{{GROUP_BASE_URL}}", self._shared["url"])
        if method not in _METHODS or not isinstance(url, str) or not url:
            self._gap("", "it has no URL, or a method that is not known", "write the check by hand")
            return None, {}, self._gaps
        step: dict[str, Any] = {}
        try:
            step[method] = self._variables.text(url, self._place)
        except ValueError as error:
            self._gap("", f"its URL: {error}", "write the check in Python: docs/http.md")
            return None, {}, self._gaps
        if "@" in urlsplit(step[method]).netloc and "${" not in urlsplit(step[method]).netloc:
            self._gap("", "its URL has a password in it", "use basicAuth, and import again")
            return None, {}, self._gaps
        self._fields(step)
        self._body(step)
        self._auth(step)
        if self._given.get("followRedirects") is not False:
            step["follow_redirects"] = True
        if self._given.get("skipSSL"):
            step["tls"] = {"verify": False}
        if self._given.get("ipFamily") == "IPv6":
            why = "which of its addresses a name is reached by is not chosen here"
            self._gap("ipFamily", why, "use a name that has IPv6 addresses only")
        options = self._judged(step)
        self._scripts()
        return step, options, self._gaps

    def _of_group(self) -> dict[str, Any]:
        group = self._check.group
        found = group.props.get("apiCheckDefaults") if group is not None else None
        return found if isinstance(found, dict) else {}

    def _gap(self, key: str, why: str, todo: str) -> None:
        place = self._check.place(key) if key else self._place
        what = f"{key} of {self._check.shown}" if key else self._check.shown
        self._gaps.append(Gap(place, what, why, todo))

    # What is sent

    def _fields(self, step: dict[str, Any]) -> None:
        for ours, theirs in (("headers", "headers"), ("params", "queryParameters")):
            pairs = [*(self._shared.get(theirs) or ()), *(self._given.get(theirs) or ())]
            found: dict[str, str] = {}
            for one in pairs:
                if not isinstance(one, dict) or not one.get("key"):
                    continue
                if one["key"] in found and ours == "params":
                    why = f"{one['key']} comes twice, and a parameter has one value here"
                    self._gap(theirs, why, "write it into the URL")
                text = self._pair(one, theirs)
                if text is not None:
                    found[str(one["key"])] = text
            if found:
                step[ours] = found

    def _pair(self, one: dict[str, Any], key: str) -> str | None:
        name, value = str(one["key"]), str(one.get("value") or "")
        hidden = bool(one.get("secret") or one.get("locked")) or is_sensitive(name)
        return self._said(key, name, value, hidden=hidden)

    def _said(self, key: str, name: str, value: str, *, hidden: bool) -> str | None:
        """A text as it is written: as the name of a secret, if it is one."""
        try:
            text = self._variables.text(value, self._place)
        except ValueError as error:
            self._gap(key, f"{name}: {error}", "write the check in Python: docs/http.md")
            return None
        rest = _VARIABLE.sub("", text).strip()
        if not hidden or not rest or ("${" in text and _SCHEME.match(rest)):
            return text
        scheme, blank, secret = value.partition(" ")
        if not blank or not _SCHEME.match(scheme):
            scheme, secret = "", value
        named = f"{self._check.construct.id}_{name}".upper()
        self._variables.hide(secret)
        where = self._variables.secret(named, self._place)
        self._gap(
            key,
            f"the value of {name} stands in the project's code, and no secret is written",
            f"set {where} in the environment, or: checkwire secret set {where}",
        )
        return f"{scheme} ${{secret:{where}}}".strip()

    def _auth(self, step: dict[str, Any]) -> None:
        auth = self._given.get("basicAuth") or self._shared.get("basicAuth")
        if not isinstance(auth, dict) or not auth.get("username"):
            return
        user = self._said("basicAuth", "username", str(auth["username"]), hidden=False)
        given = str(auth.get("password") or "")
        password = self._said("basicAuth", "password", given, hidden=True)
        if user is not None and password is not None:
            step["auth"] = {"user": user, "password": password}

    def _body(self, step: dict[str, Any]) -> None:
        body = self._given.get("body")
        kind = self._given.get("bodyType") or "NONE"
        if not isinstance(body, str) or not body or kind == "NONE":
            return
        translate: Callable[[str], str] = lambda text: self._variables.text(text, self._place)  # noqa: E731
        media = None
        try:
            if kind == "JSON":
                if (value := _as_json(body)) is not None:
                    step["json"] = _within(value, translate)
                    return
                media = "application/json"
            elif kind == "GRAPHQL":
                step["json"] = {"query": translate(body)}
                return
            elif kind == "FORM":
                pairs = parse_qsl(body, keep_blank_values=True)
                if pairs and len(dict(pairs)) == len(pairs):
                    step["form"] = {name: translate(value) for name, value in pairs}
                    return
                media = "application/x-www-form-urlencoded"
            step["body"] = translate(body)
        except ValueError as error:
            self._gap("body", str(error), "write the check in Python: docs/http.md")
            return
        names = {name.lower() for name in step.get("headers", {})}
        if media is not None and "content-type" not in names:
            step.setdefault("headers", {})["Content-Type"] = media

    # What is expected

    def _judged(self, step: dict[str, Any]) -> dict[str, Any]:
        check = self._check
        assertions = [
            one
            for one in (
                *(self._shared.get("assertions") or ()),
                *(self._given.get("assertions") or ()),
            )
            if isinstance(one, dict)
        ]
        place = check.place("assertions")
        want, gaps = expected(assertions, place, check.shown, self._variables)
        self._gaps.extend(gaps)
        if want.status is not None:
            step["status"] = want.status
        if check.get("shouldFail") and (want.status or 0) < 400:
            why = "here the status that is right is named"
            self._gap("shouldFail", why, "write status = 404, say, into its step")
        if want.body:
            step["expect"] = want.body
        usual = _TIMES[check.kind]
        degraded = check.get("degradedResponseTime") or usual[0]
        failed = min(check.get("maxResponseTime") or usual[1], want.within or 10**9)
        step["within"] = _milliseconds(failed)
        if degraded < failed:
            step["degraded"] = _milliseconds(degraded)
        return {"timeout": _milliseconds(failed + 10_000)} if failed > _ROOM else {}

    def _scripts(self) -> None:
        for key, local in (
            ("setupScript", "localSetupScript"),
            ("tearDownScript", "localTearDownScript"),
        ):
            for name in (key, local):
                if self._check.get(name) or (
                    self._check.group and self._check.group.props.get(name)
                ):
                    why = "no script runs before or after a request that is declared"
                    todo = "checkwire eject the check, and write in Python what the script does"
                    self._gap(name, why, todo)


def _as_json(text: str) -> Any:
    """A body's value, if TOML has one that is equal."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) and _is_equal(value) else None


def _is_equal(value: Any) -> bool:
    """Whether TOML has the value: it has no null, and integers of 64 bits."""
    if isinstance(value, dict):
        return all(map(_is_equal, value.values()))
    if isinstance(value, list):
        return all(map(_is_equal, value))
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is not None


def _within(value: Any, translate: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _within(one, translate) for key, one in value.items()}
    if isinstance(value, list):
        return [_within(one, translate) for one in value]
    return translate(value) if isinstance(value, str) else value


def _milliseconds(count: float) -> str:
    return f"{count / 1000:g}s" if count % 1000 == 0 else f"{count:g}ms"
