"""Tokens of texts as o200k_base counts them, by npm's gpt-tokenizer under Node."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.common.client import child_env

_COUNT = (
    "const {encode} = require('gpt-tokenizer/encoding/o200k_base');"
    "const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    "console.log(JSON.stringify(texts.map(text => encode(text, {allowedSpecial: 'all'}).length)));"
)


def count_tokens(node: str, folder: Path, texts: Mapping[str, str]) -> dict[str, int]:
    """Tokens of each text. `folder` holds the tokenizer's node_modules.

    Raises OSError or subprocess.SubprocessError when Node or the tokenizer is missing.
    """
    found = subprocess.run(
        [node, "-e", _COUNT],
        cwd=folder,
        env=child_env(),
        input=json.dumps(list(texts.values())).encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return dict(zip(texts, json.loads(found.stdout), strict=True))
