"""From a recorded graph to the source that a careful person would have written for it.

The passes, in the order in which they run, each in a file:

1. `lowering` turns the recorded Values into a list of nodes of three kinds: a *leaf*, a *call* of a primitive, or a
   *linear* node, an offset plus a sum of terms ``coefficient * left * right``, where right may be missing. Sums, signs
   and constant factors are folded into the linear node that they lead to; what does not depend on a leaf is a number;
   and `lowered` makes one of nodes that are equal.

   >>> from autograd_core import Value
   >>> from autograd_core.compiler.lowering import lower
   >>> x, w, b = Value(3.0), Value(0.5), Value(0.1)
   >>> y = 2.0 * (w * x + b).tanh() - 1.0 / 4.0
   >>> print(lower([y], leaves={w: (0, 0), b: (0, 1), x: (1, 0)}, sources=2))
   %5 = 1.0*%1*%2 + 1.0*%4
   %6 = tanh(%5)
   %10 = 2.0*%6 + -0.25

2. `grouping` packs nodes that are computed alike into arrays, and lays them out (superword-level parallelism: Larsen
   and Amarasinghe, PLDI 2000). `sections` says what an array is: the terms of a linear array come in sections, one for
   each pair of arrays that they multiply. From here on there are only arrays, and flat positions in them.

3. `passes` makes the array form of `ir` from the arrays, forward and backward: a flat list of typed, frozen
   operations. `products` matches a section with one operation (``x @ W.T`` if `grids` finds rows and columns in it, a
   stack of products if `stacks` does), `views` finds the slices and transposes in positions, and `builder` adds the
   sections up. `rules` follows the rules of the table of primitives, and `rewrites` simplifies what joins the form. The
   gradient of a linear array is again a linear array: no rule is written twice, and none is about matrices.

4. `numpy_printer` writes the form as NumPy, and `jax_printer` as pure functions for JAX, in which `joins` puts together
   what NumPy writes in place. C takes several files: `c_memory` says which operations are arrays in memory,
   `c_access` where in them the elements of views are, `c_nests` which loops an operation takes, `c_loops` and `c_sums`
   write them, with the expressions of `c_printer` inside, and `c_program` puts a function together. Or `straight`
   writes the nodes of the first pass as floats, one a line, if there are few of them or no two alike; `javascript`
   writes the recorded nodes, each with its local derivatives, for pages that change an input. What printers share is
   in `printing`: each has one table, of how its target writes each primitive, and none looks at text. `arrays` has
   the operations that NumPy lacks.

5. `array_program`, `jax_program` and `float_program` lead from graphs to printed lines, with the `names` that labels
   and scopes suggest, which `pieces` cuts where CPython could not compile them at once. `source` puts them together to
   a module, with `literals` for what is constant. `runners` runs it, for one sample or a batch, and `native_runner`
   what `toolchain` compiles. A `choice` says which of them does, by its `cost`, and `program` is what a caller holds,
   and can tell its `story`. Its `signature` says what is given and which gradients are asked for; further `questions`,
   about Jacobians and second derivatives, are graphs too, which `derivatives` records.
"""

from autograd_core.compiler.program import Program, Statistics, compile
from autograd_core.compiler.rules import CompileError
from autograd_core.compiler.toolchain import NoCompilerError

__all__ = ["CompileError", "NoCompilerError", "Program", "Statistics", "compile"]
