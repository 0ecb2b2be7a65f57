"""The frozen CLIP: loading, text embeddings and banks, the text tower."""
