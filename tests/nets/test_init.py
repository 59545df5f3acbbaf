"""The room's own file: its public names, and that importing it costs nothing."""

import subprocess
import sys

import pytest

import hw3.nets


def test_the_room_hands_its_names_on():
    for name in hw3.nets.__all__:
        assert getattr(hw3.nets, name).__name__ == name
    with pytest.raises(AttributeError, match=r"hw3\.nets has no 'vit'"):
        _ = hw3.nets.vit


def test_importing_the_room_loads_no_torch():
    code = "import sys, hw3.nets; assert 'torch' not in sys.modules, 'torch'"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
