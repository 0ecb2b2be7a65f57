"""`attrgen build`: what is missing is asked of an LLM or copied from the library."""
