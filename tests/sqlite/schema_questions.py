"""Questions for `search_schema`, written or generated before the search was, and never bent to what it answers.

`clinic_questions` were written by hand against the clinic schema; `wide_questions` come from a seed and the 500-table
schema. Each is (question, the tables that answer it).
"""

import random
import re
import sqlite3

Question = tuple[str, frozenset[str]]

_CLINIC = [
    ("which patients have an allergy to penicillin", "allergies"),
    ("when was the patient discharged", "admissions"),
    ("doctor appointments next week", "appointments"),
    ("no shows", "appointments"),
    ("ICD-10 code", "diagnoses"),
    ("blood group", "patients"),
    ("medicine stock that expires soon", "pharmacy_stock"),
    ("price of a medication", "medications"),
    ("active ingredients", "medications"),
    ("who is the surgeon of a surgery", "surgeries"),
    ("operating theater", "operating_theatres"),
    ("unpaid invoice", "unpaid_invoices"),
    ("invoice line items", "invoice_items"),
    ("insurance claims that were rejected", "insuranceClaims"),
    ("policy number", "insurance_policies"),
    ("insurers", "insurance_companies"),
    ("vendors", "suppliers"),
    ("VAT numbers of suppliers", "suppliers"),
    ("purchase order lines", "purchase_order_lines"),
    ("lab result values", "lab_results"),
    ("reference range for a lab test", "lab_tests"),
    ("x-ray modality and body part", "imaging_studies"),
    ("vaccine batches", "vaccinations"),
    ("nurse shifts", "staff_shifts"),
    ("gross salaries", "payroll"),
    ("equipment calibration", "equipment"),
    ("technicians", "maintenance_jobs"),
    ("password hash", "user_accounts"),
    ("roles of a user account", "user_roles"),
    ("ip addresses in the audit log", "audit_log"),
    ("sms delivered", "sms_messages"),
    ("survey stars", "feedback_surveys"),
    ("settings", "cfg_settings"),
    ("dial prefix of a country", "country_codes"),
    ("ward occupancy", "ward_occupancy"),
    ("which beds are occupied", "beds"),
    ("head nurse of the ward", "wards"),
    ("prescriber", "physicians"),
    ("precriptions dose", "prescriptions"),
    ("paymet method", "payments"),
]


def clinic_questions() -> list[Question]:
    """40 questions in a person's words."""
    return [(question, frozenset({table})) for question, table in _CLINIC]


def wide_questions(conn: sqlite3.Connection, seed: int = 7) -> list[Question]:
    """50 questions, five of each of ten kinds, about tables drawn by `seed`."""
    draw = random.Random(seed)
    columns = {
        name: [row[1] for row in conn.execute(f'PRAGMA table_xinfo("{name}")')]
        for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY rowid")
    }
    parents = _children(conn, sorted(columns))
    questions: list[Question] = []
    for kind in range(10):
        for _ in range(5):
            questions.append(_question(draw, kind, columns, parents))
    return questions


def _question(
    draw: random.Random, kind: int, columns: dict[str, list[str]], parents: dict[str, frozenset[str]]
) -> Question:
    if kind == 7:
        parent = draw.choice(sorted(parents))
        return f"tables that refer to {parent}", parents[parent]
    if kind == 9:
        return _pair(draw, sorted(columns))
    table = draw.choice(sorted(columns))
    first, second, number = table.split("_")
    own = [name for name in columns[table] if name not in {"id", "ref_id"}]
    one, two = draw.sample(own, 2)
    text = {
        0: f"{second} {first} {number}",
        1: f"{first.title()}{second.title()}{number}",
        2: f"{first} {_plural(second)} {number}",
        3: f"{first} {_typo(draw, second)} {number}",
        4: f"{one} and {two}",
        5: f"{first} {number} {one}",
        6: f"{first[:3]} {second[:3]} {number}",
        8: f"show me all the {first} {second} {number} records with their {re.sub('_', ' ', one)}",
    }[kind]
    fits = {name for name in columns if {one, two} <= set(columns[name])} if kind == 4 else {table}
    return text, frozenset(fits)


def _pair(draw: random.Random, tables: list[str]) -> Question:
    """Two words without the number, where at most five tables have both."""
    while True:
        words = set(draw.choice(tables).split("_")[:2])
        fits = frozenset(name for name in tables if set(name.split("_")[:2]) == words)
        if len(fits) <= 5:
            return " ".join(sorted(words)), fits


def _children(conn: sqlite3.Connection, tables: list[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in tables:
        for row in conn.execute(f'PRAGMA foreign_key_list("{name}")'):
            found.setdefault(row[2], set()).add(name)
    return {parent: frozenset(children) for parent, children in found.items()}


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _typo(draw: random.Random, word: str) -> str:
    place = draw.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
