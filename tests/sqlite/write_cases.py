"""A database with every kind of object, what a write may do to it, and what it may not."""

from write_world import SHOP

ODD = (
    SHOP
    + """
CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES('hello world');
CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); INSERT INTO boxes VALUES(1,0,1);
CREATE VIRTUAL TABLE old USING fts4(body); INSERT INTO old VALUES('hello world');
CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO counted(x) VALUES('a');
CREATE VIEW names AS SELECT name FROM customers;
CREATE TRIGGER names_in INSTEAD OF INSERT ON names BEGIN INSERT INTO customers(name) VALUES(new.name); END;
ANALYZE;
"""
)

ALLOWED = [
    "INSERT INTO customers(name) VALUES('x')",
    'INSERT INTO customers(name) SELECT value FROM json_each(\'["a","b"]\')',
    "INSERT INTO customers(name) SELECT name FROM pragma_table_info('orders')",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 3) INSERT INTO customers(name) SELECT i FROM n",
    "INSERT INTO customers VALUES(1,'x',NULL) ON CONFLICT(id) DO UPDATE SET name=excluded.name",
    "REPLACE INTO totals VALUES(1,1)",
    "UPDATE orders SET cents=1 FROM customers c WHERE c.id=customer_id AND c.name='Ada'",
    "DELETE FROM customers WHERE id=1",
    "INSERT INTO names VALUES('through a view')",
    "INSERT INTO docs VALUES('more words')",
    "INSERT INTO docs(docs) VALUES('rebuild')",
    "DELETE FROM docs",
    "UPDATE boxes SET x1=5",
    "INSERT INTO boxes VALUES(2,1,2)",
    "UPDATE old SET body='new words'",
    "CREATE TABLE extra(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE)",
    "CREATE TABLE copied AS SELECT * FROM orders",
    "CREATE INDEX by_status ON orders(status)",
    "CREATE VIEW rich AS SELECT * FROM totals WHERE cents > 100",
    "CREATE TRIGGER t AFTER DELETE ON orders BEGIN DELETE FROM totals WHERE customer_id=old.customer_id; END",
    "CREATE VIRTUAL TABLE more USING fts5(a, b)",
    "CREATE VIRTUAL TABLE places USING rtree(id, a, b)",
    "ALTER TABLE customers RENAME TO people",
    "ALTER TABLE customers RENAME COLUMN email TO mail",
    "ALTER TABLE customers ADD COLUMN age INTEGER NOT NULL DEFAULT 0 CHECK(age >= 0)",
    "ALTER TABLE orders DROP COLUMN status",
    "ALTER TABLE docs RENAME TO papers",
    "ALTER TABLE counted RENAME TO numbered",
    "DROP TABLE counted",
    "DROP TABLE docs",
    "DROP TABLE boxes",
    "DROP VIEW names",
    "DROP TRIGGER orders_in",
    "DROP TABLE orders",
]

REFUSED = [
    "UPDATE customers SET name=load_extension('x')",
    "INSERT INTO customers(name) SELECT writefile('{out}', 'x')",
    "UPDATE customers SET name=readfile('/etc/passwd')",
    "UPDATE customers SET name=hex(fts3_tokenizer('simple'))",
    "UPDATE customers SET name=fts3_tokenizer('simple', x'4141414141414141')",
    "INSERT INTO docs_data VALUES(99, x'00')",
    "UPDATE docs_content SET c0='x'",
    "DELETE FROM boxes_node",
    "DELETE FROM old_segdir",
    "DROP TABLE docs_data",
    "ALTER TABLE docs_config RENAME TO stolen",
    "ALTER TABLE docs_content ADD COLUMN x",
    "CREATE INDEX i ON docs_idx(term)",
    "CREATE TRIGGER t AFTER INSERT ON docs_content BEGIN SELECT 1; END",
    "UPDATE sqlite_sequence SET seq=7",
    "DELETE FROM sqlite_sequence",
    "INSERT INTO sqlite_sequence VALUES('orders', 1)",
    "DELETE FROM sqlite_stat1",
    "UPDATE sqlite_schema SET sql='x'",
    "INSERT INTO sqlite_master VALUES('table','x','x',2,'CREATE TABLE x(a)')",
    "DELETE FROM sqlite_master",
    "DROP TABLE sqlite_sequence",
    "CREATE TEMP TABLE t(a)",
    "CREATE TABLE temp.t(a)",
    "CREATE TEMP VIEW customers AS SELECT 1",
    "CREATE TEMP TRIGGER t AFTER INSERT ON customers BEGIN SELECT 1; END",
    "INSERT INTO temp.sqlite_temp_master VALUES(1,1,1,1,1)",
    "CREATE VIRTUAL TABLE t USING fts4(a)",
    "CREATE VIRTUAL TABLE t USING fts4(a, tokenize=simple)",
    "CREATE VIRTUAL TABLE t USING fts3tokenize(simple)",
    "CREATE VIRTUAL TABLE t USING fts5vocab(docs, row)",
    "CREATE VIRTUAL TABLE t USING csv(filename='/etc/passwd')",
    "CREATE VIRTUAL TABLE t USING json_each()",
    "CREATE VIRTUAL TABLE temp.t USING fts5(a)",
    "INSERT INTO json_each VALUES(1)",
    "INSERT INTO pragma_user_version VALUES(9)",
    "INSERT INTO customers(name) SELECT file FROM pragma_database_list",
    "UPDATE sqlite_dbpage SET data=zeroblob(4096)",
    "CREATE TABLE t(a DEFAULT (load_extension('x')))",
    "CREATE VIEW t AS SELECT writefile('{out}', 'x')",
    "CREATE TRIGGER t AFTER INSERT ON orders BEGIN SELECT load_extension('x'); END",
]
