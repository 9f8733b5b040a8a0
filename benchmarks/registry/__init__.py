"""What the registry promises in numbers, and whether it keeps it."""
