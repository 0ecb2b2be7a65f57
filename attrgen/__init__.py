"""Stage 1: class names in, an attribute set out (`attrs/NAME.json`). Never imports torch nor `vr`."""
