"""How fast tables are counted and compared, beside other libraries that do."""
