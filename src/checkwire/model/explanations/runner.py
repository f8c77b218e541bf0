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
        messages=("The check used more CPU time than the {time} that cpu= allows",),
        cause="The check's process computed for longer than cpu= allows (60 s), or than a limit "
        "that the shell or the service sets (ulimit -t, LimitCPU=). Time that it waits does not "
        "count. The kernel counts whole seconds, so it may take up to one more.\n\n"
        "Commonly: a loop that asks again and again without awaiting; parsing or encrypting "
        "something large.",
        confirm=(
            Look("ulimit -t", "a number of seconds in place of unlimited, if it is the shell's"),
            Look("systemctl show UNIT -p LimitCPU", "the same for a service"),
        ),
        remedy="Await what is waited for in place of polling. If the work is right, raise cpu=.",
        evidence={
            "signal": "SIGXCPU, or SIGKILL for one that ignores it",
            "cpu_seconds": "CPU time that it had used",
        },
        see=("setrlimit(2) RLIMIT_CPU",),
    ),
    "runner.processes": Explanation(
        messages=(
            "The check had {count} processes running that it had started; "
            "processes= allows {limit}",
        ),
        cause="The check, and what it started, had more processes at a time than processes= allows "
        "(100). All of them were killed. They are counted four times a second, so one that "
        "forks as fast as it can has some hundreds before it is noticed.\n\n"
        "Commonly: processes started in a loop and never waited for; a pool of workers for each "
        "of many CPUs; a script that starts itself.",
        confirm=(Look("pstree -p PID", "what hangs below the check's process, while it runs"),),
        remedy="Wait for each process to end before the next, or end it. If it needs so many, "
        "raise processes=.",
        evidence={"processes": "how many there were", "limit": "how many there may be"},
        see=("fork(2)",),
    ),
    "runner.files": Explanation(
        messages=(
            "The check has the {limit} files open that files= allows[: {reason}]",
            "The check has as many files open as files= allows, and none is left to connect to "
            "{place}",
        ),
        cause="Files, sockets and pipes share one limit for each process: that of files= (1,024), "
        "or less where the machine's hard limit is less. The check reached it.\n\n"
        "Commonly: connections opened in a loop and never closed; files likewise.",
        confirm=(
            Look("ls -l /proc/PID/fd", "what the check's process has open, while it runs"),
            Look("ulimit -Hn", "the hard limit, which files= cannot exceed"),
        ),
        remedy="Close each connection and each file where it is no longer needed: async with, "
        "with. If it needs so many at a time, raise files=, and the hard limit if that is less.",
        evidence={
            "place": "address and port, if it was about to connect",
            "errno": "the operating system's number for it: 24",
            "tries": "each address that was tried, with its result",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("setrlimit(2) RLIMIT_NOFILE",),
    ),
    "runner.file_size": Explanation(
        messages=("The check wrote a file larger than the {size} that file_size= allows",),
        cause="No file that the check's process writes may grow beyond file_size= (1 GiB). What "
        "was written until then is still there.\n\n"
        "Commonly: a log that is never cut; a download without a bound; a loop that writes.",
        confirm=(Look("du -a /tmp | sort -n | tail", "the file, if it is in /tmp"),),
        remedy="Write less, and remove what was written: tempfile.TemporaryDirectory does. If it "
        "needs that much, raise file_size=.",
        see=("setrlimit(2) RLIMIT_FSIZE",),
    ),
    "runner.output": Explanation(
        messages=("The check printed more than the {size} that output= allows",),
        cause="What the check and the processes it started wrote to stdout and stderr came to more "
        "than output= allows (256 MiB), and it was killed. Of what it printed the first 64 KiB and "
        "the last 32 KiB are kept.\n\n"
        "Commonly: every message printed of a busy feed; a debug log left on; a loop.",
        confirm=(Look("python -c 'CHECK' | wc -c", "how much it is"),),
        remedy="Print less. If it must be so much, raise output=, or write it to a file.",
        evidence={"bytes": "how much had come", "limit": "how much may come"},
    ),
    "runner.blocking": Explanation(
        messages=(
            "The check kept all others in its process from running for {time}, and was killed; "
            "it was here",
        ),
        cause='The check has isolation="shared": it runs in one event loop with others, and for '
        "more than a second it did not give the loop back. That one second is what it had: not "
        "its timeout. Time for which its process waited for a CPU does not count. The others "
        "were run again in another process.\n\n"
        "Commonly: time.sleep in place of asyncio.sleep; requests, a database driver or another "
        "library that blocks; a loop without await; parsing something large.",
        confirm=(
            Look(
                "python -X dev -c 'asyncio.run(CHECK())'",
                "asyncio says which callback took more than 0.1 s",
            ),
        ),
        remedy="Await, or put what blocks into asyncio.to_thread. What has to compute for long "
        'belongs into a process of its own: isolation="process".',
        see=("docs/runner.md, Processes that checks share",),
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
            "{path} cannot be run: {reason}",
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
        messages=(
            "The check's process sent {lines} no run event: {reason}",
            "What the connection to {place} says can no longer be read",
        ),
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
