"""A process for one attempt, ready to be told its job."""

from __future__ import annotations

from typing import NamedTuple

from checkwire.runner.python.handle import Child, ZygoteHandle
from checkwire.runner.python.messages import Program
from checkwire.runner.python.pipes import Pipes

__all__ = ["Process", "fork"]


class Process(NamedTuple):
    """A child that waits for its job, and our ends of the pipes to it, which are open."""

    child: Child
    pipes: Pipes


async def fork(zygote: ZygoteHandle, program: Program | None = None) -> Process:
    """Have the zygote fork a child, which executes a program if one is given.

    Raises:
        CouldNotFork: the operating system refused.
        ZygoteLost: it is gone.
        OSError: there are too many open descriptors.
    """
    pipes = Pipes()
    try:
        child = await zygote.fork(pipes.theirs, program)
    except BaseException:
        pipes.close()
        raise
    pipes.close(*pipes.theirs)
    return Process(child, pipes)
