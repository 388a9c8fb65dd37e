"""What can be asked: views of the log, each a pure fold, and the engine that keeps them."""
