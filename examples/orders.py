"""What csv_job.py has the command line run: a module with a function."""


def total(row: dict[str, str]) -> float:
    """Give the price of an order, from a row of a csv file: a dict of strings."""
    return int(row["pieces"]) * float(row["price"])
