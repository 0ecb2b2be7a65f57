"""The rules that `attrgen check` comes with. Each file in this folder is imported, and registers its own."""
