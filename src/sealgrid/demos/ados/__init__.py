"""Demo: a day of twenty stations is scored in shards on three workers, and a contract publishes its quality."""
