"""Compile a recorded graph to source."""

from autograd_core.compiler.program import Program, Statistics, compile
from autograd_core.compiler.rules import CompileError

__all__ = ["CompileError", "Program", "Statistics", "compile"]
