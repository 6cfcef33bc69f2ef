"""Compile a recorded graph to source."""

from autograd_core.compiler.program import CompileError, Program, Statistics, compile

__all__ = ["CompileError", "Program", "Statistics", "compile"]
