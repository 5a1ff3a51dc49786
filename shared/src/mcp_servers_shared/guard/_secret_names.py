"""Which names stand for secrets: `db_password`, `SLACK_BOT_TOKEN`, `x-api-key`, `clientSecret`, and configured ones.

A name is cut into words at `_`, `-`, `.`, digits and capitals, so that `tokenizer`, `primary_key`, `max_tokens` and
`token_count` stay what they are.
"""

import functools
import re
from collections.abc import Iterable


def _set_of(names: str) -> frozenset[str]:
    return frozenset(names.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST_NAME = 128
_REMEMBERED = 1024

_KINDS = {
    "password": "password",
    "passwords": "password",
    "passwd": "password",
    "passphrase": "password",
    "passcode": "password",
    "pwd": "password",
    "secret": "secret",
    "secrets": "secret",
    "token": "token",
    "apikey": "api_key",
    "accesskey": "api_key",
    "secretkey": "api_key",
    "privatekey": "private_key",
    "credential": "credential",
    "credentials": "credential",
    "authorization": "authorization",
    "cookie": "cookie",
    "sig": "signature",
}
# Fused names such as PGPASSWORD or authtoken.
_ENDINGS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "secretkey", "privatekey")
_KEYS_OF = _set_of("access account api auth encryption master private secret service session shared signing")
_PASS_OF = _set_of("admin db email ftp http imap login mail mysql pg postgres proxy redis root smtp ssh user")
_ABOUT_A_SECRET = _set_of(
    """
    age at count created date dir disabled enabled endpoint expiration expired expires expiry field file format hint
    index kind len length limit limits manager name names offset path policies policy position present provider
    required scheme size status strength time total ttl type types updated uri url usage used valid version
    """
)
_ASKING = _set_of("allow count has hide is max min needs num requires show total")


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case."""
    return tuple([word.lower() for word in _WORD.findall(name)])


class SecretNames:
    """The built-in names and `extra` ones, which match wherever their words stand next to each other in a name."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self._extra = {words(name[:_LONGEST_NAME]) for name in extra}
        if () in self._extra:
            raise ValueError("a secret's name needs at least one ASCII letter or digit")
        self._remembered = functools.lru_cache(maxsize=_REMEMBERED)(self._kind)

    @property
    def hints(self) -> tuple[str, ...]:
        """A text whose lower case holds none of these holds no secret's name."""
        built_in = ("pass", "pwd", "secret", "token", "key", "auth", "cred", "cookie", "sig")
        return built_in + tuple(name[0] for name in self._extra)

    def kind(self, name: str) -> str | None:
        """The kind of secret that `name` stands for, or None. Only the last 128 characters count."""
        return self._remembered(name[-_LONGEST_NAME:])

    def _kind(self, name: str) -> str | None:
        found = words(name)
        for extra in self._extra:
            if any(found[start : start + len(extra)] == extra for start in range(len(found))):
                return "_".join(extra)[:64]
        if not found or found[-1] in _ABOUT_A_SECRET or found[0] in _ASKING:
            return "authorization" if name == "_auth" else None
        return _built_in(name, found)


def _built_in(name: str, found: tuple[str, ...]) -> str | None:
    if name == "_auth":
        return "authorization"
    for word, following in zip(found, (*found[1:], ""), strict=True):
        if word in _KINDS:
            return _KINDS[word]
        if following in ("key", "keys") and word in _KEYS_OF:
            return "private_key" if word == "private" else "api_key"
        if following == "pass" and word in _PASS_OF:
            return "password"
        if (word, following) == ("amz", "signature"):
            return "signature"
        if word.endswith(_ENDINGS):
            return next(_KINDS[ending] for ending in _ENDINGS if word.endswith(ending))
    return None
