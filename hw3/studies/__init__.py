"""Experiments with complete configurations: each study is a file that reads from top to bottom."""
