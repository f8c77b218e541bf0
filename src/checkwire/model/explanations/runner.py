"""``runner.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_OOM = (
    Look(
        "journalctl -k --since -1h | grep -iE 'oom|killed process'",
        "which process the kernel killed, and for whose limit",
    ),
    Look("cat /sys/fs/cgroup/memory.events", "in the container: oom_kill above 0"),
)

EXPLANATIONS = {
    "runner.memory": Explanation(
        messages=(
            "The check used more memory than the {size} that memory= allows",
            "The kernel killed the check: the machine, or its cgroup, is out of memory",
        ),
        cause="The first: the check asked for more address space than memory= gives it (1 GiB). "
        "It hurts nobody else. The second: the machine or the container had no memory left, and "
        "the kernel chose this process; the check need not be the one that took it.\n\n"
        "Commonly: messages collected in a list without end; a large body; a library that "
        "reserves much address space at its start; many threads, each with its stack.",
        confirm=_OOM,
        remedy="Keep less: verify messages as they come. If it needs that much, raise memory=. If "
        "the machine is short: fewer workers (-n), or more memory for the container.",
        evidence={"signal": "the signal with which the kernel killed it, if it did"},
        see=("setrlimit(2) RLIMIT_AS", "cgroups(7)"),
    ),
    "runner.cpu": Explanation(
        messages=("The check used more CPU time than it may",),
        cause="The process was ended by SIGXCPU: it had used up its limit of CPU time. Checkwire "
        "sets none unless its runner is given one, so it may come from the shell or the service "
        "(ulimit -t, LimitCPU=).\n\n"
        "Commonly: a loop that asks again and again without awaiting; parsing or encrypting "
        "something large.",
        confirm=(
            Look("ulimit -t", "a number of seconds in place of unlimited"),
            Look("systemctl show UNIT -p LimitCPU", "the same for a service"),
        ),
        remedy="Await what is waited for in place of polling. Raise or remove the limit if the "
        "work is right.",
        evidence={"signal": "SIGXCPU"},
        see=("setrlimit(2) RLIMIT_CPU",),
    ),
    "runner.lost": Explanation(
        messages=("The process that runs checks died, and this check with it",),
        cause="Checks are forked from one process that has imported the project. It died while "
        "this check ran; a new one has been started since.\n\n"
        "Commonly: the kernel killed it for want of memory; somebody killed it; a check did, "
        "which as the same user it can.",
        confirm=_OOM,
        remedy="If it was the kernel: more memory, or fewer workers (-n). Look for checks that "
        "kill by name (pkill python).",
        see=("cgroups(7)",),
    ),
    "runner.killed": Explanation(
        messages=(
            "The check's process was killed from outside, by {signal}",
            "The check's process was stopped from outside, by {signal}",
        ),
        cause="A signal ended the check's process that neither Checkwire nor a crash had caused. "
        "SIGKILL is most often the kernel's, for want of memory, or somebody's kill -9; SIGTERM "
        "and SIGHUP come from who stops services, or from the check itself.",
        confirm=_OOM,
        remedy="Find out who sent it: the kernel's log, the log of the service manager, scripts "
        "that kill by name. If it was the kernel: more memory, or fewer workers (-n).",
        evidence={"signal": "the signal's name"},
        see=("signal(7)", "cgroups(7)"),
    ),
    "runner.start": Explanation(
        messages=(
            "The check's process could not be started: {reason}",
            "A bug of Checkwire kept it from running: {error}",
        ),
        cause="The operating system did not let Checkwire start a process for the check.\n\n"
        "Commonly: too many processes (EAGAIN: ulimit -u, TasksMax= of the service, pids.max of "
        "the container); no memory; too many open files. The second sentence is a mistake of "
        "ours: please report it.",
        confirm=(
            Look("checkwire doctor", "processes, open files: what is allowed and in use"),
            Look(
                "cat /sys/fs/cgroup/pids.current /sys/fs/cgroup/pids.max",
                "in the container: both nearly the same",
            ),
        ),
        remedy="Raise the limit that is named, or run fewer checks at a time (-n).",
        see=("fork(2) EAGAIN",),
    ),
    "runner.cancelled": Explanation(
        messages=(
            "The run was cancelled",
            "The run was missed: it could not begin in time.",
            "{why}",
        ),
        cause="The run was ended before it was over, or never began: Ctrl-C, --fail-fast, a "
        "server that was stopped, or one with so much to do that the run's time had passed. It "
        "says nothing of the target.",
        confirm=(
            Look(
                "journalctl -u checkwire --since -1h", "whether the server was stopped or is behind"
            ),
        ),
        remedy="Run it again. If a server misses runs, give it more workers (-n), or checks "
        "longer intervals.",
    ),
    "runner.protocol": Explanation(
        messages=("The check's process sent {lines} no run event: {reason}",),
        cause="The check's process tells the runner what happens over a pipe, and something else "
        "was written to it. The transcript may lack what was lost by that.\n\n"
        "Commonly: code that writes to descriptors by number (os.write(3, …)), or closes all "
        "descriptors and opens files in their place; a native library that does; two processes "
        "that tell at once, after a fork by the check itself.",
        confirm=(
            Look("grep -nE 'os\\.(write|dup2|closerange|fork)' FILE", "where the check does so"),
        ),
        remedy="Write to files that the check has opened itself, or print(), which is kept. Start "
        "programs with subprocess in place of os.fork.",
        evidence={"lines": "how many lines were no event"},
    ),
}
