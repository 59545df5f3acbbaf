"""hw3 by itself, as a stranger installs it."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALONE = """
import sys
ALLOWED = sys.stdlib_module_names | {"hw3", "sympy", "mpmath", "_distutils_hack", "sitecustomize"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])
sys.meta_path.insert(0, Refuse())
from hw3.cli import main
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"  # a build leaves folders behind, which do not belong into the checkout
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "hw3"):
        subprocess.run(["cp", "-r", ROOT / name, source], check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", folder / "site", source], check=True)
    return folder / "site"


def python(code, site, cwd):
    environment = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=environment)


def test_an_installed_copy_is_complete(installed, tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('IPython', 'myst_nb', 'jupytext', 'hypothesis', 'pytest')));"
        "import hw3, hw3.studies.experiments, hw3.bench.figures, hw3.show.status, hw3.show.verdicts, hw3.cli;"
        "import hw3.theory as t; print(hw3.__file__, t.check('t4.kernel', '10').equivalent)"
    )
    done = python(code, installed, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(installed / "hw3" / "__init__.py"), "True"]
    assert (installed / "hw3" / "py.typed").exists()


def test_sympy_alone_checks_every_answer(installed, tmp_path):
    code = ALONE + "from hw3.theory import ANSWERS\nprint({main(['check', name, '1']) for name in ANSWERS})"
    done = python(code, installed, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] in ("{0, 1}", "{1}")


def test_a_command_that_needs_more_names_it(installed, tmp_path):
    done = python(ALONE + "sys.exit(main(['run', 'shoes/mlp']))", installed, tmp_path)
    assert done.returncode == 2
    assert "pip install 'hw3[experiments]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_hw3_and_its_rooms_loads_nothing_heavy():
    rooms = "hw3, hw3.data, hw3.nets, hw3.train, hw3.studies, hw3.show, hw3.bench, hw3.cli"
    code = f"import sys, {rooms}; print([m for m in ('torch', 'numpy', 'sympy', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["data", "nets", "train", "theory"])
def test_the_public_names_of_a_room_are_there(room):
    code = f"import hw3.{room} as r; print([n for n in r.__all__ if getattr(r, n).__class__.__name__ == 'module'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["theory", "data", "nets", "train", "show"])
def test_a_dataclass_cannot_be_changed_by_whom_it_is_handed_to(room):
    decorators = [
        (path.name, node.name, ast.unparse(decorator))
        for path in (ROOT / "hw3" / room).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if "dataclass" in ast.unparse(decorator)
    ]
    assert decorators or room == "nets"
    assert [found for found in decorators if "frozen=True" not in found[-1]] == []
