"""Images in, whatever they come in: formats, decoding, loading, sampling, download, inspection."""
