"""What a check in a sandbox cannot do, and all that it can.

Each misdeed is tried in a process of its own, too, where it succeeds: so it is the sandbox that
keeps it from succeeding, and not a mistake in the misdeed.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.events import Event, Logged
from checkwire.runner.python.linux import children_of
from checkwire.runner.python.sandbox.refusal import NoSandbox
from checkwire.runner.python.sandbox.seccomp import DENIED
from checkwire.runner.python.sandbox.view import view_of
from checkwire.runner.runner import Collected, Runner
from support.checks import with_runner
from support.pki import Pki
from support.processes import descendants, open_fds, wait_until, with_command
from support.program import checkwire, project, report
from support.sandboxes import doctor, why_there_is_none
from support.wsserver import echo, served

pytestmark = pytest.mark.usefixtures("sandbox")

ROOT = os.geteuid() == 0
TOOLS = """
import ctypes, os, socket, signal
from pathlib import Path
from checkwire import check, env

libc = ctypes.CDLL(None, use_errno=True)

def call(function, *arguments):
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def apart(deed):
    "Do it in a process of its own, which it may harm; raise what it raises."
    pid = os.fork()
    if pid == 0:
        try:
            deed()
        except OSError as error:
            os._exit(error.errno)
        except BaseException:
            os._exit(255)
        os._exit(0)
    if number := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise OSError(number, os.strerror(number))

def others():
    found = [entry for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [entry for entry in found if entry.name not in ("1", str(os.getpid()))]
"""

MISDEEDS = {
    # name: (who can do it without a sandbox, what it does)
    "read_the_passwords_of_users": ("root", "Path('/etc/shadow').read_text()"),
    "read_what_lies_elsewhere": ("anybody", "Path(env['OUTSIDE'], 'file').read_text()"),
    "look_into_the_tmp_of_all": ("anybody", "assert os.listdir(env['OUTSIDE'])"),
    "read_the_data_of_the_server": ("anybody", "Path('.checkwire/secrets.key').read_text()"),
    "leave_by_the_working_directory": (
        "anybody",
        "Path('..', Path(env['OUTSIDE']).name, 'file').read_text()",
    ),
    "see_other_processes": ("anybody", "others()[0]"),
    "read_the_environment_of_others": (
        "anybody",
        "Path('/proc', env['WATCHER'], 'environ').read_bytes()",
    ),
    "read_the_memory_of_others": (
        "root",
        "open(Path('/proc', env['WATCHER'], 'mem'), 'rb').close()",
    ),
    "read_the_environment_of_init": ("who may", "Path('/proc/1/environ').read_bytes()"),
    "read_the_memory_of_init": ("who may", "open('/proc/1/mem', 'rb').close()"),
    "signal_init": ("root", "os.kill(1, 0)"),
    "signal_the_runner": ("anybody", "os.kill(int(env['WATCHER']), 0)"),
    "trace_a_process": ("anybody", "apart(lambda: call(libc.ptrace, 0, 0, 0, 0))"),
    "write_into_the_project": ("anybody", "Path('written').write_text('')"),
    "write_elsewhere": ("anybody", "Path(env['OUTSIDE'], 'written').write_text('')"),
    "change_a_file": ("anybody", "os.truncate('victim', 0)"),
    "get_a_user_namespace": ("anybody", "apart(lambda: call(libc.unshare, 0x10000000))"),
    "get_a_mount_namespace": ("root", "apart(lambda: call(libc.unshare, 0x20000))"),
    "fork_into_a_namespace": (
        "anybody",
        "apart(lambda: call(libc.unshare, 0x10000000) or call(libc.unshare, 0x20000000))",
    ),
    "mount": (
        "root",
        "def deed():\n"
        "  libc.unshare(0x20000)\n"
        "  call(libc.mount, b'none', b'/', None, 1 << 18 | 16384, None)\n"
        "  call(libc.mount, b'tmpfs', b'/mnt', b'tmpfs', 0, None)\n"
        " apart(deed)",
    ),
    "become_another_user": ("root", "os.setuid(1)"),
    "reach_a_socket_elsewhere": (
        "anybody",
        "socket.socket(socket.AF_UNIX).connect(env['OUTSIDE'] + '/socket')",
    ),
    "reach_an_abstract_socket": (
        "anybody",
        "socket.socket(socket.AF_UNIX).connect('\\0' + env['ABSTRACT'])",
    ),
    "have_a_raw_packet_socket": ("who may", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
}


def misdeeds() -> str:
    """A check file: each misdeed in a process, and in a sandbox. It passes if it succeeds."""
    parts = [TOOLS]
    for isolation in ("process", "sandbox"):
        for name, (_, deed) in MISDEEDS.items():
            head = f"@check(isolation={isolation!r})\ndef {name}_in_{isolation}():"
            parts.append(f"{head}\n {deed}\n assert 1\n")
    return "\n".join(parts)


class Yard:
    """A project, and beside it what is none of its business."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.outside = folder / "outside"
        for path in (self.root, self.outside):
            path.mkdir(parents=True)
        (self.outside / "file").write_text("secret")
        (self.root / "victim").write_text("as it was")
        (self.root / ".checkwire").mkdir()
        (self.root / ".checkwire" / "secrets.key").write_text("secret")
        self.abstract = f"checkwire-test-{os.getpid()}-{id(self)}"
        self.sockets = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        self.sockets[0].bind(str(self.outside / "socket"))
        self.sockets[1].bind("\0" + self.abstract)
        for sock in self.sockets:
            sock.listen(100)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "OUTSIDE": str(self.outside),
            "ABSTRACT": self.abstract,
            "WATCHER": str(os.getpid()),
        }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for a project. Others may read it, as whoever is in a sandbox is another user."""
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    yard = Yard(tmp_path_factory.mktemp("yard"))
    yield yard
    for sock in yard.sockets:
        sock.close()


AS_WE_ARE = ()
IN_A_USER_NAMESPACE = ("unshare", "--user", "--map-root-user")
"""There root has no other user to become, and so a sandbox is made as an ordinary user makes it."""


@pytest.fixture(scope="module", params=[AS_WE_ARE, IN_A_USER_NAMESPACE])
def tried(yard: Yard, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What became of each misdeed, by name; and whether we are whom ``MISDEEDS`` speaks of."""
    before = request.param
    if before and (reason := why_there_is_none(*before)):
        pytest.skip(reason)
    project(yard.root, a_check=misdeeds())
    result = checkwire("test", "--reporter", "json", cwd=yard.root, before=before, **yard.variables)
    runs = json.loads(result.out)["runs"]
    return {run["check"]["function"]: run for run in runs} | {"as_we_are": not before}


@pytest.mark.parametrize("name", MISDEEDS)
def test_a_misdeed_fails_in_a_sandbox_alone(tried: dict[str, Any], name: str) -> None:
    who, _ = MISDEEDS[name]
    if tried["as_we_are"] and (who == "anybody" or (who == "root" and ROOT)):
        assert tried[f"{name}_in_process"]["status"] == "passed"
    (attempt,) = tried[f"{name}_in_sandbox"]["attempts"]
    failure = attempt["failure"]
    assert failure["code"] in ("script.exception", "assertion.failed"), failure


def test_what_no_check_needs_of_the_kernel_it_does_not_get(root: Path) -> None:
    column = ("x86_64", "aarch64").index(platform.machine())
    numbers = {name: pair[column] for name, pair in DENIED.items() if pair[column] is not None}
    project(
        root,
        a_check=f"""
        import ctypes, errno
        from checkwire import check

        libc = ctypes.CDLL(None, use_errno=True)

        def answer(number):
            nothing = [ctypes.c_long(-1)] * 6
            return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *nothing) < 0 else 0

        @check(isolation="sandbox")
        def asks():
            answers = {{name: answer(number) for name, number in {numbers!r}.items()}}
            assert {{name for name, got in answers.items() if got != errno.EPERM}} == set()
            assert answer(435) == errno.ENOSYS  # clone3
            assert answer(500) == errno.ENOSYS  # not yet heard of
        """,
    )
    assert checkwire("test", cwd=root).status == 0


ORDINARY = """
import asyncio, os, subprocess, sys, tempfile, threading
from checkwire import check, connect, env, sync

@check
async def kernel_stamps_tls_and_names():
    async with connect(env["URL"]) as ws:
        await ws.send_json({"a": 1})
        assert await ws.receive_json(within="2s") == {"a": 1}

@check
def without_await():
    with sync.connect(env["URL"]) as ws:
        ws.send("x")
        assert ws.receive_text(within="2s") == "x"

@check
def threads():
    done = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start()
    thread.join()
    assert done == [1]

@check
def programs():
    said = subprocess.run([sys.executable, "-c", "print(1 + 1)"], capture_output=True, check=True)
    assert said.stdout == b"2\\n"
    assert subprocess.run("exit 3", shell=True).returncode == 3
    orphaned = subprocess.Popen(["sh", "-c", "sleep 0 &"])
    assert orphaned.wait() == 0

@check
def other_pythons():
    import multiprocessing
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]

@check
def temporary_files():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
    os.mkfifo(os.path.join(tempfile.gettempdir(), f"fifo-{os.getpid()}"))

@check
def late_imports():
    import encodings.idna, xml.dom.minidom, sqlite3, zoneinfo
    assert zoneinfo.ZoneInfo("Europe/Berlin")
    assert "ü.example".encode("idna")

@check
def files_of_the_project():
    assert open("data.txt").read() == "data"

@check
def signals_itself():
    os.kill(os.getpid(), 15)

@check
def kills_itself():
    os.kill(os.getpid(), 9)

@check
def aborts():
    os.abort()

@check
def sets_an_alarm():
    import signal
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    signal.pause()

@check
def touches_nothing():
    import ctypes
    ctypes.string_at(0)

@check
def exits():
    os._exit(3)

@check(timeout="300ms")
async def spins():
    while True: pass

@check(memory="128MiB")
def eats():
    bytearray(1 << 30)

@check(processes=2)
def multiplies():
    started = [subprocess.Popen(["sleep", "86.405"]) for _ in range(8)]
    started[0].wait()

@check
def fails():
    assert 1 == 2
"""


def outcomes(*arguments: str, root: Path, **variables: str) -> dict[str, tuple[str, str, str]]:
    """Of each check, by name: its status, its failure, and whose clock took its times."""
    document = report("-n", "4", *arguments, cwd=root, **variables)
    found = {}
    for run in document["runs"]:
        attempt = run["attempts"][-1]
        failure = attempt["failure"]["code"] if attempt.get("failure") else ""
        clocks = {connection["clock"] for connection in attempt.get("connections", ())}
        found[run["check"]["function"]] = (run["status"], failure, "".join(clocks))
    return found


def test_a_check_comes_to_the_same_in_a_process_and_in_a_sandbox(
    root: Path, tmp_path: Path
) -> None:
    pki = Pki(tmp_path)
    project(root, a_check=ORDINARY)
    (root / "data.txt").write_text("data")
    settings = (root / "checkwire.toml").read_text()
    with served(echo, ssl=pki.server("localhost")) as url:
        url = url.replace("127.0.0.1", "localhost")
        found = {}
        for isolation in ("process", "sandbox"):
            (root / "checkwire.toml").write_text(
                f'{settings}[defaults]\nisolation = "{isolation}"\n'
            )
            found[isolation] = outcomes("--ca", pki.ca, root=root, URL=url)
    assert found["process"] == found["sandbox"]
    assert found["sandbox"]["kernel_stamps_tls_and_names"] == ("passed", "", "kernel")
    assert {name for name, (status, _, _) in found["sandbox"].items() if status != "passed"} == {
        "signals_itself",
        "kills_itself",
        "aborts",
        "sets_an_alarm",
        "touches_nothing",
        "exits",
        "spins",
        "eats",
        "multiplies",
        "fails",
    }


def test_each_attempt_finds_its_own_tmp_empty(root: Path) -> None:
    source = """
        import os
        from checkwire import check

        @check(isolation="{isolation}", cases={{str(number): {{}} for number in range(3)}})
        def leaves_things():
            for folder in ("/tmp", "/var/tmp", "/dev/shm"):
                place = folder + "/left-by-{name}"
                assert not os.path.exists(place)
                os.mkdir(place)
    """
    name = root.parent.name
    project(root, a_check=source.format(isolation="sandbox", name=name))
    assert checkwire("test", "-n", "1", cwd=root).status == 0
    left = [Path(folder, f"left-by-{name}") for folder in ("/tmp", "/var/tmp", "/dev/shm")]
    assert not any(path.exists() for path in left)
    try:
        project(root, a_check=source.format(isolation="process", name=name))
        assert checkwire("test", "-n", "1", cwd=root).status == 1
    finally:
        for path in left:
            path.rmdir()


def test_what_can_be_written_is_bounded(root: Path) -> None:
    project(
        root,
        a_check="""
        import errno
        from checkwire import check

        @check(isolation="sandbox")
        def fills_tmp():
            try:
                with open("/tmp/big", "wb", buffering=0) as file:
                    for _ in range(1 << 10):
                        file.write(bytes(1 << 20))
            except OSError as error:
                assert error.errno == errno.ENOSPC
            else:
                assert not "bounded"

        @check(isolation="sandbox")
        def has_room_again():
            with open("/tmp/small", "wb") as file:
                file.write(bytes(1 << 20))
            assert 1
        """,
    )
    result = checkwire("test", "-n", "1", cwd=root)
    assert result.status == 0, result.out


def test_whatever_it_starts_ends_with_it(root: Path) -> None:
    project(
        root,
        a_check="""
        import os, subprocess, time
        from checkwire import check

        @check(isolation="sandbox")
        def leaves_a_daemon():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execve("/bin/sleep", ["sleep", "86.401"], {})
                os._exit(0)
            os.wait()
            assert 1

        @check(isolation="sandbox", timeout="2s")
        def forks_for_ever():
            for _ in range(50):
                if os.fork() == 0:
                    os.setsid()
                    os.execve("/bin/sleep", ["sleep", "86.402"], {})
            while True:
                time.sleep(1)
        """,
    )
    result = checkwire("test", cwd=root)
    assert "1 passed, 1 error" in result.out
    assert with_command("sleep", "86.401") == with_command("sleep", "86.402") == []


LITTER = """
import os, subprocess, time
from checkwire import check

@check(isolation="sandbox", cases={str(number): {} for number in range(8)})
def leaves_everything_behind():
    open("/tmp/left", "w").write("x")
    subprocess.Popen(["sleep", "86.403"], start_new_session=True, env={})
    assert 1

@check(isolation="sandbox", cases={str(number): {} for number in range(8)})
def is_tidy():
    assert not os.path.exists("/tmp/left")
"""


def test_nothing_is_left_of_sandboxes(root: Path) -> None:
    project(root, a_check=LITTER)

    async def use(runner: Runner, collected: Collected) -> None:
        (zygote,) = children_of(os.getpid())
        counted = []
        for _ in range(2):
            for definition in collected.definitions:
                assert (await runner.run(definition)).status == "passed"
            wait_until(lambda: len(children_of(zygote)) <= 1)  # an init that waits for work
            counted.append(len(open_fds(zygote)))
        assert counted[0] == counted[1]
        assert with_command("sleep", "86.403") == []

    with_runner(root, use, waiting=0)
    assert descendants(os.getpid()) == set()


def test_a_zygote_that_dies_takes_its_sandboxes_with_it(root: Path) -> None:
    project(
        root,
        a_check="""
        import os, subprocess, time
        from pathlib import Path
        from checkwire import check, env

        @check(isolation="sandbox")
        def waits():
            subprocess.Popen(["sleep", "86.404"], start_new_session=True, env={})
            print("waiting", flush=True)
            while not os.path.exists("go"):
                time.sleep(0.01)
            assert 1
        """,
    )

    async def use(runner: Runner, collected: Collected) -> None:
        killed = []

        def on_event(number: int, event: Event) -> None:
            if isinstance(event, Logged) and event.message == "waiting" and not killed:
                (zygote,) = children_of(os.getpid())
                os.kill(zygote, signal.SIGKILL)
                killed.append(zygote)
                (root / "go").touch()

        run = await runner.run(collected.definitions[0], on_event=on_event)
        assert killed
        assert run.status == "passed"  # it is run a second time
        wait_until(lambda: not with_command("sleep", "86.404"))

    with_runner(root, use)


def test_where_proc_is_masked_it_is_hidden_altogether(root: Path) -> None:
    masked = (
        *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c"),
        'mount -t tmpfs none /proc/irq && exec "$@"',
        "-",
    )
    if reason := why_there_is_none(*masked):
        pytest.skip(reason)
    project(
        root,
        a_check="""
        import os
        from checkwire import check

        @check(isolation="sandbox", memory="64MiB")
        def has_no_proc():
            assert os.listdir("/proc") == []
            assert len(bytearray(50 << 20)) == 50 << 20
        """,
    )
    result = checkwire("test", cwd=root, before=masked)
    assert result.status == 0, result.out


def test_a_sandbox_is_told_where_it_cannot_be_had(root: Path) -> None:
    no_namespaces = (
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
        "-",
    )
    if subprocess.run([*no_namespaces, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")
    found = doctor(*no_namespaces)
    assert found["state"] == "note"
    assert found["fact"].startswith("no user namespace (")
    assert "run as root" in found["advice"]
    project(
        root,
        a_check="""
        from checkwire import check

        @check(isolation="sandbox")
        def careful(): assert 1

        @check
        def careless(): assert 1
        """,
    )
    for arguments in (("test",), ("serve", "--port", "0")):
        refused = checkwire(*arguments, cwd=root, before=no_namespaces)
        assert refused.status == 2, refused.err
        (line,) = (line for line in refused.err.splitlines() if "error" in line)
        assert line.startswith(
            'checkwire: error: a_check.py:5: careful asks for isolation = "sandbox", and this '
            "machine has none for it: no user namespace ("
        )
        assert "run as root" in line
    assert checkwire("test", "a_check.py::careless", cwd=root, before=no_namespaces).status == 0


def test_a_project_right_in_tmp_is_refused() -> None:
    with pytest.raises(NoSandbox, match=r"no private folders: the project's folder is /tmp itself"):
        view_of("/tmp")
