"""What every file in C begins with, the words that mean something in one, and constant arrays."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

import numpy as np

from autograd_core.compiler.c_functions import FORMS, HELPERS

# fmt: off
RESERVED = frozenset([
    "asm", "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
    "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "typeof", "union", "unsigned", "void", "volatile", "while",
    "I", "fma", "fmod", "isfinite", "linux", "main", "memcpy", "memset", "unix",
    "batch", "lanes", "share", "sum", "value", "value_and_grad", *"ijklmnopqrw", *(f"s{k}" for k in range(1, 10)),
    *HELPERS, *(form for form in FORMS.values() if isinstance(form, str)),
])
# fmt: on
"""Names that mean something in C, in its library, or in the functions that are written here."""

HEAD = """\
/* Include this file, or compile it by itself: cc -std=c99 -O2 -c, and -lm where it is linked. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __GNUC__ /* only what stands in a loop itself becomes a vector instruction */
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#else
#define INLINE static inline
#define NOINLINE
#endif

#ifdef FP_FAST_FMA
#define MULTIPLY_ADD(x, y, sum) fma(x, y, sum)
#else
#define MULTIPLY_ADD(x, y, sum) ((x) * (y) + (sum))
#endif"""


def table_text(name: str, numbers: np.ndarray) -> str:
    """A constant array with a name."""
    if numbers.dtype.kind == "i":
        texts: Iterable[str] = map(str, numbers.ravel().tolist())
        kind = "int"
    else:
        texts = (
            re.sub("inf", "INFINITY", re.sub("nan", "NAN", repr(x))) for x in numbers.astype(float).ravel().tolist()
        )
        kind = "double"
    text = f"static const {kind} {name}[{numbers.size}] = {{{', '.join(texts)}}};"
    return textwrap.fill(text, 110, subsequent_indent="    ")
