"""Exact answers to the theory questions: SymPy alone, rationals only, no floats."""

from hw3.theory.check import ANSWERS, Verdict, check
from hw3.theory.box_filter import box_kernel, chessboard, filter2d, frequency_response
from hw3.theory.backpropagation import Network1d, network
from hw3.theory.kernel import KernelSizes, kernel_sizes
from hw3.theory.layers import LayerError, parse, trace

__all__ = [
    "ANSWERS",
    "KernelSizes",
    "LayerError",
    "Network1d",
    "Verdict",
    "box_kernel",
    "check",
    "chessboard",
    "filter2d",
    "frequency_response",
    "kernel_sizes",
    "network",
    "parse",
    "trace",
]
