import contextlib
from pathlib import Path

import pytest
from sample_databases import ask, database, made, reading
from schema_questions import Question, clinic_questions, wide_questions

from mcp_servers_shared.errors import InvalidInput
from mcp_servers_sqlite.engine.entries import compact
from mcp_servers_sqlite.engine.searching import search_schema


def hits(which: str, questions: list[Question], best: int = 5) -> int:
    """Questions with a right table among the first `best` results."""
    count = 0
    for text, right in questions:
        results = ask(which, search_schema, text=text, limit=best)["data"].get("results", [])
        count += bool(right & {result[0] for result in results})
    return count


def test_50_seeded_questions_about_500_tables() -> None:
    with contextlib.closing(reading(database("wide"))) as conn:
        questions = wide_questions(conn)
    assert len(questions) == 50
    assert hits("wide", questions) >= 45


def test_40_questions_in_a_persons_words() -> None:
    assert len(clinic_questions()) == 40
    assert hits("clinic", clinic_questions()) >= 36
    assert hits("clinic", clinic_questions(), best=1) >= 30


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("invoice", "invoices"),
        ("INVOICES", "invoices"),
        ("insurance claim", "insuranceClaims"),
        ("policyId", "insuranceClaims"),
        ("perscriptions", "prescriptions"),
        ("vendor", "suppliers"),
        ("insurer", "insurance_companies"),
        ("occupancy", "ward_occupancy"),
    ],
)
def test_words_are_found_in_any_form(text: str, table: str) -> None:
    assert ask("clinic", search_schema, text=text)["data"]["results"][0][0] == table


def test_an_index_and_its_table_are_found_by_the_name_of_the_index() -> None:
    results = ask("clinic", search_schema, text="unique icd")["data"]["results"]
    assert results[0][0] == "diagnoses"
    assert results[0][3] == ["diagnoses_unique_icd"]


def test_results_say_which_columns_fit() -> None:
    answer = ask("clinic", search_schema, text="due date of invoices")
    table, kind, columns, _, targets = answer["data"]["results"][0]
    assert (table, kind, columns) == ("invoices", "table", ["due_date"])
    assert targets == []
    assert "invoices: columns due_date" in answer["text"]
    assert "unpaid_invoices [view]" in answer["text"]


def test_limit_and_characters_are_kept() -> None:
    answer = ask("wide", search_schema, text="slow", limit=3)
    assert len(answer["data"]["results"]) == 3
    assert answer["data"]["found"] > 3
    answer = ask("wide", search_schema, text="slow battery", limit=50, max_chars=1_200)
    assert len(answer["text"]) + len(compact(answer["data"])) <= 1_200
    assert answer["truncated"]


def test_what_fits_nothing_says_so_and_what_is_near() -> None:
    answer = ask("clinic", search_schema, text="zebra")
    assert answer["text"].startswith("Nothing fits")
    assert answer["data"]["found"] == 0
    assert answer["notes"]
    answer = ask("clinic", search_schema, text="zebra invoices")
    assert answer["notes"] == ["Not in the schema: zebra."]


@pytest.mark.parametrize("text", ["", "   ", "--;'", None, 7])
def test_no_word_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput):
        ask("clinic", search_schema, text=text)


def test_a_changed_schema_is_read_anew(tmp_path: Path) -> None:
    path = made(tmp_path / "one.db", "CREATE TABLE apples(id);")
    with contextlib.closing(reading(path)) as conn:
        assert search_schema(conn, {"text": "pears"})["data"]["found"] == 0
    made(path, "CREATE TABLE pears(id);")
    with contextlib.closing(reading(path)) as conn:
        assert search_schema(conn, {"text": "pears"})["data"]["results"][0][0] == "pears"


def test_storage_of_virtual_tables_is_no_result() -> None:
    for text in ("docs", "content", "segid", "sqlite schema"):
        names = {result[0] for result in ask("odd", search_schema, text=text)["data"].get("results", [])}
        assert not names & {"docs_content", "docs_idx", "sqlite_schema"}
