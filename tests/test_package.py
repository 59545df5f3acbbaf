"""hw3 by itself, as a stranger installs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_an_installed_copy_is_complete(tmp_path):
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    source = tmp_path / "source"  # a build leaves folders behind, which do not belong into the checkout
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "hw3"):
        subprocess.run(["cp", "-r", ROOT / name, source], check=True)
    subprocess.run([*install, "--target", tmp_path / "site", source], check=True)
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('IPython', 'myst_nb', 'jupytext', 'hypothesis', 'pytest')));"
        "import hw3, hw3.lab.run, hw3.lab.bench, hw3.lab.status, hw3.cli, hw3.theory as t;"
        "print(hw3.__file__, t.check('t4.kernel', '10').equivalent)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.stdout.split() == [str(tmp_path / "site" / "hw3" / "__init__.py"), "True"]


def test_importing_hw3_and_its_data_loads_nothing_heavy():
    code = "import sys, hw3, hw3.data; print([m for m in ('torch', 'numpy', 'sympy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_is_long_enough_to_hold_two_ideas():
    long = {str(p): n for p in (ROOT / "hw3").rglob("*.py") if (n := len(p.read_text().splitlines())) > 200}
    assert not long
