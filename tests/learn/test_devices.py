"""Two processes that share each batch end where one process with the whole batch ends."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

SCRIPT = """
import sys, torch
from pathlib import Path
from hw3.data import loader
from hw3.data.views import view_loader, views
from hw3.learn import engine
from hw3.learn.distillation import Distillation
from hw3.learn.settings import Training

folder, devices, out = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
generator = torch.Generator().manual_seed(0)
images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=generator)
labels = torch.randint(0, 3, (50,), generator=generator)
answers = torch.randn(4, 50, 3, generator=generator)

class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        nn = torch.nn  # no batch norm: each process would see the statistics of its own share
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 3))
    def forward(self, x):
        return self.body(x.float() / 255)

model = Scaled()
training = Training(epochs=3, batch_size=8)
batches = view_loader(images, labels, views(2), 8 // devices, seed=5, answers=answers)
validation = loader(images[:20], labels[:20], batch_size=10)
engine.fit(model, Distillation(0.7, 2.0), batches, validation, training, 5, folder, devices=devices)
import os
import socket
if int(os.environ.get("LOCAL_RANK", 0)) == 0:
    torch.save(model.state_dict(), out)
"""
FREE = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "PYTEST_CURRENT_TEST")


def environment(**changes):
    return {name: value for name, value in os.environ.items() if name not in FREE} | changes


def test_two_processes_equal_one_at_the_same_global_batch(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    found = []
    for devices in (1, 2):
        out = tmp_path / f"{devices}.pt"
        command = [sys.executable, "script.py", str(tmp_path / f"run{devices}"), str(devices), str(out)]
        done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found.append(torch.load(out, weights_only=True))
    assert all(torch.allclose(found[0][name], found[1][name], rtol=1e-4, atol=1e-6) for name in found[0])


def test_processes_with_different_runs_are_refused(tmp_path):
    """Their gradients would be averaged without a complaint: the networks have the same shapes."""
    mixed = SCRIPT.replace("Path(sys.argv[1])", 'Path(sys.argv[1]) / os.environ.get("LOCAL_RANK", "0")')
    (tmp_path / "script.py").write_text("import os\n" + mixed)
    command = [sys.executable, "script.py", str(tmp_path / "run"), "2", str(tmp_path / "2.pt")]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert "would train different runs together (run/0, run/1)" in done.stderr
    assert not (tmp_path / "2.pt").exists()


def test_the_command_line_shares_a_run_and_stores_it_once(tmp_path):
    """The whole way: `hw3 run --devices 2` against one process, in run stores of their own."""
    found = []
    for devices in (1, 2):
        variables = environment(HW3_RUNS=str(tmp_path / f"runs{devices}"))
        command = [sys.executable, "-m", "hw3.cli", "run", "shoes/mlp", "--profile", "smoke"]
        options = ["--seed", "0", "--seed", "1", "--devices", str(devices)]
        done = subprocess.run([*command, *options], env=variables, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("shoes/mlp") == 2, done.stdout
        results = sorted((tmp_path / f"runs{devices}").glob("shoes/mlp/*/result.json"))
        assert len(results) == 2
        found.append([json.loads(path.read_text()) for path in results])
    for alone, shared in zip(*found, strict=True):
        assert shared["key"] == alone["key"] + "-shared-by-2"  # batch norm sees shares: another result
        assert shared["curves"]["loss/train"] == pytest.approx(alone["curves"]["loss/train"], rel=0.1)
        assert shared["test"]["loss"] == pytest.approx(alone["test"]["loss"], rel=0.3)


def test_a_batch_that_cannot_be_divided_is_refused(tmp_path):
    command = [sys.executable, "-m", "hw3.cli", "run", "shoes/mlp", "--profile", "smoke", "--seed", "0"]
    variables = environment(HW3_RUNS=str(tmp_path))
    for options, words in (
        (("--devices", "3"), "a batch of 64 cannot be divided among 3 devices"),
        (("--devices", "0"), "both must be 1 or more"),
    ):
        done = subprocess.run([*command, *options], env=variables, capture_output=True, text=True, timeout=300)
        assert done.returncode == 2
        assert words in done.stderr


def test_two_nodes_share_a_run(tmp_path):
    """Each node is told who it is by its variables; here both are this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "hw3.cli", "run", "shoes/mlp", "--profile", "smoke", "--seed", "0"]
    nodes = []
    for rank in ("0", "1"):
        variables = environment(
            HW3_RUNS=str(tmp_path / "runs"), NODE_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT=port
        )
        nodes.append(
            subprocess.Popen(
                [*command, "--num-nodes", "2"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    outputs = [node.communicate(timeout=300) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs
    assert [out.count("shoes/mlp") for out, _ in outputs] == [1, 0]  # the first node reports
    assert len(list((tmp_path / "runs").glob("shoes/mlp/*/result.json"))) == 1
