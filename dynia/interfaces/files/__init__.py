"""How the user's files are read: YAML with positions, raw shapes, rules, compose files, what is shipped."""
