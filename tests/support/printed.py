"""What a command has printed, as a reader takes it in."""


def rows(printed: str) -> list[list[str]]:
    """The cells of tables without edges: what stands apart by two spaces or more."""
    lines = (line.split("  ") for line in printed.splitlines())
    return [[cell.strip() for cell in line if cell.strip()] for line in lines]
