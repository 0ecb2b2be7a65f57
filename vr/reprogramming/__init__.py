"""The method's building blocks: program, scores, loss, encoders, learned prompt."""
