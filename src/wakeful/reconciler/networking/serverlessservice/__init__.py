"""A ServerlessService is a revision's two Services and what is behind them."""
