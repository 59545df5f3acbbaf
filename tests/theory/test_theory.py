"""The package itself: what it hands on and what it needs."""

import importlib
import subprocess
import sys

import hw3.theory


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_every_public_name_is_there():
    assert all(hasattr(hw3.theory, name) for name in hw3.theory.__all__)


def test_check_is_the_function_also_after_its_module_was_imported():
    module = importlib.import_module("hw3.theory.check")
    assert module.check is hw3.theory.check
    code = "import hw3.theory.check, hw3.theory; print(hw3.theory.check('t3.da', 'yhat-y').equivalent)"
    assert printed(code) == "True"
    assert (
        printed("from hw3.theory.check import ANSWERS; from hw3.theory import check; print(callable(check))") == "True"
    )


def test_neither_torch_nor_numpy_is_loaded_not_even_by_a_check():
    code = "import sys, hw3.theory; hw3.theory.check('t3.dz1', '0'); print({'torch', 'numpy'} & set(sys.modules))"
    assert printed(code) == "set()"
