"""One file for each version of the tables. None is ever changed: ledgers out there were made by it."""
