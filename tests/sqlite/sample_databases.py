"""Databases for the schema tests, made once a session beneath a temporary folder and opened read-only."""

import functools
import importlib.util
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mcp_servers_sqlite.engine import settings as layer
from mcp_servers_sqlite.engine.connection import Deadline, GuardedConnection, open_read_only

Operation = Callable[[sqlite3.Connection, Mapping[str, Any]], dict[str, Any]]

MAKER = Path(__file__).parent.parent / "data" / "make_db.py"

CLINIC = """
CREATE TABLE patients(id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL, birth_date TEXT,
    blood_group TEXT, insurance_policy_id INTEGER REFERENCES insurance_policies(id), phone TEXT, city TEXT);
CREATE TABLE physicians(id INTEGER PRIMARY KEY, name TEXT, speciality_id INTEGER REFERENCES specialities(id),
    pager TEXT);
CREATE TABLE specialities(id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE nurses(id INTEGER PRIMARY KEY, name TEXT, ward_id INTEGER REFERENCES wards(id));
CREATE TABLE wards(id INTEGER PRIMARY KEY, label TEXT, floor INTEGER, head_nurse_id INTEGER REFERENCES nurses(id));
CREATE TABLE beds(id INTEGER PRIMARY KEY, ward_id INTEGER REFERENCES wards(id), occupied INTEGER);
CREATE TABLE admissions(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id),
    bed_id INTEGER REFERENCES beds(id), admitted_at TEXT, discharged_at TEXT, reason TEXT);
CREATE TABLE appointments(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id),
    doctor_id INTEGER REFERENCES physicians(id), starts_at TEXT, room TEXT, no_show INTEGER);
CREATE TABLE visit_notes(id INTEGER PRIMARY KEY, appointment_id INTEGER REFERENCES appointments(id), body TEXT);
CREATE TABLE diagnoses(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), icd10_code TEXT,
    severity INT);
CREATE TABLE allergies(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), allergen TEXT,
    reaction TEXT);
CREATE TABLE prescriptions(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id),
    prescriber_id INTEGER REFERENCES physicians(id), medication_id INTEGER REFERENCES medications(id), dose_mg REAL);
CREATE TABLE medications(id INTEGER PRIMARY KEY, brand_name TEXT, active_ingredient TEXT, unit_price_cents INTEGER);
CREATE TABLE pharmacy_stock(medication_id INTEGER REFERENCES medications(id), shelf TEXT, quantity INTEGER,
    expires_on TEXT);
CREATE TABLE suppliers(id INTEGER PRIMARY KEY, company TEXT, vat_number TEXT);
CREATE TABLE purchase_orders(id INTEGER PRIMARY KEY, vendor_id INTEGER REFERENCES suppliers(id), ordered_on TEXT);
CREATE TABLE purchase_order_lines(purchase_order_id INTEGER REFERENCES purchase_orders(id),
    medication_id INTEGER REFERENCES medications(id), amount INTEGER, price_cents INTEGER);
CREATE TABLE invoices(id INTEGER PRIMARY KEY, payer_id INTEGER REFERENCES patients(id), total_cents INTEGER,
    due_date TEXT);
CREATE TABLE invoice_items(invoice_id INTEGER REFERENCES invoices(id), description TEXT, cents INTEGER);
CREATE TABLE payments(id INTEGER PRIMARY KEY, invoice_id INTEGER REFERENCES invoices(id), paid_at TEXT, method TEXT);
CREATE TABLE insurance_companies(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE insurance_policies(id INTEGER PRIMARY KEY, insurer_id INTEGER REFERENCES insurance_companies(id),
    policyNumber TEXT, validUntil TEXT);
CREATE TABLE insuranceClaims(id INTEGER PRIMARY KEY, policyId INTEGER REFERENCES insurance_policies(id),
    invoiceId INTEGER REFERENCES invoices(id), rejectedReason TEXT);
CREATE TABLE lab_tests(id INTEGER PRIMARY KEY, name TEXT, reference_range TEXT);
CREATE TABLE lab_results(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id),
    lab_test_id INTEGER REFERENCES lab_tests(id), value REAL, measured_at TEXT);
CREATE TABLE imaging_studies(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), modality TEXT,
    body_part TEXT);
CREATE TABLE surgeries(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id),
    surgeon_id INTEGER REFERENCES physicians(id), theatre_id INTEGER REFERENCES operating_theatres(id),
    started_at TEXT);
CREATE TABLE operating_theatres(id INTEGER PRIMARY KEY, label TEXT, sterile_since TEXT);
CREATE TABLE vaccinations(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), vaccine TEXT, batch TEXT);
CREATE TABLE staff_shifts(id INTEGER PRIMARY KEY, nurse_id INTEGER REFERENCES nurses(id), begins TEXT, ends TEXT);
CREATE TABLE payroll(id INTEGER PRIMARY KEY, employee TEXT, gross_salary_cents INTEGER, month TEXT);
CREATE TABLE equipment(id INTEGER PRIMARY KEY, serial_no TEXT, ward_id INTEGER REFERENCES wards(id),
    last_calibrated TEXT);
CREATE TABLE maintenance_jobs(id INTEGER PRIMARY KEY, equipment_id INTEGER REFERENCES equipment(id), technician TEXT);
CREATE TABLE user_accounts(id INTEGER PRIMARY KEY, login TEXT UNIQUE, password_hash TEXT, last_login_at TEXT);
CREATE TABLE user_roles(account_id INTEGER REFERENCES user_accounts(id), role TEXT);
CREATE TABLE audit_log(id INTEGER PRIMARY KEY, actor_id INTEGER REFERENCES user_accounts(id), action TEXT,
    ip_address TEXT);
CREATE TABLE sms_messages(id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), text TEXT,
    delivered INTEGER);
CREATE TABLE feedback_surveys(id INTEGER PRIMARY KEY, appointment_id INTEGER REFERENCES appointments(id),
    stars INTEGER);
CREATE TABLE cfg_settings(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE country_codes(iso TEXT PRIMARY KEY, dial_prefix TEXT);
CREATE INDEX appointments_by_start ON appointments(starts_at);
CREATE UNIQUE INDEX diagnoses_unique_icd ON diagnoses(patient_id, icd10_code);
CREATE VIEW unpaid_invoices AS SELECT i.* FROM invoices i LEFT JOIN payments p ON p.invoice_id=i.id WHERE p.id IS NULL;
CREATE VIEW ward_occupancy AS SELECT ward_id, sum(occupied) AS taken, count(*) AS total FROM beds GROUP BY ward_id;
"""


@functools.lru_cache(maxsize=1)
def maker() -> ModuleType:
    """The seeded generator in tests/data/make_db.py."""
    spec = importlib.util.spec_from_file_location("make_db", MAKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.lru_cache(maxsize=1)
def folder() -> tempfile.TemporaryDirectory[str]:
    """The folder of this session's databases, gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="mcp-servers-schema-")


@functools.cache
def database(kind: str, size: int = 0) -> Path:
    """The file of one kind: odd, wide (`size` tables), big (`size` orders), clinic."""
    path = Path(folder().name) / f"{kind}{size}.db"
    if kind == "clinic":
        made(path, CLINIC)
    elif kind == "wide":
        maker().wide(str(path), size or 500, 42)
    elif kind == "big":
        maker().big(str(path), size or 20_000, 42)
    else:
        maker().odd(str(path), 42)
    return path


def made(path: Path, script: str) -> Path:
    """A database at `path` that ran `script`."""
    conn = sqlite3.connect(path)
    conn.executescript(script)
    conn.commit()
    conn.close()
    return path


def reading(path: Path) -> GuardedConnection:
    """The worker's own connection, without what would bind this whole process: the heap limit."""
    layers = layer.ALL_LAYERS - {layer.HEAP_LIMIT}
    return open_read_only(str(path), layer.Settings(layers=layers), deadline=Deadline(120))


def ask(which: str, operation: Operation, /, **args: Any) -> Any:
    """The answer of one operation on the database called `which`, on a connection of its own."""
    conn = reading(database(which))
    try:
        return operation(conn, args)
    finally:
        conn.close()
