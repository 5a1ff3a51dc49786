"""Sizes by name come in the order of JavaScript's localeCompare."""

import json
import random
import shutil
import subprocess

import pytest

from mcp_servers_filesystem.collation import collated
from mcp_servers_filesystem.sizes import date_text, padded, size_text

ASCII = "".join(chr(code) for code in range(32, 127) if chr(code) != "/")
ALPHABETS = [
    ASCII,
    "abcABC019_-. ",
    "aáàâäbéèËßæøåñçüÜÁ",
    "жЖяЯбёЁ",
    "日本中国語あいアイ",
    "aAáÁ_-. 0",
    "αβγΑΒ",
    "😀a1~€",
]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node (Debian: nodejs)")
def test_the_order_is_that_of_node() -> None:
    chance = random.Random(7)
    names = sorted(
        {
            "".join(chance.choice(alphabet) for _ in range(chance.randint(1, 6)))
            for alphabet in ALPHABETS
            for _ in range(200)
        }
    )
    program = "console.log(JSON.stringify(JSON.parse(process.argv[1]).sort((a, b) => a.localeCompare(b))))"
    done = subprocess.run(["node", "-e", program, json.dumps(names)], capture_output=True, text=True, check=True)
    assert sorted(names, key=lambda name: (collated(name), name.encode())) == json.loads(done.stdout)


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["b", "A", "a", "B"], ["a", "A", "b", "B"]),
        (["Zebra", "apple", "_x", "-y", "10", "9"], ["_x", "-y", "10", "9", "apple", "Zebra"]),
        (["ez", "é", "e", "É"], ["e", "é", "É", "ez"]),
        (["ア", "い", "あ"], ["あ", "ア", "い"]),
        (["straße", "strasse", "strast"], ["strasse", "straße", "strast"]),
        (["1", "$", "a", "😀", "#"], ["#", "😀", "$", "1", "a"]),
    ],
)
def test_examples(names: list[str], ordered: list[str]) -> None:
    assert sorted(names, key=collated) == ordered


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KB"),
        (1536, "1.50 KB"),
        (1_048_575, "1024.00 KB"),
        (1 << 60, "1048576.00 TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_dates_and_widths() -> None:
    assert date_text(0.9).startswith(("Thu Jan 01 1970 ", "Wed Dec 31 1969 "))
    assert " GMT" in date_text(0)
    assert padded("é😀", 5) == "é😀  "
