"""The one memory: what was computed once is kept under a key of everything that could change it, and checked when it
is read again.

A key is made of ``what`` was asked for (a complete plain description), of the meaning of the code that makes it, and of
the versions of what it stands on. The meaning of code is its syntax tree without comments and docstrings, over all
modules of this package that it imports: an edited word changes no key, an edited operator does.
"""

import ast
import hashlib
import inspect
import json
import platform
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

from hw3 import files
from hw3.files import DataError, lock, refused, report, runs_dir, settle, sha256, whole, writing

LIBRARY = Path(__file__).resolve().parent
PACKAGE = LIBRARY.name
NEUTRAL = (__name__, files.__name__)  # they move bytes and make none
PACKAGES = ("torch", "torchvision", "pytorch-lightning", "numpy", "scikit-learn", "pillow")
RECORD, FORMAT = "entry.json", 1


class DamagedError(DataError):
    """A kept entry is not what was written."""


def described(thing: Any) -> Any:
    """``thing`` as plain values for a key: functions by their names, partial ones and dataclasses with all that they
    hold. What says by an attribute ``what`` how it is described is asked.

    Raises:
        TypeError: it holds something that has no plain description.
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if hasattr(thing, "what") and not isinstance(thing, type):
        return described(thing.what)
    if isinstance(thing, partial):
        arguments = {f"argument {i}": value for i, value in enumerate(thing.args)} | thing.keywords
        return {"call": _qualified(thing.func), **described(arguments)}
    if isinstance(thing, Mapping):
        return {str(name): described(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [described(value) for value in thing]
    if is_dataclass(thing) and not isinstance(thing, type):
        return {"kind": type(thing).__qualname__} | {f.name: described(getattr(thing, f.name)) for f in fields(thing)}
    return {"call": _qualified(thing)}


def _qualified(thing: Any) -> str:
    """The name of a function or a class, which stands for it only if it holds no values of its own."""
    name, holder = getattr(thing, "__qualname__", "<object>"), getattr(thing, "__self__", None)
    holds = getattr(thing, "__closure__", None) or not isinstance(holder, ModuleType | None)
    if holds or name.endswith(("<object>", "<lambda>")):
        raise TypeError(
            f"{thing!r} cannot stand in a configuration; numbers, texts, dataclasses and named functions can, and "
            "functools.partial gives these their values"
        )
    module = "__main__" if thing.__module__ == "__mp_main__" else thing.__module__  # a script, in a worker of its own
    return f"{module}.{name}"


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute, without their build tags."""
    packages = {name: version(name).split("+")[0] for name in PACKAGES}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **packages}


def _source(module: str) -> Path | None:
    path = LIBRARY.parent / module.replace(".", "/")
    inside = module.split(".")[0] == PACKAGE
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None) if inside else None


def _without_words(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or another text that stands by itself."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


@cache
def _tree(path: Path, stamp: tuple[int, int]) -> tuple[str, tuple[str, ...]]:
    return meaning_and_imports(path.read_text(encoding="utf-8"))


def meaning_and_imports(text: str) -> tuple[str, tuple[str, ...]]:
    """What code means, and the names of what it imports."""
    tree = ast.parse(text)
    imported: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]  # types mean nothing to what is computed
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:  # a name may be a module of the package
            imported += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return _without_words(tree), tuple(imported)


def closure(modules: Iterable[str]) -> dict[str, str]:
    """``modules`` of this package and all that they import of it, however far and also inside functions: the meaning
    of each."""
    meanings: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None:
            waiting += _handed_on(name)
            continue
        if name in meanings or name in NEUTRAL:
            continue
        status = path.stat()
        meanings[name], imported = _tree(path, (status.st_mtime_ns, status.st_size))
        waiting += imported
    return dict(sorted(meanings.items()))


def _handed_on(name: str) -> list[str]:
    """The module of a function or class that a module of this package was asked for and has from another."""
    module, _, attribute = name.rpartition(".")
    thing = getattr(sys.modules.get(module), attribute, None) if _source(module) else None
    home = getattr(thing, "__module__", None)
    return [home] if isinstance(home, str) and home != module and _source(home) else []


def _homes(thing: Any) -> list[Any]:
    """The module, or for an object its function or class; of a partial one also what it hands on."""
    if isinstance(thing, partial):
        handed = [value for value in (*thing.args, *thing.keywords.values()) if callable(value)]
        return [home for part in (thing.func, *handed) for home in _homes(part)]
    return [thing if isinstance(thing, ModuleType) or hasattr(thing, "__qualname__") else type(thing)]


def meaning(code: Sequence[Any]) -> dict[str, Any]:
    """Of ``code`` (modules, functions, classes, or objects of them): its ``modules`` in this package, and digests of
    what these mean with all that they import, ``ours``, and of code outside of this package, ``others``.

    The latter counts by its own file, or where there is none (a notebook) by its own definition, and by what that
    imports of this package.

    Raises:
        TypeError: code whose text cannot be had.
    """
    ours: set[str] = set()
    others: set[str] = set()
    for home in chain.from_iterable(map(_homes, code)):
        name = home.__name__ if isinstance(home, ModuleType) else home.__module__
        if _source(name) is not None:
            ours.add(name)
            continue
        tree, imported = meaning_and_imports(_text(home, name))
        others.add(tree)
        ours.update(closure(imported))
    return {"modules": sorted(ours), "ours": digest(closure(ours)), "others": digest(sorted(others))}


def _text(home: Any, module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file and file.endswith(".py"):
        return Path(file).read_text(encoding="utf-8")
    try:
        return textwrap.dedent(inspect.getsource(home))
    except (OSError, TypeError) as error:
        raise TypeError(f"the source of {home!r} cannot be read; write it into a file or a notebook") from error


def digest(plain: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A place in the memory. ``what`` is plain; ``code`` is what makes it, with what that hands on."""

    kind: str
    what: dict[str, Any]
    code: tuple[Any, ...]
    root: Path
    label: str = ""

    @property
    def key(self) -> str:
        return digest({"what": self.what, "code": meaning(self.code), "versions": versions()})[:16]

    @property
    def folder(self) -> Path:
        return self.root / self.kind / "-".join(filter(None, (self.label, self.key)))

    @property
    def unfinished(self) -> Path:
        """Where it is being made."""
        return self.folder.with_name(f".{self.folder.name}.unfinished")

    def stored(self) -> Path | None:
        """The folder, if it is complete and unchanged; what is damaged is named and removed."""
        folder = self.folder
        try:
            return folder if read(folder) else None
        except DamagedError:
            with lock(folder):
                try:
                    return folder if read(folder) else None  # another process may have made it again
                except DamagedError as error:
                    report(f"{error}; it is made again")
                    remove(folder)
        return None

    def made(self, make: Callable[[Path], None]) -> Path:
        """The folder, made by ``make(folder)`` if it is not stored. Two processes that ask at once make it once.

        ``make`` may find what a killed one left in the folder, and go on from there or write over it.
        """
        folder = self.stored()
        if folder is not None:
            return folder
        folder, unfinished, code = self.folder, self.unfinished, meaning(self.code)  # as they are when it begins
        with lock(folder), writing(folder):
            if not read(folder):
                unfinished.mkdir(parents=True, exist_ok=True)
                make(unfinished)
                self._seal(unfinished, code)
                unfinished.rename(folder)
                settle(folder.parent, deep=False)
        return folder

    def _seal(self, folder: Path, code: dict[str, Any]) -> None:
        """Write the record that makes the entry complete."""
        for scratch in list(folder.rglob(".*")):  # of writings that were killed
            if scratch.exists():
                remove(scratch)
        kept = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
        record = {
            "format": FORMAT,
            "kind": self.kind,
            "what": self.what,
            "code": code,
            "versions": versions(),
            "files": {name: [path.stat().st_size, sha256(path)] for name, path in kept.items() if name != RECORD},
        }
        with whole(folder / RECORD) as path:
            path.write_text(json.dumps(record | {"checksum": digest(record)}, indent=1), encoding="utf-8")
        settle(folder)


def once(
    kind: str,
    what: Mapping[str, Any],
    make: Callable[[Path], None],
    *,
    code: Sequence[Any] = (),
    root: Path | None = None,
    label: str = "",
) -> Path:
    """The folder with the files that ``make(folder)`` writes, made once for each ``what``.

    Args:
        what: a complete description; it is made plain by ``described``.
        code: functions, classes or objects that are used beside ``make`` and its module.
        root: by default the run store; the cache for what can cheaply be had again.

    Raises:
        DataError: the place cannot be written.
    """
    return Entry(kind, described(what), (make, *code), root or runs_dir(), label).made(make)


_verified: dict[Path, int] = {}  # folders whose files were checked by this process, with their records' times


def read(folder: Path) -> dict[str, Any] | None:
    """The record of the entry in ``folder``; None if there is no such folder.

    Raises:
        DamagedError: the record or a file is not what was written, or was written by another version of this package.
    """
    if not folder.exists():
        return None
    path = folder / RECORD
    try:
        if not path.is_file():  # a pipe would be waited for
            raise OSError("it is missing, or no file")
        stamp = path.stat().st_mtime_ns
        record = json.loads(path.read_text(encoding="utf-8"))
        unchanged = record.pop("checksum") == digest(record)
        files = {str(name): (int(size), str(checksum)) for name, (size, checksum) in record.get("files", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{folder} is damaged ({RECORD} is no record: {error})") from error
    if not unchanged:
        raise DamagedError(f"{folder} is damaged ({RECORD} was changed)")
    if record.get("format") != FORMAT:
        raise DamagedError(f"{folder} is of another version")
    if _verified.get(folder) != stamp:
        for name, (size, checksum) in files.items():
            kept = folder / name
            if not kept.is_file() or kept.stat().st_size != size or sha256(kept) != checksum:
                raise DamagedError(f"{folder} is damaged ({name} {'was changed' if kept.exists() else 'is missing'})")
        _verified[folder] = stamp
    return record


def current(record: dict[str, Any]) -> bool:
    """Would the same question find this entry today: do its code and its versions still mean the same? Code outside of
    this package is not at hand; it is taken for unchanged."""
    code = record["code"]
    there = all(_source(name) for name in code["modules"])
    return there and record["versions"] == versions() and digest(closure(code["modules"])) == code["ours"]


def entries(root: Path) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Every finished entry under ``root`` with its record; None where it is damaged, which is said, or where it was
    written by another version of this package."""
    if not root.is_dir():
        raise DataError(f"{root} is not there; nothing was kept yet, or HW3_RUNS or HW3_CACHE names another folder")
    for path in sorted(root.rglob(RECORD)):
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            continue
        try:
            yield path.parent, read(path.parent)
        except DamagedError as error:
            report(f"{error}, passed over")
            yield path.parent, None
    for path in sorted(root.rglob("result.json")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if not hidden and not (path.parent / RECORD).exists():
            report(f"{path.parent} is of another version, passed over")
            yield path.parent, None


def leftovers(root: Path) -> list[Path]:
    """Files that versions before 0.2 kept beside each other, without a record."""
    old = ("precision", "manifests", "decoded", "features", "teachers", "probes", "search")
    return [path for kind in old for path in sorted((root / kind).glob("*")) if path.is_file() and path.name[0] != "."]


def remove(folder: Path) -> None:
    """Take an entry away.

    Raises:
        DataError: it cannot be removed.
    """
    try:
        if folder.is_file():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        raise refused(folder, error) from error
