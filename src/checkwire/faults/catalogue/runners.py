"""``runner.*``: what ends an attempt from outside of its check."""

from __future__ import annotations

from checkwire.faults.fault import Family

faults = Family()

faults.made_by_check(
    "runner.memory", does="takes more memory than it may",
    check="""
from checkwire import check


@check(memory="128MiB")
async def grows():
    assert bytes(1 << 30)
""",
)  # fmt: skip
faults.made_by_check(
    "runner.cpu", does="takes more CPU time than it may", waits=1,
    evidence=("signal", "cpu_seconds"),
    check="""
from checkwire import check


@check(timeout="20s", cpu="1s")
def spins():
    while True:
        pass
""",
)  # fmt: skip
faults.made_by_check(
    "runner.processes", does="starts more processes than it may", evidence=("processes", "limit"),
    check="""
import subprocess
import time

from checkwire import check


@check(processes=3)
def starts():
    for _ in range(5):
        subprocess.Popen(["sleep", "60"])
    time.sleep(20)
""",
)  # fmt: skip
faults.made_by_check(
    "runner.files", does="opens more files than it may",
    check="""
from checkwire import check


@check(files=100)
def opens():
    files = []
    while True:
        files.append(open("/dev/null"))
""",
)  # fmt: skip
faults.made_by_check(
    "runner.file_size", does="writes a larger file than it may",
    check="""
import tempfile

from checkwire import check


@check(file_size="1MB")
def writes():
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(bytes(100_000))
""",
)  # fmt: skip
faults.made_by_check(
    "runner.output", does="prints more than it may", evidence=("bytes", "limit"),
    check="""
from checkwire import check


@check(output="1MB")
def prints():
    while True:
        print("x" * 999)
""",
)  # fmt: skip
faults.made_by_check(
    "runner.killed", does="is killed, as by an operator or for lack of memory",
    evidence=("signal",),
    check="""
import os
import signal

from checkwire import check


@check
async def killed():
    os.kill(os.getpid(), signal.SIGKILL)
""",
)  # fmt: skip
faults.made_by_check(
    "runner.lost", does="kills the process that starts checks",
    check="""
import os
import signal
import time

from checkwire import check


@check
def kills():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
""",
)  # fmt: skip
faults.made_by_check(
    "runner.protocol", does="writes into descriptors that are not its own", evidence=("lines",),
    check="""
import os

from checkwire import check


@check
async def scribbles():
    for fd in range(3, 2000):
        try:
            os.write(fd, b"garbage" + bytes([10]))
        except OSError:
            pass
    assert True
""",
)  # fmt: skip
