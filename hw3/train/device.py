"""What computes: the precision that this machine promises, its processor, the processes that train together."""

import logging
import os
import platform
import warnings
from pathlib import Path

import torch
from lightning_fabric import Fabric

from hw3.files import report
from hw3.train.settings import PRECISIONS

BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 matrix or vector instructions, and ARM's
FIRST = "MASTER_ADDR"  # the first machine's name; torchrun and Slurm know it themselves
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")


def _cpuinfo(field: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else []
    values = [line.partition(":")[2].strip() for line in lines if line.lower().startswith(field)]
    return values[0] if values else ""


def processor() -> str:
    """The processor's name, as the system gives it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def capability() -> str:
    """What the processor or the GPU can do: results are equal to the bit only between machines of one capability."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return " ".join([torch.backends.cpu.get_cpu_capability(), *sorted(BF16_FLAGS & set(_flags()))])


def _flags() -> list[str]:
    return (_cpuinfo("flags") or _cpuinfo("features")).split()


def default_precision() -> str:
    """``HW3_PRECISION``, or "bf16-mixed" where a GPU or the processor's flags promise bfloat16 instructions, or
    "32-true". It is never measured: a stopwatch would decide otherwise on a busy day.

    Raises:
        ValueError: ``HW3_PRECISION`` is neither of the two.
    """
    wanted = os.environ.get("HW3_PRECISION")
    if wanted and wanted not in PRECISIONS:
        raise ValueError(f"HW3_PRECISION is {wanted!r}; it must be one of {', '.join(PRECISIONS)}")
    if torch.cuda.is_available():
        promised = torch.cuda.is_bf16_supported(including_emulation=False)  # an older GPU imitates them, slowly
    else:
        promised = bool(BF16_FLAGS & set(_flags()))
    return wanted or ("bf16-mixed" if promised else "32-true")


def fabric(precision: str, devices: int = 1, num_nodes: int = 1) -> Fabric:
    """Lightning Fabric on the GPUs of this machine, or on its CPU: device, precision, shared gradients.

    With several ``devices`` or nodes it starts the other processes, which run the same command.

    Raises:
        ValueError: numbers below 1, more devices than there are GPUs, or several nodes and no name of the first one.
    """
    if min(devices, num_nodes) < 1:
        raise ValueError(f"devices is {devices} and num_nodes is {num_nodes}; both must be 1 or more")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if devices > gpus > 0:
        raise ValueError(f"{devices} devices were asked for and this machine has {gpus} GPUs")
    if num_nodes > 1 and not {FIRST, "SLURM_JOB_ID"} & set(os.environ):
        raise ValueError(
            f"num_nodes is {num_nodes} and {FIRST} is not set; give it the first machine's name, and NODE_RANK each "
            "machine's own number, from 0"
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*GPU available but not used.*")
    if devices * num_nodes > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))  # Fabric would choose others
    accelerator = "cuda" if gpus else "cpu"
    made = Fabric(accelerator=accelerator, devices=devices, num_nodes=num_nodes, precision=precision)  # type: ignore[arg-type]
    if num_nodes > 1:
        first = os.environ.get(FIRST, "named by Slurm")
        report(f"this machine waits until the command runs on all {num_nodes}; the first is {first}")
    made.launch()
    return made


def precision_of(fabric: Fabric) -> str:
    """The name of the precision that ``fabric`` computes in."""
    return str(fabric._precision.precision)


def first_process() -> bool:
    """Is this the process that stores results? (Lightning, torchrun and Slurm each tell the others by a variable.)

    Raises:
        ValueError: such a variable holds no number.
    """
    ranks = {name: os.environ.get(name) or "0" for name in RANKS}
    for name, rank in ranks.items():
        if not rank.isdecimal():
            raise ValueError(f"{name} is {rank!r}; it must be the number of a process or machine, from 0")
    return not any(map(int, ranks.values()))
