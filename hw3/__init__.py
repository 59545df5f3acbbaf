"""Exact derivations and fair experiments for one deep-learning assignment.

Rooms, from the ground up: ``theory`` (SymPy alone); ``data``, ``nets``, ``train``, ``studies``, ``show`` and ``bench``.
Importing ``hw3`` loads none of them.
"""

__version__ = "0.2.0"
