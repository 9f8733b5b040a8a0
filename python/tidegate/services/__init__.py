"""What can be asked of the registry: load, ask the core, save, act; one file a subject."""
