"""Which images: few-shot samples and the ids they are drawn by."""
