"""Losses, tasks, the plain loop, the same on Lightning, metrics, and the precision probe."""
