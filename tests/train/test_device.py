"""Precision follows what the processor says of itself, and never a clock."""

import time
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from hw3.train.device import RANKS, capability, default_precision, fabric, first_process, precision_of, processor

ZEN4 = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu avx2 avx512f avx512_bf16 sse\n"
SKYLAKE = "processor\t: 0\nmodel name\t: Intel Xeon 8175M\nflags\t\t: fpu avx2 avx512f\nvmx flags\t: bf16\n"
SAPPHIRE_RAPIDS = "model name : Intel Xeon 8488C\nflags : fpu amx_tile amx_bf16\n"
GRAVITON = "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd i8mm bf16\n"


@pytest.fixture
def cpuinfo(monkeypatch):
    """``cpuinfo(text)``: a processor that says this of itself; None: a system that says nothing."""
    monkeypatch.delenv("HW3_PRECISION", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exists, read_text = Path.exists, Path.read_text

    def say(text):
        def there(path):
            return text is not None if path == Path("/proc/cpuinfo") else exists(path)

        def read(path, *arguments, **options):
            return text if path == Path("/proc/cpuinfo") else read_text(path, *arguments, **options)

        monkeypatch.setattr(Path, "exists", there)
        monkeypatch.setattr(Path, "read_text", read)

    return say


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        (ZEN4, "bf16-mixed"),
        (SAPPHIRE_RAPIDS, "bf16-mixed"),
        (GRAVITON, "bf16-mixed"),
        (SKYLAKE, "32-true"),
        ("", "32-true"),
        (None, "32-true"),
    ],
)
def test_flags_alone_choose_the_precision(cpuinfo, monkeypatch, text, precision):
    for clock in ("perf_counter", "process_time", "monotonic", "time"):
        monkeypatch.setattr(time, clock, lambda: pytest.fail("a clock was asked"))
    cpuinfo(text)
    assert default_precision() == precision


def test_the_variable_overrides_the_flags(cpuinfo, monkeypatch):
    cpuinfo(ZEN4)
    monkeypatch.setenv("HW3_PRECISION", "32-true")
    assert default_precision() == "32-true"
    cpuinfo(SKYLAKE)
    monkeypatch.setenv("HW3_PRECISION", "bf16-mixed")
    assert default_precision() == "bf16-mixed"
    monkeypatch.setenv("HW3_PRECISION", "bf16")
    with pytest.raises(ValueError, match="HW3_PRECISION is 'bf16'; it must be one of 32-true, bf16-mixed"):
        default_precision()


@pytest.mark.parametrize(("instructions", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_that_only_imitates_bf16_does_not_promise_it(cpuinfo, monkeypatch, instructions, precision):
    cpuinfo(ZEN4)

    def supported(including_emulation=True):
        return including_emulation or instructions

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert default_precision() == precision


def test_a_processor_has_a_name_and_a_capability(cpuinfo):
    cpuinfo(ZEN4)
    assert processor() == "AMD EPYC 9R14"
    assert capability().split()[-1] == "avx512_bf16"
    cpuinfo(SKYLAKE)
    assert capability() == torch.backends.cpu.get_cpu_capability()
    cpuinfo(None)
    assert processor()


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_device_knows_its_precision(precision):
    device = fabric(precision)
    assert precision_of(device) == precision
    assert device.world_size == 1


@pytest.mark.parametrize("counts", [(0, 1), (1, 0), (-1, 1)])
def test_fewer_than_one_device_is_refused(counts):
    with pytest.raises(ValueError, match=rf"devices is {counts[0]} and num_nodes is {counts[1]}"):
        fabric("32-true", *counts)


def test_more_devices_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="4 devices were asked for and this machine has 2 GPUs"):
        fabric("32-true", 4)


@pytest.mark.parametrize("rank", ["abc", "-1", "1.0"])
def test_a_rank_that_is_no_number_is_named(monkeypatch, rank):
    monkeypatch.setenv("NODE_RANK", rank)
    with pytest.raises(ValueError, match=f"NODE_RANK is '{rank}'"):
        first_process()


def test_several_machines_need_the_name_of_the_first(monkeypatch):
    for name in ("MASTER_ADDR", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="num_nodes is 2 and MASTER_ADDR is not set"):
        fabric("32-true", num_nodes=2)


def test_a_machine_says_that_it_waits_for_others(monkeypatch, capsys):
    monkeypatch.setenv("MASTER_ADDR", "first-host")
    monkeypatch.setattr(Fabric, "launch", lambda self: None)
    fabric("32-true", num_nodes=2)
    assert "waits until the command runs on all 2; the first is first-host" in capsys.readouterr().err


def test_one_of_many_processes_is_the_first(monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    assert first_process()
    for name in RANKS:
        monkeypatch.setenv(name, "0")
        assert first_process()
        monkeypatch.setenv(name, "1")
        assert not first_process()
        monkeypatch.setenv(name, "0")
