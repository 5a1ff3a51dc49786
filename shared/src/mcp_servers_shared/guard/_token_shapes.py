"""Secrets that are known by their shape alone: tokens with a prefix, keys in PEM, passwords in URLs.

Every pattern begins at a fixed place and consumes what it looks at (possessive quantifiers, no overlap between two
starts), so the time is linear in the text whatever the text is.
"""

import re

from mcp_servers_shared.guard._marks import MARK, is_mark, mark

_TOKENS: dict[str, str] = {
    "github_token": r"gh[pousr]_[A-Za-z0-9_]{20,}+(?:\.[A-Za-z0-9_\-]{10,}+){0,2}|github_pat_[A-Za-z0-9_]{20,}+",
    "slack_token": r"xoxe\.xox[a-z]-[A-Za-z0-9\-]{10,}+|xox[a-z]-[A-Za-z0-9\-]{10,}+|xapp-[A-Za-z0-9\-]{10,}+",
    "atlassian_token": r"AT(?:ATT|CTT|STT)3[A-Za-z0-9_=\-]{20,}+|ATBB[A-Za-z0-9_=\-]{20,}+",
    # A digit tells keys from names such as the CSS class sk-folding-cube-container. No start within a run of its own
    # characters: sk-sk-sk-... would be looked at to its end from each.
    "api_key": r"(?<!-)sk-(?=[A-Za-z_\-]*+[0-9])[A-Za-z0-9_\-]{20,}+|lin_api_[A-Za-z0-9]{20,}+|hf_[A-Za-z0-9]{30,}+"
    r"|SG\.[A-Za-z0-9_\-]{16,}+\.[A-Za-z0-9_\-]{16,}+|shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}+|dop_v1_[a-f0-9]{64}+"
    r"|hv[sb]\.[A-Za-z0-9_\-]{20,}+",
    "aws_key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "google_key": r"AIza[A-Za-z0-9_\-]{30,}+|ya29\.[A-Za-z0-9_\-]{20,}+|GOCSPX-[A-Za-z0-9_\-]{20,}+",
    "npm_token": r"npm_[A-Za-z0-9]{30,}+",
    "pypi_token": r"pypi-AgE[A-Za-z0-9_\-]{40,}+",
    "gitlab_token": r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-[A-Za-z0-9_.\-]{20,}+",
    "jwt": r"(?<!-)eyJ[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]{4,}+){1,4}+",
    "stripe_key": r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{20,}+",
    "telegram_token": r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{30,}+",
    "age_key": r"AGE-SECRET-KEY-1[A-Z0-9]{40,}+",
}
_ANY_TOKEN = "|".join(f"(?P<{kind}>{shape})" for kind, shape in _TOKENS.items())
_TOKEN = re.compile(f"(?<![A-Za-z0-9_])(?:{_ANY_TOKEN})")
# None of these in the text: no token either. Much cheaper to look for than the tokens themselves.
_HINTS = (
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "xapp-", "ATATT3", "ATCTT3", "ATSTT3", "ATBB"),
    *("sk-", "lin_api_", "hf_", "SG.", "shpat_", "shpss_", "shpca_", "shppa_", "dop_v1_", "hvs.", "hvb.", "AKIA"),
    *("ASIA", "ABIA", "ACCA", "AIza", "ya29.", "GOCSPX-", "npm_", "pypi-", "glpat-", "glptt-", "gldt-", "glrt-"),
    *("glcbt-", "glft-", "glsoat-", "glagent-", "glimt-", "eyJ", "k_live_", "k_test_", "whsec_", ":AA", "AGE-SECRET"),
)
_HINT = re.compile("|".join(re.escape(hint) for hint in _HINTS))
_WEBHOOK = re.compile(
    r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/)"
    r"[A-Za-z0-9_\-/]++"
)
_BEARER = re.compile(
    r"(?<![A-Za-z0-9_])(bearer[ \t]{1,8})(?=[A-Za-z._~+/=\-]*+[0-9])[A-Za-z0-9._~+/=\-]{16,}+", re.IGNORECASE
)
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"((?:[A-Za-z0-9+/=\s\\:,.]|-(?!----))*+)(-----END [A-Z0-9 ]{1,60}-----)?"
)
_KEY_MATERIAL = re.compile(r"[A-Za-z0-9+/=]{40}")
# What stands before the last @ of the authority; a slash ends it, so no two of them overlap.
_AUTHORITY = re.compile(r"(?<![A-Za-z0-9+.\-])([A-Za-z0-9+.\-]++://)((?:[^\s/?#\"'<>@]*+@)++)(?!sha(?:256|512):)")
# Drivers accept `/`, `?` and `#` in a password, so here the last @ counts.
_DATABASE = re.compile(
    r"(?<![A-Za-z0-9+.\-])((?:postgres|postgresql|mysql|mariadb|redis|rediss|amqp|amqps|mongodb|mssql|oracle|ldaps?|smtps?)"
    r"(?:\+[a-z0-9]{1,20})?://)([^\s\"'<>]++)",
    re.IGNORECASE,
)
_USER = re.compile(rf"((?:{MARK}|[^:])*+):(.+)", re.DOTALL)


def redact_shapes(text: str) -> str:
    """`text` with every secret of a known shape replaced."""
    if "PRIVATE KEY" in text:
        text = _PEM.sub(_without_key, text)
    if _HINT.search(text):
        text = _TOKEN.sub(lambda found: mark(str(found.lastgroup)), text)
    if "hooks.slack" in text or "webhooks/" in text:
        text = _WEBHOOK.sub(lambda found: found[1] + mark("webhook"), text)
    if "earer" in text or "EARER" in text:
        text = _BEARER.sub(lambda found: found[1] + mark("bearer"), text)
    if "://" in text:
        text = _AUTHORITY.sub(_without_password, _DATABASE.sub(_without_password, text))
    return text


def _without_key(found: re.Match[str]) -> str:
    # A header that only talks about keys is text; one cut off before its end still holds key material.
    if found[2] or _KEY_MATERIAL.search(found[1]):
        return mark("private_key")
    return found[0]


def _without_password(found: re.Match[str]) -> str:
    userinfo, at, host = found[2].rpartition("@")
    parts = _USER.fullmatch(userinfo)
    if not at or parts is None or is_mark(parts[2]):
        return found[0]
    return f"{found[1]}{parts[1]}:{mark('password')}@{host}"
