"""What happened is told in the words of the API."""

from __future__ import annotations

import asyncio
from typing import Any

from checkwire.model.due import check_uid
from checkwire.server.api.models.checks import Moved, Project
from checkwire.server.api.models.incidents import IncidentTold
from checkwire.server.api.models.runs import Run
from checkwire.server.live import Hub
from checkwire.server.metrics import Metrics
from checkwire.server.monitor import ProjectStatus, RunningRun
from checkwire.server.service.telling import Teller
from checkwire.store.records import CheckState, Incident, RunRecord
from checkwire.store.runs import Inserted

UID = check_uid("shop", "a.py::a")
RUN = RunRecord(
    run_id="01KAYF0M7Z4QJ9T3V8X2B6N0PD",
    check_id=7,
    check="a.py::a",
    project="shop",
    location="eu",
    due_ns=5,
    status="failed",
    holds_ns=60,
)
STATE = CheckState(
    check_id=7, location="eu", status="failed", since_ns=5, due_ns=5, run_id=RUN.run_id
)
RUNNING = RunningRun(
    run_id=RUN.run_id, check_uid=UID, check="a.py::a", project="shop", location="eu", due_ns=5
)
INCIDENT = Incident(
    id="01KAYF0M7Z4QJ9T3V8X2B6N0PE",
    check_id=7,
    check_uid=UID,
    check="a.py::a",
    project="shop",
    began_ns=5,
    opened_ns=6,
    opened_by=RUN.run_id,
)
PROJECT = ProjectStatus(key="shop", name="Shop", root="/", loaded_ns=1, digest="1", checks=1)


class _NoMetrics(Metrics):
    def __init__(self) -> None:
        pass

    def stored(self, record: RunRecord, state: CheckState) -> None:
        pass


def told() -> dict[str, dict[str, Any]]:
    """The data of each kind of message."""

    async def work() -> dict[str, dict[str, Any]]:
        hub = Hub()
        teller = Teller(hub, _NoMetrics())
        topics = ["runs", f"run:{RUN.run_id}", "incidents", "projects"]
        async with hub.subscribe(topics) as messages:
            teller.started(RUNNING)
            teller.stored([Inserted(RUN, None, STATE)])
            teller.changed([("opened", INCIDENT)])
            teller.loaded(PROJECT)
            hub.close()
            return {message.kind: message.data async for message in messages}

    return asyncio.run(work())


def test_what_is_told_are_the_models_of_the_api_and_no_more() -> None:
    found = told()
    models = {
        "run_started": Run,
        "run_finished": Run,
        "finished": Run,
        "state_changed": Moved,
        "opened": IncidentTold,
        "reloaded": Project,
    }
    assert {kind: set(data) for kind, data in found.items()} == {
        kind: set(model.model_fields) for kind, model in models.items()
    }


def test_each_names_its_check_by_what_is_public() -> None:
    found = told()
    del found["reloaded"]
    assert {data["check_uid"] for data in found.values()} == {UID}
    assert {data["check"] for data in found.values()} == {"a.py::a"}
    for data in found.values():
        assert not {"check_id", "holds_ns"} & data.keys()
