"""Secrets that are known by their very text, in every form in which they travel."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from mcp_servers_shared.guard._marks import MARK, mark

SHORTEST = 4
_SHORTEST_BASE64 = 8


class LiteralSecrets:
    """Replaces each of `secrets`: as it is, URL-encoded, JSON-escaped, and in base64 at any offset.

    Secrets shorter than 4 characters are left alone: replacing them would shred ordinary text.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    def redact(self, text: str) -> str:
        """`text` without them. Marks that stand in it already are not touched."""
        present = [form for form in self._forms if form in text]
        if not present:
            return text
        pattern = re.compile("|".join((MARK, *(re.escape(form) for form in present))))
        return pattern.sub(lambda found: found[0] if found[0].startswith("[redacted:") else mark("secret"), text)


def _forms(secret: str) -> set[str]:
    raw = secret.encode(errors="surrogatepass")
    encoded = {quote(raw, safe=""), quote(raw, safe="/"), quote_plus(raw)}
    encoded |= {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in encoded}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret} | encoded | escaped | _base64_forms(raw)


def _base64_forms(raw: bytes) -> set[str]:
    """What base64 of any text around `raw` must contain, in both alphabets, and base64 of `raw` alone."""
    forms: set[str] = set()
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        forms |= {whole, whole.rstrip("=")}
        for offset in range(3):
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            # Characters that also hold bits of a neighbour differ from text to text.
            first = (0, 2, 3)[offset]
            last = len(text) if (offset + len(raw)) % 3 == 0 else len(text) - 1
            forms.add(text[first:last])
    return {form for form in forms if len(form) >= _SHORTEST_BASE64}
