"""Image formats, one file each; `registry` lists them."""
