"""Importing a project's own modules: where they are found, and with their assertions rewritten."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from zlib import crc32

from checkwire.project.assertions import SITES, Rewritten, rewrite
from checkwire.sdk.assertions import register
from checkwire.sdk.check import declared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

__all__ = ["NAMESPACE", "ProjectImports", "run_rewritten"]

NAMESPACE = "checkwire_project"
"""The package that check files are imported into, so that no name of theirs can stand in for
another module's. Its ``__path__`` is the project, so relative imports work."""

_FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_UNTOUCHED = frozenset({"__main__", "checkwire"})
_CHECKWIRE = str(Path(__file__).parent.parent)


def run_rewritten(rewritten: Rewritten, module: ModuleType, path: str) -> None:
    """Run a module's code in its namespace, its sites made known under ``path``."""
    register(path, rewritten.sites)
    module.__dict__[SITES] = rewritten.sites
    exec(rewritten.code, module.__dict__)


def part_name(path: str) -> str:
    """What the last part of a path is called as a part of a module's name.

    A dot in it is replaced. As another name may differ by that alone, a checksum follows.

    Args:
        path: of a folder, or of a file without its suffix; relative to the project.
    """
    name = path.rpartition("/")[2]
    if "." not in name:
        return name
    return f"{name.replace('.', '_')}_{crc32(path.encode()):08x}"


class ProjectImports:
    """A project's hold on imports: its folders on ``sys.path``, its modules rewritten.

    Use :meth:`install` before the first import and, unless the process ends, :meth:`remove`.
    """

    def __init__(self, root: str) -> None:
        """Prepare for the project in the folder ``root``, an absolute path."""
        self.root = root
        self._prefix = root.rstrip(os.sep) + os.sep
        self._folder = root
        self._away: dict[str, dict[str, ModuleType]] = {}
        self._adopted: set[str] = set()
        self._named_otherwise: dict[str, str] = {}

    def install(self) -> None:
        """Take part in imports from now on."""
        # Right before the finder that reads sys.path: whoever stands before that keeps its say.
        finders = sys.meta_path
        index = finders.index(PathFinder) if PathFinder in finders else len(finders)
        finders.insert(index, self)
        package = ModuleType(NAMESPACE, "Holds the modules of check files.")
        package.__path__ = [self.root]
        package.__spec__ = ModuleSpec(NAMESPACE, None, is_package=True)
        package.__spec__.submodule_search_locations = package.__path__
        sys.modules[NAMESPACE] = package
        sys.path.insert(0, self.root)

    def remove(self) -> None:
        """Let go: of imports, of ``sys.path``, and of what was imported and declared meanwhile."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        for entry in {self._folder, self.root}:
            if entry in sys.path:
                sys.path.remove(entry)
        for name, module in list(sys.modules.items()):
            ours = name == NAMESPACE or name.startswith(f"{NAMESPACE}.")
            if ours or isinstance(getattr(module, "__loader__", None), RewritingLoader):
                del sys.modules[name]
        declared[:] = [(m, f) for m, f in declared if not m.module.startswith(f"{NAMESPACE}.")]

    def enter(self, folder: str) -> None:
        """Let code of this folder import its neighbours by their bare names.

        The folder goes to the front of ``sys.path``, in place of the one before, whose modules
        are put away until it is entered again: ``import helpers`` means the one next door, else
        that of the project's root, and never that of whoever was loaded first. A check that
        imports while it runs needs its folder entered then, too.
        """
        if folder == self._folder:
            return
        # Before sys.path changes: a package without an __init__.py follows it.
        if self._folder != self.root:
            self._put_away(self._folder, lambda _: True)
            if self._folder in sys.path:  # a check may have taken it away
                sys.path.remove(self._folder)
        sys.modules.update(self._away.pop(self.root, {}))
        if folder != self.root:
            self._put_away(self.root, lambda name: _holds_module(folder, name))
            sys.path.insert(0, folder)
        sys.modules.update(self._away.pop(folder, {}))
        self._folder = folder

    @contextmanager
    def keeping_path(self) -> Iterator[None]:
        """Put back into ``sys.path`` what code that runs meanwhile takes away.

        What it adds stays, for its checks may import from there.
        """
        before = list(sys.path)
        try:
            yield
        finally:
            found = list(sys.path) if isinstance(sys.path, list | tuple) else []
            if any(entry not in found for entry in before):
                found = [*before, *(entry for entry in found if entry not in before)]
            if found != sys.path:
                sys.path = found

    def _put_away(self, folder: str, chosen: Callable[[str], bool]) -> None:
        """Take the modules found in a folder, with those below them, out of ``sys.modules``."""
        own = {n: m for n, m in sys.modules.items() if "." not in n and n not in _UNTOUCHED}
        tops = {name for name, m in own.items() if _home(m) == folder and chosen(name)}
        names = [name for name in sys.modules if name.partition(".")[0] in tops]
        self._away[folder] = {name: sys.modules.pop(name) for name in names}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What ``PathFinder`` finds, with our loader if it is a module of the project."""
        if (folder := self._named_otherwise.get(name)) is not None:
            return self._package_spec(name, folder)
        spec = PathFinder.find_spec(name, path, target)
        if (
            spec is not None
            and type(spec.loader) is SourceFileLoader
            and spec.origin is not None
            and self.owns(spec.origin)
        ):
            spec.loader = RewritingLoader(name, spec.origin, self.relative(spec.origin))
            spec.cached = None
        return spec

    def name_folders(self, path: str) -> None:
        """Let the folders above a check file be found by the names that they have as packages.

        Those of :func:`part_name`, that is, by which no finder would look for them.

        Args:
            path: of the file, relative to the project.
        """
        package = NAMESPACE
        folders = path.split("/")[:-1]
        for depth, folder in enumerate(folders, 1):
            relative = "/".join(folders[:depth])
            package = f"{package}.{part_name(relative)}"
            if "." in folder:
                self._named_otherwise[package] = self._prefix + relative.replace("/", os.sep)

    def _package_spec(self, name: str, folder: str) -> ModuleSpec:
        start = os.path.join(folder, "__init__.py")  # noqa: PTH118
        if os.path.isfile(start):  # noqa: PTH113
            loader = RewritingLoader(name, start, self.relative(start))
            spec = ModuleSpec(name, loader, origin=start, is_package=True)
            spec.has_location = True
        else:
            spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [folder]
        return spec

    def owns(self, file: str) -> bool:
        """Whether the file is the project's own: below its folder, and not an installed library."""
        if file in self._adopted:
            return True
        if not file.startswith(self._prefix) or file.startswith(_CHECKWIRE + os.sep):
            return False
        for prefix in (sys.prefix, sys.base_prefix):
            # A virtual environment inside the project; a project may also be inside of one.
            if prefix.startswith(self._prefix) and file.startswith(prefix + os.sep):
                return False
        folders = Path(file[len(self._prefix) :]).parts[:-1]
        return not any(folder in _FOREIGN or folder.startswith(".") for folder in folders)

    def adopt(self, file: str) -> None:
        """Take a file as the project's own wherever it stands: the user named it."""
        self._adopted.add(file)

    def relative(self, file: str) -> str:
        """A file's path as it is told: relative to the project, with forward slashes."""
        return os.path.relpath(file, self.root).replace(os.sep, "/")


def _home(module: ModuleType) -> str | None:
    """The folder that a top-level module was found in."""
    namespace = vars(module) if isinstance(module, ModuleType) else {}
    path = namespace.get("__path__")  # a package, with or without an __init__.py
    place = next(iter(path), None) if path is not None else namespace.get("__file__")
    return os.path.dirname(place) if isinstance(place, str) else None  # noqa: PTH120 - of hundreds


def _holds_module(folder: str, name: str) -> bool:
    base = os.path.join(folder, name)  # noqa: PTH118
    return os.path.isfile(f"{base}.py") or os.path.isdir(base)  # noqa: PTH112, PTH113


class RewritingLoader(SourceFileLoader):
    """Runs a source file with its assertions rewritten. It reads and writes no bytecode cache."""

    def __init__(self, name: str, file: str, path: str) -> None:
        super().__init__(name, file)
        self._path = path

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        source = self.get_data(self.path)
        run_rewritten(rewrite(source, filename=self.path, path=self._path), module, self._path)

    def get_code(self, fullname: str) -> CodeType:
        """The module's code as it was written: who asks runs it without our namespace."""
        return self.source_to_code(self.get_data(self.path), self.path)
