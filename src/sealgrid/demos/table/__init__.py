"""The Data Marketplace's story: a company sells the use of a table, and sees who used it, when, for what app."""
