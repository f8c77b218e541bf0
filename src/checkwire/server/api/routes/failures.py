"""Failures: what goes wrong, and what the codes mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.failures import CODES, code_of
from checkwire.server.api import etags
from checkwire.server.api.models.incidents import Code, CodeList, FailureGroup, FailureGroups
from checkwire.server.api.models.runs import Run
from checkwire.server.api.parameters import DAY_NS, Instant, Since, Tag, Text, period
from checkwire.server.auth import Auth
from checkwire.server.monitor import Monitor
from checkwire.store import runs
from checkwire.store.records import RunRecord

__all__ = ["create_failures"]

_MOST = 10_000
"""Runs that are looked at: the latest."""
_AT_ONCE = 1000

Bad = Literal["failed", "error", "degraded"]


def create_failures(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/failures``."""
    router = APIRouter(tags=["failures"], dependencies=[Depends(auth.require("read"))])

    @router.get("/failures", operation_id="list_failures")
    async def list_failures(
        since: Annotated[Since | None, Query(description="By default a day ago.")] = None,
        until: Annotated[Instant | None, Query(description="By default now.")] = None,
        project: Annotated[Text | None, Query(description="Only those of this project.")] = None,
        tag: Tag = None,
        location: Annotated[Text | None, Query(description="Only those from there.")] = None,
        status: Annotated[
            list[Bad] | None,
            Query(description="Only those with this status; by default `failed` and `error`."),
        ] = None,
    ) -> FailureGroups:
        """In which ways runs failed over a period, the most frequent first."""
        since_ns, until_ns = period(since, until, DAY_NS)
        statuses = tuple(dict.fromkeys(status or ("failed", "error")))
        groups: dict[str, _Group] = {}
        count = 0
        async with monitor.store.reading() as tx:
            found = _latest(
                tx,
                statuses=statuses,
                since_ns=since_ns,
                until_ns=until_ns,
                project=project,
                tag=tag,
                location=location,
            )
            async for record in found:
                count += 1
                groups.setdefault(record.code or "", _Group(record)).add(record)
        items = [group.shown(code) for code, group in groups.items()]
        items.sort(key=lambda group: (-group.runs, group.code))
        return FailureGroups(
            since_ns=since_ns, until_ns=until_ns, complete=count < _MOST, items=items
        )

    @router.get("/failures/codes", operation_id="list_codes", response_model=CodeList)
    async def list_codes(request: Request, response: Response) -> CodeList | Response:
        """Every code that a failure can have, and what to do about it."""
        headers: dict[str, str] = {}
        if (known := etags.answer(request, etags.tag_of("codes"), headers)) is not None:
            return known
        response.headers.update(headers)
        return CodeList(items=[Code.of(code) for code in CODES.values()])

    return router


class _Group:
    """Runs that failed in the same way; the latest comes first."""

    def __init__(self, last: RunRecord) -> None:
        self._last = last
        self._runs = 0
        self._checks: set[int] = set()

    def add(self, record: RunRecord) -> None:
        self._runs += 1
        self._checks.add(record.check_id)

    def shown(self, code: str) -> FailureGroup:
        known = code_of(code)
        return FailureGroup(
            code=code,
            title=known.title,
            blame=known.blame,
            runs=self._runs,
            checks=len(self._checks),
            last=Run.of(self._last),
        )


async def _latest(tx: AsyncConnection, **wanted: Any) -> AsyncIterator[RunRecord]:
    before = None
    for _ in range(_MOST // _AT_ONCE):
        page = await runs.list_runs(tx, before=before, limit=_AT_ONCE, **wanted)
        for record in page:
            yield record
        if len(page) < _AT_ONCE:
            return
        before = page[-1].due_ns, page[-1].check_id, page[-1].location
