"""Drawings of computation graphs, and the command line."""

from viz.dot import Diagram, draw

__all__ = ["Diagram", "draw"]
