"""The description of the API, and whether it holds: Schemathesis asks all that it allows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import msgspec
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from checkwire.model.attempt import Run
from checkwire.model.explanations import FAMILIES
from checkwire.model.failures import CODES
from checkwire.server.api import create_app
from checkwire.server.auth import Auth
from checkwire.server.auth.limits import FailureLimit
from checkwire.store import incidents, registry
from support.sentences import fits
from support.server.running import Running
from support.server.shop import BOOKS, shop, token

_UNTOLD = ("malformed_cursor", "malformed_event_id", "empty_period")
"""Problems of what no schema can tell from what is right."""

METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "trace"}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose streams end at once, since it says that it stops; it wants tokens."""
    patient = FailureLimit(capacity=1_000_000, clock=lambda: 0.0)
    with shop(tmp_path_factory.mktemp("shop"), required=True, limit=patient) as running:
        running.call(running.monitor.stopping.set)
        running.call(running.monitor.stopped.set)
        yield running


@pytest.fixture(scope="module")
def document(reading: Running) -> dict[str, Any]:
    found: dict[str, Any] = reading.get("/api/v1/openapi.json").json
    return found


@pytest.fixture(scope="module")
def admin(stopped: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(stopped, 'admin')}"}


@pytest.fixture(scope="module")
def there(stopped: Running, admin: dict[str, str]) -> dict[str, str]:
    """What addresses can name."""
    (run,) = stopped.ask("GET", "/api/v1/runs?status=degraded", headers=admin).json["items"]

    async def down() -> str:
        async with stopped.store.writing() as tx:
            check = await registry.get_check(tx, BOOKS)
            assert check is not None
            incident = await incidents.open_incident(
                tx, check_id=check.id, began_ns=1, opened_ns=2, opened_by=run["run_id"]
            )
            assert incident is not None
            return incident.id

    return {
        "uid": BOOKS,
        "key": "shop",
        "channel": "hook",
        "run_id": run["run_id"],
        "incident_id": stopped.do(down()),
    }


nobody: Any = None
schema = schemathesis.openapi.from_dict(create_app(nobody, Auth(nobody, True)).openapi())


@schema.parametrize()
@hypothesis.settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_whatever_is_asked_the_answer_is_as_described(
    case: schemathesis.Case, stopped: Running, admin: dict[str, str], there: dict[str, str]
) -> None:
    _ask(case, stopped, admin)
    if case.path_parameters:
        # Whatever else is asked, now of things that are there.
        case.path_parameters = {name: there[name] for name in case.path_parameters}
        _ask(case, stopped, admin)


def _ask(case: schemathesis.Case, server: Running, headers: dict[str, str]) -> None:
    response = case.call(base_url=server.url, headers=headers)
    excluded = []
    if response.status_code == 400 and any(kind in response.text for kind in _UNTOLD):
        excluded.append(positive_data_acceptance)
    if case.path == "/readyz":
        excluded.append(not_a_server_error)  # It says that it stops.
    case.validate_response(response, excluded_checks=excluded)


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    OPENAPI_31_VALIDATOR.validate(document)
    assert document["openapi"].startswith("3.1")


def test_no_reference_leads_nowhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for one in value.values():
                yield from references(one)
        elif isinstance(value, list):
            for one in value:
                yield from references(one)

    found = set(references(document))
    schemas = document["components"]["schemas"]
    assert found == {f"#/components/schemas/{name}" for name in schemas}
    assert "x-component" not in msgspec.json.encode(document).decode()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def test_everything_is_described(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for name, operation in operations(document):
        assert operation["description"].endswith("."), name
        assert set(operation["tags"]) <= tags, name
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "path":
                assert parameter.get("description"), (name, parameter["name"])


def test_every_object_of_ours_has_examples_or_descriptions(document: dict[str, Any]) -> None:
    for name, component in document["components"]["schemas"].items():
        assert component.get("description"), name


def test_errors_are_problems_everywhere(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and "/api/v1" in name:
                assert list(response["content"]) == ["application/problem+json"], (name, status)


def test_all_but_health_needs_a_token_by_the_document(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        wanted = (
            [] if name.endswith(("/healthz", "/readyz")) else [["HTTPBearer"], ["APIKeyCookie"]]
        )
        assert [list(one) for one in operation.get("security", ())] == wanted, name


def test_the_transcript_is_described_as_the_model_has_it(document: dict[str, Any]) -> None:
    transcript = document["components"]["schemas"]["Transcript"]
    assert set(transcript["properties"]) == set(Run.__struct_fields__)


def test_examples_name_codes_that_exist_and_say_what_these_say(document: dict[str, Any]) -> None:
    def examples(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield from value.get("examples", ()) if isinstance(value.get("examples"), list) else ()
            yield from (value["example"],) if "example" in value else ()
            for one in value.values():
                yield from examples(one)
        elif isinstance(value, list):
            for one in value:
                yield from examples(one)

    every = list(examples(document))
    named = set(re.findall(rf"\b(?:{'|'.join(FAMILIES)})\.[a-z_0-9]+\b", json.dumps(every)))
    assert named
    assert named <= set(CODES)
    failed = [one for one in every if isinstance(one, dict) and one.get("code") in CODES]
    assert failed
    for one in failed:
        assert fits(one["code"], one["message"])
