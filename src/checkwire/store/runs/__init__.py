"""Runs: rows that are narrow, with their transcripts beside them."""

from checkwire.store.runs.inserting import Inserted, insert_runs
from checkwire.store.runs.listing import get_run, get_transcript, list_runs, strip
from checkwire.store.runs.pending import add_pending, list_pending, remove_pending
from checkwire.store.runs.recording import broken_record, missed_record, record_of
from checkwire.store.runs.states import last_due, states

__all__ = [
    "Inserted",
    "add_pending",
    "broken_record",
    "get_run",
    "get_transcript",
    "insert_runs",
    "last_due",
    "list_pending",
    "list_runs",
    "missed_record",
    "record_of",
    "remove_pending",
    "states",
    "strip",
]
