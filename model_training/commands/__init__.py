"""The commands of the workshop, one small file each.

A command's file is named after it and has

- `HELP` : one line for the list of commands,
- `EXAMPLES` : lines that can be pasted,
- `add_arguments(parser)` : its options,
- `run(options)` : the work; raises `TrainingError` for errors that the user can mend.

Only the standard library is imported at the top of these files: TensorFlow takes seconds to load,
and asking for help must not wait for it.
"""

from __future__ import annotations

# In the order in which people need them; the list of commands shows the same order.
COMMANDS = (
    "validate",
    "convert",
    "trim",
    "segment",
    "extract",
    "split",
    "train",
    "cross_validate",
    "learning_curve",
    "leak",
    "elsewhere",
    "teaching",
    "few_examples",
    "tune",
    "export",
    "land",
    "compare",
    "show",
    "test_range",
    "teach",
    "predict",
    "excerpts",
    "latency",
    "robustness",
    "list",
    "recommend",
)
