"""The statements that are measured."""

TRIVIAL = "SELECT 1"
NARROW = "SELECT id, status, total_cents FROM orders LIMIT 1000"
FULL = "SELECT * FROM orders LIMIT 1000"
FIFTY = "SELECT * FROM orders LIMIT 50"
GROUPED = "SELECT status, count(*), sum(total_cents), avg(quantity) FROM orders GROUP BY status"
BUSIEST = "SELECT customer_id, count(*) AS n, sum(total_cents) AS cents FROM orders GROUP BY customer_id LIMIT 1000"
SCANNED = "SELECT id, status, total_cents FROM orders WHERE note LIKE '%battery%screen%' LIMIT 1000"

ANALYTIC = {
    "GROUP BY over 1 M rows": GROUPED,
    "join of 1 M orders with 50,000 customers": "SELECT * FROM revenue_by_city",
    "LIKE over 1 M notes": "SELECT count(*) FROM orders WHERE note LIKE '%battery%screen%'",
    "window over 50,000 orders": (
        "SELECT max(r) FROM (SELECT rank() OVER (PARTITION BY status ORDER BY total_cents) AS r"
        " FROM orders WHERE id <= 50000)"
    ),
}


def counting(steps: int) -> str:
    """A query that counts to `steps`, so it takes as long as one wants and reads nothing."""
    counted = f"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {steps}) SELECT i FROM c"
    return f"SELECT count(*) AS n FROM ({counted})"
