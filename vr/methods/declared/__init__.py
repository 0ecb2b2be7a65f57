"""What each built-in method says about itself; read without torch, before anything heavy is loaded."""
