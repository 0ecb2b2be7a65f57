"""Few-shot samples, and the content ids by which they are drawn."""
