"""Exact derivations and fair experiments for one deep-learning assignment.

Sub-packages, from the ground up: ``theory`` (SymPy alone), ``data``, ``nets``, ``learn``, ``lab``.
Importing ``hw3`` loads none of them.
"""

__version__ = "0.1.0"
