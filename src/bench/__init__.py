"""How fast is it, beside a peer or a limit measured in the same run? Medians of paired runs, and ratios."""
