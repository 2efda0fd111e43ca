"""Demo of the Data Marketplace: a company sells the use of a table and lists every use."""
