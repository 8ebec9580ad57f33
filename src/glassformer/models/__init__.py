"""Whole models, a file a family, each read top to bottom."""
