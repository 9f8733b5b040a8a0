"""The servers that Tidegate is measured against, and the benchmark of those in Python."""
