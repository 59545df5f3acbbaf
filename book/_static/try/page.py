"""What a page asks of Python: to judge a formula, and to run a cell. The build asks which cells can run there."""

import ast
import builtins
import contextlib
import io
import sys
import traceback
from collections.abc import Iterator

from hw3.theory import RefusedError, check

MOST = 4000  # characters of what a cell prints
SCOPES = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.ClassDef)


def judge(answer: str, formula: str, hint: bool) -> tuple[bool, str]:
    """Is ``formula`` right, and what is to be said of it?"""
    try:
        verdict = check(answer, formula, hint)
    except RefusedError as error:
        return False, f"Not read: {error}"
    return verdict.equivalent, str(verdict)


def outer(node: ast.AST) -> Iterator[ast.AST]:
    """``node`` and what is in it, without the insides of functions and comprehensions."""
    yield node
    if not isinstance(node, SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from outer(child)


def binds(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a value."""
    names = {n.id for n in outer(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    names |= {n.name for n in outer(statement) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return names | {(n.asname or n.name).split(".")[0] for n in outer(statement) if isinstance(n, ast.alias)}


def uses(statement: ast.stmt) -> set[str]:
    """The names that a statement looks up, those of its own functions and comprehensions among them."""
    names = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    target = (
        {statement.target.id} if isinstance(statement, ast.AugAssign) and hasattr(statement.target, "id") else set()
    )
    return names | target


def imports(statement: ast.stmt) -> set[str]:
    """The modules that a statement imports."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom):
            found.add(node.module or ".")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def in_page(module: str) -> bool:
    root = module.split(".")[0]
    return (
        root == "sympy" or module == "hw3.theory" or module.startswith("hw3.theory.") or root in sys.stdlib_module_names
    )


def alone(cells: list[str]) -> list[tuple[str, bool]]:
    """For each cell of a page the part that needs SymPy and ``hw3.theory`` alone, and whether that is all of it."""
    known, parts = set(dir(builtins)), []
    for code in cells:
        kept, tree = [], ast.parse(code)
        for statement in tree.body:
            inner = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            inner |= {n.arg for n in ast.walk(statement) if isinstance(n, ast.arg)} | binds(statement)
            if all(map(in_page, imports(statement))) and uses(statement) <= known | inner:
                kept.append(statement)
                known |= binds(statement)
            else:
                known -= binds(statement) - set(dir(builtins))
        whole = len(kept) == len(tree.body)
        parts.append((code if whole else "\n".join(map(ast.unparse, kept)), whole))
    return parts


def needed(above: list[str], code: ast.Module) -> list[ast.stmt]:
    """The statements of the cells ``above`` that ``code`` builds on, so that it need not wait for the others."""
    wanted, kept = {name for statement in code.body for name in uses(statement)}, []
    for statement in reversed([statement for cell in above for statement in ast.parse(cell).body]):
        if binds(statement) & wanted:
            kept.append(statement)
            if isinstance(statement, ast.Assign):
                wanted -= binds(statement)
            wanted |= uses(statement)
    return kept[::-1]


def run(above: list[str], cell: str) -> tuple[str, str, str]:
    """Run ``cell`` after the cells ``above``: what it prints and shows as text, as LaTeX, and what went wrong."""
    printed, formula = io.StringIO(), ""
    try:
        code, names = ast.parse(cell), {"__name__": "__main__"}
        last = code.body.pop() if code.body and isinstance(code.body[-1], ast.Expr) else None
        wanted = ast.Module([*code.body, *([last] if last else [])], [])
        with contextlib.redirect_stdout(printed):
            exec(compile(ast.Module(needed(above, wanted), []), "<above>", "exec"), names)
            exec(compile(code, "<cell>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
        if hasattr(value, "_repr_latex_"):
            formula = value._repr_latex_()
        elif value is not None:
            printed.write(repr(value))
    except SyntaxError as error:
        return "", "", f"line {error.lineno}: {error.msg}"
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<cell>"]
        where = f"line {lines[-1]}" if lines else "in a cell above"
        return printed.getvalue()[:MOST], "", f"{where}: {type(error).__name__}: {error}"
    text = printed.getvalue()
    return text[:MOST] + (" …" if len(text) > MOST else ""), formula, ""
