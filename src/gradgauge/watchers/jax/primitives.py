"""JAX's primitives, by what they do to their operands."""

from __future__ import annotations

ELEMENTWISE = {
    "abs",
    "add",
    "add_any",
    "atan",
    "atan2",
    "clamp",
    "convert_element_type",
    "copy",
    "cos",
    "acos",
    "acosh",
    "and",
    "asin",
    "asinh",
    "atanh",
    "cbrt",
    "cosh",
    "custom_jvp_call",
    "custom_vjp_call",
    "div",
    "eq",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "ge",
    "is_finite",
    "gt",
    "integer_pow",
    "jit",
    "le",
    "log",
    "log1p",
    "logistic",
    "lt",
    "max",
    "min",
    "mul",
    "ne",
    "neg",
    "not",
    "pow",
    "round",
    "or",
    "rem",
    "rsqrt",
    "select_n",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "sub",
    "tan",
    "tanh",
}
"""Of every entry alone, or of entries at one place."""

SPREADS = {"broadcast_in_dim", "reshape", "squeeze"}
"""Copies of what is there, in another shape."""

AFFINE = {"add", "add_any", "convert_element_type", "copy", "div", "mul", "neg", "sub"}
"""With one operand given and numbers for the other: a factor times it, shifted."""

RELABELS = {"convert_element_type", "transpose", "squeeze", "copy"}
"""The same numbers in another dtype or order of axes."""

CARRIES = RELABELS | SPREADS | {"slice", "dynamic_slice", "optimization_barrier", "select_n"}
"""The same numbers elsewhere, in part, or masked."""

SUMS = {"add", "add_any", "sub"}

ROOTS = {"rsqrt", "sqrt", "pow"}
"""What a deviation is made with."""

LOOPS = {"scan", "while", "cond", "custom_vjp_call", "custom_vjp_call_jaxpr"}
"""Calls whose bodies stay closed."""
