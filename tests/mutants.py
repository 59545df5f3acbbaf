"""Change one operator or number at a time, and see whether the module's own tests notice.

Cosmic Ray's operators make the mutants, for a seeded sample of places of each module that mutants.toml lists. Its own
runner starts Python, and so torch, for each mutant; here each runs in a fork of a process that has imported the
libraries, on a copy of the project. ``python tests/mutants.py --write`` (`make mutants`) puts the scores and what
survived into CONTRIBUTING.md; names of modules or folders, and another number of places, may follow.
"""

import ast
import contextlib
import difflib
import importlib
import json
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
KEPT = ROOT / "_build" / "mutants.json"  # the last result of each module
REPORT = re.compile("(?<=<!-- mutants -->\n).*?(?=<!-- /mutants -->)", re.S)


def meaning(code: str) -> str:
    """The syntax tree without annotations, which nothing computes with."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(None))
    return ast.dump(tree)


def mutants(code: str, sample: int, seed: int) -> Iterator[str]:
    """``code`` changed in one place, for ``sample`` places; what means the same as before is passed over."""
    places = defaultdict(list)
    for name in operator_names():
        if not get_operator(name).arguments():
            found = (
                place for node in ast_nodes(get_ast(code)) for place in get_operator(name)().mutation_positions(node)
            )
            for occurrence, place in enumerate(found):
                places[place].append((name, occurrence))
    choice, original, made = random.Random(seed), meaning(code), 0
    for place in choice.sample(sorted(places), len(places)):
        name, occurrence = choice.choice(places[place])
        mutant = mutate_code(code, get_operator(name)(), occurrence)
        try:
            if mutant and made < sample and meaning(mutant) != original:
                made += 1
                yield mutant
        except SyntaxError:
            continue


def change(before: str, after: str) -> str:
    """The lines that were changed, as they were and as they are."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return " → ".join(" ".join(" ".join(line[2:].split()) for line in lines if line[0] == sign) for sign in "-+")


def passes(test: Path) -> bool:
    """Do the tests of a file pass, in a process of its own? Endless ones do not."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (SETTINGS["seconds"],) * 2)  # a busy machine changes no score
        status = 1
        try:
            import hypothesis
            import pytest

            few = [
                phase for phase in hypothesis.Phase if phase.name in ("explicit", "generate")
            ]  # shrinking takes long
            hypothesis.settings.register_profile("mutants", database=None, phases=few, derandomize=True)
            hypothesis.settings.load_profile("mutants")
            status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", str(test)]))
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def preload(*paths: Path) -> None:
    """Import what modules and their tests use, so that a fork has it already; the package itself is let go again."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]:
                    with contextlib.suppress(ImportError):
                        importlib.import_module(name or "ast")
    for name in [name for name in sys.modules if name.partition(".")[0] == "hw3"]:
        del sys.modules[name]


def survivors(path: Path, copy: Path) -> tuple[int, list[str]]:
    """How many mutants of a module were tried, and the changes that its tests did not notice.

    Raises:
        RuntimeError: the tests fail without a change.
    """
    code, target = (ROOT / path).read_text(encoding="utf-8"), copy / path
    test = copy / "tests" / path.relative_to("hw3").with_name(f"test_{path.name}")
    preload(target, test)
    if not passes(test):
        raise RuntimeError(f"{test.relative_to(copy)} fails without a mutant")
    alive, tried = [], 0
    for mutant in mutants(code, SETTINGS["sample"], SETTINGS["seed"]):
        target.write_text(mutant, encoding="utf-8")
        tried += 1
        if passes(test):
            alive.append(change(code, mutant))
            print(f"  {path}: {alive[-1]}", flush=True)
    target.write_text(code, encoding="utf-8")
    return tried, alive


def modules() -> list[Path]:
    """What is mutated, from the root of the project."""
    return sorted({path.relative_to(ROOT) for pattern in SETTINGS["modules"] for path in ROOT.glob(pattern)})


def report(results: dict[str, dict]) -> str:
    """The last score of each module, and what survived with the reason, as Markdown."""
    known = {change: entry["reason"] for entry in SETTINGS["equivalent"] for change in entry["changes"]}
    rows, left, killed, counted = [], [], 0, 0
    for name, result in sorted(results.items()):
        same = sum(one in known for one in result["alive"])
        dead, real = result["tried"] - len(result["alive"]), result["tried"] - same
        rows.append(f"| {name} | {dead} of {real} | {same} |")
        left += [f"- {name}: `{one}`: {known.get(one, 'a hole')}" for one in result["alive"]]
        killed, counted = killed + dead, counted + real
    rows += [f"| {path.as_posix()} | not tried yet | |" for path in modules() if path.as_posix() not in results]
    total = f"{killed} of {counted} mutants were noticed ({killed / counted:.1%}), equivalent ones apart."
    head = ["", total, "", "| module | noticed | equivalent |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows, "", *left, "", ""])


def main(names: list[str]) -> None:
    wanted = [word for word in names if not word.isdigit()]
    paths = [path for path in modules() if not wanted or path.stem in wanted or path.parent.name in wanted]
    SETTINGS["sample"] = next((int(word) for word in names if word.isdigit()), SETTINGS["sample"])
    results = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        copy = Path(folder).resolve()
        for name in ("hw3", "tests", "pyproject.toml"):
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
        sys.path.insert(0, folder)
        os.environ |= {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        for path in paths:
            tried, alive = survivors(path, copy)
            print(f"{path}: {tried - len(alive)} of {tried} noticed", flush=True)
            results[path.as_posix()] = {"tried": tried, "alive": alive}
            KEPT.parent.mkdir(exist_ok=True)
            KEPT.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    if "--write" in sys.argv:
        guide = ROOT / "CONTRIBUTING.md"
        text = REPORT.sub(lambda _: report(results), guide.read_text(encoding="utf-8"))
        guide.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main([word for word in sys.argv[1:] if not word.startswith("-")])
