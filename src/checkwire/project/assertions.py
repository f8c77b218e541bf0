"""Makes plain ``assert`` first class: rewrites a module so that each one reports to its site.

``assert TEST, MESSAGE`` becomes, with names that no source can spell::

    @values = {}
    try:
        if TEST':
            @sites[3].passed()
        else:
            raise @sites[3].failed(@values, MESSAGE)
    except:
        @sites[3].broke(@values)
        raise
    del @values

where ``TEST'`` is ``TEST`` with each part worth showing, say ``ack["id"]``, replaced by
``@values.setdefault(0, ack["id"])``: it is evaluated as before, once, in the same order and scope
(so ``await``, ``:=`` and short circuits stay what they are), and its value is kept on the way, at
the cost of one call in C.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from checkwire.sdk.assertions import Site
from checkwire.sdk.parts import mark_parts

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["SITES", "Rewritten", "decode", "rewrite"]

SITES = "@sites"
"""The name under which a rewritten module finds its sites; whoever runs it must set it."""

_VALUES = "@values"
_BLOCKS = ("body", "orelse", "finalbody")


class Rewritten(NamedTuple):
    """A module, ready to run.

    Attributes:
        code: runs in a namespace in which :data:`SITES` is ``sites``.
        sites: its assertions, numbered as the code numbers them.
        definitions: for each decorated function, the line of its first decorator and that of its
            ``def``; a code object knows only the former.
    """

    code: CodeType
    sites: tuple[Site, ...]
    definitions: dict[int, int]


def rewrite(source: bytes, *, filename: str, path: str) -> Rewritten:
    """Compile a module with its assertions rewritten.

    Those in the body of a class stay evaluated as they are, unrecorded: a class must not see a
    name that its author did not write.

    Args:
        source: the file's contents.
        filename: for tracebacks.
        path: for the sites: relative to the project, with forward slashes.

    Raises:
        SyntaxError: as Python does; and for ``assert (condition, "message")``, which tests a
            tuple and so can never fail.
    """
    text = decode(source, filename)
    tree = ast.parse(text, filename)
    rewriter = _Rewriter(text, filename, path)
    rewriter.module(tree)
    # dont_inherit: the __future__ imports of this file are not the module's.
    code = compile(tree, filename, "exec", dont_inherit=True)
    return Rewritten(code, tuple(rewriter.sites), rewriter.definitions)


def decode(source: bytes, filename: str) -> str:
    """A module's text: its declared encoding applied, each line ended by a line feed.

    Raises:
        SyntaxError: if it is not text in that encoding.
    """
    text: str | None = None
    head = source.split(b"\n", 2)[:2]
    if not any(b"coding" in line for line in head):
        try:
            text = source.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = source.count(b"\n", 0, error.start) + 1
            raise SyntaxError("not UTF-8 text", (filename, line, None, None)) from None
    if text is None:
        from importlib.util import decode_source  # brings tokenize: 5 ms that few files need

        try:
            text = decode_source(source)
        except UnicodeDecodeError as error:
            raise SyntaxError(str(error), (filename, 1, None, None)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Scope(NamedTuple):
    body: list[ast.stmt]
    function: str
    is_class: bool


class _Rewriter:
    def __init__(self, text: str, filename: str, path: str) -> None:
        self._filename = filename
        self._path = path
        self._text = text
        self._lines: list[bytes] | None = None
        self.sites: list[Site] = []
        self.definitions: dict[int, int] = {}

    def module(self, tree: ast.Module) -> None:
        """Rewrite everything in it, in place.

        Only statements are looked at, block by block, without recursion: an ``assert`` can stand
        nowhere else, and expressions are what most of a tree is made of.
        """
        scopes = [_Scope(tree.body, "", is_class=False)]
        while scopes:
            scope = scopes.pop()
            for index in range(len(scope.body) - 1, -1, -1):
                node = scope.body[index]
                if isinstance(node, ast.Assert):
                    scope.body[index : index + 1] = self._replacement(node, scope)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    scopes.append(self._inner_scope(node, scope))
                else:
                    scopes += [scope._replace(body=body) for body in _blocks(node)]

    def _inner_scope(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: _Scope
    ) -> _Scope:
        between = "." if scope.is_class else ".<locals>."
        name = f"{scope.function}{between}{node.name}" if scope.function else node.name
        if node.decorator_list:
            self.definitions[node.decorator_list[0].lineno] = node.lineno
        return _Scope(node.body, name, isinstance(node, ast.ClassDef))

    def _replacement(self, node: ast.Assert, scope: _Scope) -> list[ast.stmt]:
        if isinstance(node.test, ast.Tuple) and node.test.elts:
            raise SyntaxError(
                "this assert tests a tuple, so it can never fail: remove the parentheses",
                (self._filename, node.lineno, node.col_offset + 1, self._line(node.lineno)),
            )
        number = len(self.sites)
        self.sites.append(Site(self._path, node.lineno, scope.function, self._source(node)))
        make = _Maker(node)
        site = make.subscript(make.name(SITES), number)
        test = node.test if scope.is_class else mark_parts(node.test, _record)
        values = make.empty_dict() if scope.is_class else make.name(_VALUES)
        message = [] if node.msg is None else [node.msg]
        passed = make.call(site, "passed", [])
        failed = make.call(site, "failed", [values, *message])
        decision = ast.If(
            test=test,
            body=[ast.Expr(value=passed, **make.position)],
            orelse=[ast.Raise(exc=failed, cause=None, **make.position)],
            **make.position,
        )
        if scope.is_class:
            return [decision]
        start = ast.Assign(
            targets=[make.name(_VALUES, ast.Store())], value=make.empty_dict(), **make.position
        )
        broke = make.call(site, "broke", [make.name(_VALUES)])
        handler = ast.ExceptHandler(
            body=[ast.Expr(value=broke, **make.position), ast.Raise(**make.position)],
            **make.position,
        )
        guarded = ast.Try(
            body=[decision], handlers=[handler], orelse=[], finalbody=[], **make.position
        )
        end = ast.Delete(targets=[make.name(_VALUES, ast.Del())], **make.position)
        return [start, guarded, end]

    def _source(self, node: ast.Assert) -> str:
        """The statement as written, from its own column on."""
        if self._lines is None:
            # The columns of a syntax tree count bytes of UTF-8.
            self._lines = self._text.encode().split(b"\n")
        lines = self._lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode()

    def _line(self, number: int) -> str:
        return self._text.split("\n")[number - 1]


def _blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    """The lists of statements inside a statement that is no function and no class."""
    return [
        *(block for name in _BLOCKS if (block := getattr(node, name, None))),
        *(handler.body for handler in getattr(node, "handlers", ())),
        *(case.body for case in getattr(node, "cases", ())),
    ]


def _record(part: ast.expr, number: int) -> ast.expr:
    make = _Maker(part)
    return make.call(make.name(_VALUES), "setdefault", [make.constant(number), part])


class _Maker:
    """Makes nodes that stand where another node stands, so that tracebacks point there."""

    def __init__(self, place: ast.expr | ast.stmt) -> None:
        self.position: dict[str, Any] = {
            "lineno": place.lineno,
            "col_offset": place.col_offset,
            "end_lineno": place.end_lineno,
            "end_col_offset": place.end_col_offset,
        }

    def name(self, name: str, context: ast.expr_context | None = None) -> ast.Name:
        return ast.Name(id=name, ctx=context or ast.Load(), **self.position)

    def constant(self, value: int) -> ast.Constant:
        return ast.Constant(value=value, **self.position)

    def empty_dict(self) -> ast.Dict:
        return ast.Dict(keys=[], values=[], **self.position)

    def subscript(self, value: ast.expr, index: int) -> ast.Subscript:
        return ast.Subscript(
            value=value, slice=self.constant(index), ctx=ast.Load(), **self.position
        )

    def call(self, value: ast.expr, method: str, args: list[ast.expr]) -> ast.Call:
        function = ast.Attribute(value=value, attr=method, ctx=ast.Load(), **self.position)
        return ast.Call(func=function, args=args, keywords=[], **self.position)
