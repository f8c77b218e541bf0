"""Runs: rows that are narrow, with their transcripts beside them."""

from checkwire.store.runs.inserting import Inserted, insert_runs
from checkwire.store.runs.listing import get_run, get_transcript, list_runs, strip
from checkwire.store.runs.recording import missed_record, record_of
from checkwire.store.runs.states import last_due, states
from checkwire.store.runs.triggers import add_trigger, pending_triggers

__all__ = [
    "Inserted",
    "add_trigger",
    "get_run",
    "get_transcript",
    "insert_runs",
    "last_due",
    "list_runs",
    "missed_record",
    "pending_triggers",
    "record_of",
    "states",
    "strip",
]
