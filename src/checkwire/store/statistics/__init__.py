"""What runs come to over a time: uptime, percentiles, phases.

Read from days and hours that are rolled up, and from raw rows for what is not yet.
"""

from checkwire.store.statistics.latency import Bucket, PhaseSummary, percentiles, phases
from checkwire.store.statistics.uptime import Uptime, uptime

__all__ = ["Bucket", "PhaseSummary", "Uptime", "percentiles", "phases", "uptime"]
