"""``checkwire.toml``: what it may say, and how it is told what it may not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from checkwire.model.alerts import (
    AlertPolicy,
    EmailChannel,
    MailServer,
    SecretName,
    WebhookChannel,
)
from checkwire.model.definition import CheckDefinition, Retries
from checkwire.model.errors import DefinitionError
from checkwire.project.config import (
    Defaults,
    LocationSettings,
    Project,
    SecretSource,
    Service,
    has_settings,
    load_project,
)
from checkwire.sdk.options import DEFAULTABLE

FULL = """
[project]
id = "orders"
name = "Orders"
checks = ["checks/**/*.py"]
exclude = ["legacy"]

[defaults]
every = "1m"
timeout = "20s"
degraded = 0.5
locations = ["eu-west"]
tags = ["orders"]
retries = { strategy = "exponential", max = 3, delay = "1s" }
memory = "256MiB"
needs = ["API"]
activated = false

[env]
WS_URL = "wss://example.org"

[secrets]
API_KEY = { env = "ORDERS_KEY" }
TOKEN = { file = "secrets/token" }

[locations]
eu-west = { description = "Frankfurt", concurrency = 8 }
us-east = {}

[[service]]
name = "echo"
command = "checkwire echo --port 8765"
ready = "tcp://127.0.0.1:8765"
timeout = "5s"
env = { A = "1" }

[[service]]
name = "db"
command = ["sh", "-c", "sleep 1"]

[server]
url = "https://Monitor.example.org:8443/checkwire/"

[alerts]
after = 3
channels = ["ops-hook"]

[channels.ops-hook]
kind = "webhook"
url = "https://hooks.example.org/checkwire?team=ops"
secret = "TOKEN"
headers = { X-Team = "ops", Authorization = { secret = "API_KEY" } }

[channels.ops-mail]
kind = "email"
to = ["ops@example.org", "On call <oncall@example.org>"]
from = "Checkwire <checkwire@example.org>"
server = "smtp+starttls://mail.example.org"
username = "checkwire"
password = "TOKEN"
"""


def load(folder: Path, text: str, name: str = "checkwire.toml") -> Project:
    (folder / name).write_text(f"{text}\n")
    return load_project(folder)


def complaint(folder: Path, text: str, name: str = "checkwire.toml") -> str:
    """``line: message`` of what is wrong with the settings."""
    with pytest.raises(DefinitionError) as caught:
        load(folder, text, name)
    assert caught.value.path == str(folder / name)
    assert "\n" not in caught.value.message
    return f"{caught.value.line}: {caught.value.message}"


def test_everything_that_can_be_said_is_understood(tmp_path: Path) -> None:
    assert load(tmp_path, FULL) == Project(
        root=str(tmp_path),
        config_path=str(tmp_path / "checkwire.toml"),
        id="orders",
        name="Orders",
        checks=("checks/**/*.py",),
        exclude=("legacy",),
        defaults=Defaults(
            every=60.0,
            timeout=20.0,
            degraded=0.5,
            locations=("eu-west",),
            tags=("orders",),
            retries=Retries("exponential", 3, 1.0),
            memory=256 << 20,
            needs=("API",),
            activated=False,
        ),
        env={"WS_URL": "wss://example.org"},
        secrets={
            "API_KEY": SecretSource(env="ORDERS_KEY", line=23),
            "TOKEN": SecretSource(file=str(tmp_path / "secrets" / "token"), line=24),
        },
        locations={"eu-west": LocationSettings("Frankfurt", 8), "us-east": LocationSettings()},
        services=(
            Service(
                "echo",
                ("checkwire", "echo", "--port", "8765"),
                ("127.0.0.1", 8765),
                5.0,
                {"A": "1"},
                line=30,
            ),
            Service("db", ("sh", "-c", "sleep 1"), line=37),
        ),
        server="https://monitor.example.org:8443/checkwire",
        alerts=AlertPolicy(after=3, channels=("ops-hook",)),
        channels={
            "ops-hook": WebhookChannel(
                name="ops-hook",
                url="https://hooks.example.org/checkwire?team=ops",
                secret="TOKEN",
                headers={"X-Team": "ops", "Authorization": SecretName("API_KEY")},
            ),
            "ops-mail": EmailChannel(
                name="ops-mail",
                to=("ops@example.org", "On call <oncall@example.org>"),
                sender="Checkwire <checkwire@example.org>",
                server=MailServer(host="mail.example.org", port=587, security="starttls"),
                username="checkwire",
                password="TOKEN",
            ),
        },
    )


def test_a_project_crosses_a_process_boundary(tmp_path: Path) -> None:
    project = load(tmp_path, FULL)
    assert msgspec.json.decode(msgspec.json.encode(project), type=Project) == project


def test_without_settings_the_folder_is_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "my checks"
    folder.mkdir()
    (folder / "a_check.py").touch()
    for start in (folder, folder / "a_check.py"):
        project = load_project(start)
        assert project == Project(root=str(folder), id="my-checks", name="my-checks")
    assert project.checks == (
        "**/*_check.py",
        "**/check_*.py",
        "**/*[._]check.js",
        "**/*[._]check.[cm]js",
        "**/*[._]check.ts",
        "**/*[._]check.[cm]ts",
    )
    assert project.locations is None


def test_empty_settings_are_settings(tmp_path: Path) -> None:
    project = load(tmp_path, "")
    assert project.config_path == str(tmp_path / "checkwire.toml")
    assert project.id == tmp_path.name


def test_the_nearest_settings_above_count(tmp_path: Path) -> None:
    load(tmp_path, '[project]\nid = "outer"')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert load_project(inner).id == "outer"
    load(tmp_path / "a", '[project]\nid = "inner"')
    assert load_project(inner).id == "inner"
    assert load_project(inner).root == str(tmp_path / "a")


def test_pyproject_is_a_home_for_settings(tmp_path: Path) -> None:
    load(tmp_path, '[project]\nname = "x"\n[tool.checkwire.project]\nid = "p"', "pyproject.toml")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text('[project]\ndependencies = ["checkwire"]\n')
    assert load_project(inner).id == "p"
    load(tmp_path, '[project]\nid = "own"')
    assert load_project(inner).id == "own"


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("# here could be [tool.checkwire]\n", False),
        ("[tool.other]\nabout = '[tool.checkwire]'\n", False),
        ("[tool.checkwire-plugins]\n", False),
        ("[tool]\ncheckwire = { project = { id = 'p' } }\n", True),
        ("tool.checkwire.project.id = 'p'\n", True),
        ("[ tool . checkwire . project ]\nid = 'p'\n", True),
    ],
)
def test_pyproject_holds_settings_if_it_has_the_table_however_it_is_written(
    tmp_path: Path, text: str, ours: bool
) -> None:
    load(tmp_path, '[project]\nid = "outer"')
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text(text)
    assert load_project(inner).id == ("p" if ours else "outer")


def test_a_broken_pyproject_that_holds_settings_is_told(tmp_path: Path) -> None:
    text = "[tool.checkwire]\n\nx ="
    assert complaint(tmp_path, text, "pyproject.toml").startswith("3: not valid TOML")


def test_faults_in_pyproject_are_told_with_their_lines_there(tmp_path: Path) -> None:
    text = "[project]\nid = 1\n[tool.checkwire]\nenvv = {}\n[tool.checkwire.env]\nA = 1"
    assert (
        complaint(tmp_path, text, "pyproject.toml") == '4: unknown key "envv"; did you mean "env"?'
    )
    text = "[tool]\nx = 1\n[tool.checkwire.env]\nA = 1"
    assert complaint(tmp_path, text, "pyproject.toml").startswith("4: env.A must be a string")


def test_a_pyproject_whose_table_is_none_sets_nothing(tmp_path: Path) -> None:
    text = 'tool = "see [tool.checkwire] in the manual"'
    assert load(tmp_path, text, "pyproject.toml").id == tmp_path.name
    assert complaint(tmp_path, "[[tool.checkwire]]", "pyproject.toml") == (
        "1: tool.checkwire must be a table, not an array"
    )
    assert complaint(tmp_path, "[tool.checkwire]\nid = 'x'", "pyproject.toml") == (
        '2: unknown key "id"; it belongs under [tool.checkwire.project]'
    )


def test_a_pyproject_that_is_not_about_checks_may_be_broken(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert load_project(tmp_path).config_path is None


def test_the_options_of_a_check_are_those_that_have_defaults() -> None:
    assert set(Defaults.__struct_fields__) == set(DEFAULTABLE)
    assert set(CheckDefinition.__struct_fields__) > set(DEFAULTABLE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[project]\nid = "x\n', "2: not valid TOML: illegal character '\\n'"),
        ("a = 1\nb = [1,\n", "2: not valid TOML: invalid value"),
        ("a = 1\n\na = 2", "3: not valid TOML: cannot overwrite a value"),
        ("[projcet]\n", '1: unknown key "projcet"; did you mean "project"?'),
        ("\n# x\n[defaults]\nevery = 1\n[xyzzy]", '5: unknown key "xyzzy"'),
        ('[project]\n\nnmae = "x"', '3: unknown key "nmae" in project; did you mean "name"?'),
        ("id = 'x'", '1: unknown key "id"; it belongs under [project]'),
        ("every = 1", '1: unknown key "every"; it belongs under [defaults]'),
        ("[tool.checkwire.env]", '1: unknown key "tool"; here write [project] for [tool.che'),
        ("service = [1]", "1: item 1 of service must be a table, not an integer"),
        ("project = 1", "1: project must be a table, not an integer"),
        ("[project]\nid = 1", "2: project.id must be a string, not an integer"),
        ('[project]\nid = "a b"', '2: project.id: "a b" has blanks in it'),
        ('[project]\nname = ""', "2: project.name: it is empty"),
        ('[project]\nchecks = "*.py"', "2: project.checks must be an array, not a string"),
        ('[project]\nchecks = [\n"a",\n1]', "4: item 2 of project.checks must be a string, not an"),
        ('[project]\nchecks = [\n"a",\n"/b"]', '4: project.checks: "/b" is not a pattern of paths'),
        ('[project]\nexclude = ["../b"]', '2: project.exclude: "../b" is not a pattern'),
        ('[project]\nexclude = ["[z-a]"]', '2: project.exclude: "[z-a]" is not a pattern'),
        ("[project]\nchecks = []", "2: project.checks is empty: no check would be found"),
        ("[defaults]\n\nevery = 'banana'", '3: defaults.every: "banana" is not a duration: write'),
        ("[defaults]\nevery = '5s'", '2: defaults.every: "5s" is too short: the least is 10 s'),
        ("[defaults]\n\ncron = '61 * * * *'", '3: defaults.cron: "61 * * * *": its minute will'),
        ("[defaults]\ntimezone = 'Mars'", '2: defaults.timezone: "Mars" is not a known time zone'),
        ("[defaults]\nscheduling = 'x'", '2: defaults.scheduling: "x" will not do: write "para'),
        (
            "[defaults]\nevery = '1m'\ntags = []\ncron = '@daily'",
            "4: defaults: every and cron exclude each other: leave one out",
        ),
        ("[defaults]\nevrey = 1", '2: unknown key "evrey" in defaults; did you mean "every"?'),
        ("[defaults]\ncases = {}", "2: defaults.cases: each check has its own"),
        ("[defaults]\ntags = 'a'", '2: defaults.tags: "a" is a string, not a list: write ["a"]'),
        ("[defaults]\nretries = -1", "2: defaults.retries: -1 is less than none"),
        (
            "[defaults]\ntimeout = 1979-05-27",
            "2: defaults.timeout: 1979-05-27 is not a duration",
        ),
        ("defaults.timeout = 2\ndefaults.degraded = 3", "2: defaults.degraded must be less than"),
        ("[defaults]\n\ndegraded = '60s'", "3: defaults.degraded must be less than the timeout"),
        (
            "[defaults.retries]\nmax = 1\ndelay = 'soon'",
            '3: defaults.retries: delay: "soon" is not a duration',
        ),
        (
            "[defaults.retries]\nmax = 1\nonly = ['tls.x']",
            '3: defaults.retries: only: "tls.x" is neither a failure code, nor a floor',
        ),
        (
            "[defaults.retries]\nlocation = 'x'",
            '2: defaults.retries: location: "x" will not do: write "same" or "other"',
        ),
        (
            "[defaults.retries]\nmax = 1\nstrategy = 'lineal'",
            '3: defaults.retries: strategy: "lineal" is no strategy: write "fixed", "linear" or '
            '"exponential"; did you mean "linear"?',
        ),
        (
            "[defaults]\nretries = { max = true }",
            "2: defaults.retries: max: true is not a number",
        ),
        (
            "[defaults]\nretries = [{ max = 1, 'a b' = [true, 1.5, 1979-05-27, {}] }]",
            '2: defaults.retries: [{ max = 1, "a b" = [true, 1.5, 1979-05-27, {}] }] is not a '
            'number of retries: write a number, or { strategy = "exponential", max = 3, delay',
        ),
        ("[defaults]\ntimeout = true", "2: defaults.timeout: true is not a duration: write"),
        ("[defaults]\nisolation = 1", '2: defaults.isolation: 1 will not do: write "process", '),
        ("[defaults]\nmemory = false", "2: defaults.memory: false is not a size"),
        ('[defaults]\ntags = "\\u0001"', '2: defaults.tags: "\\u0001" is a string, not a list'),
        ("[defaults.retries]\nmax = 1\nmaxx = 2", '3: defaults.retries: "maxx" is unknown'),
        ("[env]\nB = ''\n'A=B' = 'x'", '3: env: "A=B" cannot be the name of a variable'),
        ("[env]\nB = ''\n'' = 'x'", '3: env: "" cannot be the name of a variable'),
        ('[env]\n"A\\u0000" = ""', '2: env: "A\\u0000" cannot be the name of a variable'),
        ('[env]\nA = "\\u0000"', "2: env.A holds a NUL character"),
        (
            "[[service]]\nname = 'x'\ncommand = 'a'\nenv = { '' = 'x' }",
            '4: service.env: "" cannot be',
        ),
        ("[env]\nA = ''\nPORT = 80", '3: env.PORT must be a string: write PORT = "80"'),
        ("[env]\nDEBUG = true", '2: env.DEBUG must be a string: write DEBUG = "true"'),
        ("[env]\nA.b = ''", '2: env.A must be a string: write A = "..."'),
        ("env = []", "1: env must be a table, not an array"),
        ("[secrets]\nK = { evn = 'X' }", '2: unknown key "evn" in secrets.K; did you mean "env"?'),
        ("[secrets]\nK = { env = 1 }", "2: secrets.K.env must be a string"),
        ("[secrets]\nK = {}", "2: secrets.K has one source: write K = { env"),
        ("[secrets.K]\nenv = 'X'\nfile = 'y'", "1: secrets.K has one source: write K = { env"),
        ("[secrets]\nK = { env = '' }", "2: secrets.K has one source: write K = { env"),
        ("[locations]\neu = 'x'", "2: locations.eu must be a table: write eu = { description"),
        ("[locations]\neu = { concurrency = 0 }", "2: locations.eu.concurrency must be a whole"),
        ("[locations]\neu = { concurrency = true }", "2: locations.eu.concurrency must be a"),
        ("[locations]\neu = { desc = 'x' }", '2: unknown key "desc" in locations.eu'),
        (
            "[defaults]\nlocations = [\n'eu',\n'us-esat']\n[locations]\neu = {}\nus-east = {}",
            '4: defaults.locations: "us-esat" is not declared in [locations]; did you mean "us-e',
        ),
        ("[defaults]\nlocations = ['eu']\n[locations]", '2: defaults.locations: "eu" is not'),
        ("[server]\nurl = 1", "2: server.url must be a string, not an integer"),
        ("[server]\nurll = 'x'", '2: unknown key "urll" in server; did you mean "url"?'),
        ("[server]\ntoken = 's3cret'", "2: server.token: a token has no place in a file that"),
        ("[server]\nurl = 'x.org'", '2: server.url: "x.org" is not the address of a server: write'),
        ("[server]\nurl = 'ftp://x.org'", '2: server.url: "ftp://x.org" is not the address'),
        ("[server]\nurl = 'http://x:99999'", "2: server.url: not the address of a server: write"),
        ("[server]\nurl = 'http://x/?a=1'", '2: server.url: "http://x/?a=1" has more than the'),
        ("[server]\nurl = 'http://u:p@x/'", "2: server.url: a name or a password has no place"),
        ("[service]\nname = 'x'", "1: service must be an array of tables: write [[service]]"),
        ("[[service]]\nname = 'x'", '1: service lacks "command"'),
        ("[[service]]\nname='a'\ncommand='a'\n[[service]]\ncommand='b'", '4: service lacks "name"'),
        ("[[service]]\nname = 'x'\ncommand = 1", "3: service.command must be a string or an array"),
        ("[[service]]\nname = 'x'\ncommand = ''", "3: service.command is empty"),
        ("[[service]]\nname = 'x'\ncommand = []", "3: service.command is empty"),
        ("[[service]]\nname = 'x'\ncommand = 'a \"b'", "3: service.command cannot be split into"),
        ("[[service]]\nname = 'x'\ncommand = 'a'\nport = 1", '4: unknown key "port" in service'),
        ("[[service]]\nname = 'x'\ncommand = 'a'\nenv.A = 1", "4: service.env.A must be a string"),
        ("[[service]]\nname = 'x'\ncommand = 'a'\ntimeout = 'x'", '4: service.timeout: "x" is not'),
        (
            "[[service]]\nname = 'x'\ncommand = 'a'\nready = ':80'",
            '4: service.ready: ":80" will not',
        ),
        (
            "[[service]]\nname = 'x'\ncommand = 'a'\nready = 'tcp://a:99999'",
            '4: service.ready: "tcp://a:99999" will not do: write "tcp://127.0.0.1:8765"',
        ),
        (
            "[[service]]\nname='a'\ncommand='a'\n[[service]]\nname='a'\ncommand='b'",
            '5: two services are named "a"; the other is on line 1',
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    assert complaint(tmp_path, text).startswith(message)


def test_a_secret_written_out_is_refused_and_not_repeated(tmp_path: Path) -> None:
    message = complaint(tmp_path, '[secrets]\nAPI_KEY = "hunter2"')
    assert message == (
        "2: secrets.API_KEY: a secret's value has no place in a file that others read, only where "
        'to find it: write API_KEY = { env = "API_KEY" } or API_KEY = { file = "path" }'
    )


def test_settings_that_are_no_text_are_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_bytes(b"\n# \xff\n")
    with pytest.raises(DefinitionError, match=r"checkwire\.toml:2: not UTF-8 text"):
        load_project(tmp_path)


def test_settings_that_are_no_file_are_not_overlooked(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    (folder / "checkwire.toml").mkdir(parents=True)
    link.mkdir()
    (link / "checkwire.toml").symlink_to("nowhere")
    for place, why in ((folder, "Is a directory"), (link, "No such file or directory")):
        with pytest.raises(DefinitionError, match=rf"checkwire\.toml: cannot be read: {why}"):
            load_project(place)
        assert not has_settings(place)  # so that what is in it is found from above


def test_settings_with_windows_line_ends_have_the_same_lines(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_bytes(b"\xef\xbb\xbf[project]\r\n\r\nid = 1\r\n")
    with pytest.raises(DefinitionError, match=r"checkwire\.toml:3: project\.id must be a string"):
        load_project(tmp_path)


def test_a_service_may_be_ready_on_an_ipv6_address(tmp_path: Path) -> None:
    text = '[[service]]\nname = "x"\ncommand = "a"\nready = "tcp://[::1]:8765"'
    assert load(tmp_path, text).services[0].ready == ("::1", 8765)


def test_paths_in_complaints_are_as_one_would_type_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkwire.toml").write_text("x = 1\n")
    with pytest.raises(DefinitionError) as caught:
        load_project(Path())
    assert str(caught.value) == 'checkwire.toml:1: unknown key "x"'


DOCS = (Path(__file__).parents[2] / "docs" / "projects.md").read_text()


def test_the_settings_in_the_docs_are_settings(tmp_path: Path) -> None:
    text = DOCS.split("```toml\n")[1].split("```")[0]
    project = load(tmp_path, text)
    assert project.name == "Order service"
    assert project.checks == Project(root="", id="", name="").checks
    said = {*project.__struct_fields__} - {"config_path", "root"}
    assert {name for name in said if not getattr(project, name)} == set()


def test_the_docs_know_every_option() -> None:
    table = DOCS.split("| option |")[1].split("\n\n")[0]
    assert tuple(row.split("`")[1] for row in table.split("\n")[2:]) == DEFAULTABLE
