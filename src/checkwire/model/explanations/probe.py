"""``probe.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

EXPLANATIONS = {
    "probe.overloaded": Explanation(
        messages=(
            "It waited {duration} for its turn, longer than its grace of {duration}: there are "
            "--workers for {count} attempts at a time, and all had others to run",
            "It waited {duration} for its turn, longer than its grace of {duration}: of one check "
            "{count} attempts may be under way at a time, and those took too long",
            "It waited {duration} for its turn, longer than its grace of {duration}: at {location} "
            "{count} attempts may be under way at a time, and all were others",
            "The check ran for {duration}, and waited for a CPU for {duration} of that: what it "
            "waited for may have come in time",
        ),
        cause="Of one that waited for its turn: it was due, and the probe could not begin it in "
        "time, so it is recorded as missed: nothing is known of the target for that while. Only so "
        "many attempts are under "
        "way at a time: in all (--workers), of one check (a quarter of that, so that none starves "
        "the others), and at a location (concurrency= in [locations]).\n\n"
        "Of one that ran: its time was over, and for most of it the kernel had other processes "
        "run. It says nothing of the target.\n\n"
        "Commonly: a target is down, and every attempt waits for its whole timeout; a check takes "
        "longer than the time between its runs; more checks were added than the machine has room "
        "for.",
        confirm=(
            Look("checkwire status", "runs that wait, and since when"),
            Look(
                "curl -s $CHECKWIRE_URL/metrics | grep lateness",
                "how much later than due runs began",
            ),
            Look("uptime", "a load average well above the number of CPUs: it is the machine"),
        ),
        evidence={
            "starved_ns": "for how long the check's process could have run, and had no CPU",
            "duration_ns": "for how long the attempt lasted",
        },
        remedy="If attempts mostly wait: more --workers; each takes some MB. If the CPUs are busy: "
        "fewer checks, longer intervals, or another machine. If it is one check: a shorter "
        "timeout, or a longer interval than a run takes with its retries.",
    ),
}
