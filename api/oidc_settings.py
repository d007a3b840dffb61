"""Which identity provider vouches for callers, if one does."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

ISSUER = "SCHEMALEDGER_OIDC_ISSUER"
AUDIENCE = "SCHEMALEDGER_OIDC_AUDIENCE"
ALGORITHMS = "SCHEMALEDGER_OIDC_ALGORITHMS"
GROUPS_CLAIM = "SCHEMALEDGER_OIDC_GROUPS_CLAIM"

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""What a token may be signed with at most: nothing that whoever can check a token could sign one with."""
DEFAULT_ALGORITHMS = ("RS256", "ES256", "EdDSA")


@dataclass(frozen=True)
class OidcSettings:
    """``groups_claim`` is the claim that names the groups; dots lead into claims inside."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    groups_claim: str = "groups"

    def environment(self) -> dict[str, str]:
        """What a child process needs to read the same."""
        return {
            ISSUER: self.issuer,
            AUDIENCE: self.audience,
            ALGORITHMS: ",".join(self.algorithms),
            GROUPS_CLAIM: self.groups_claim,
        }


def read_oidc(environment: Mapping[str, str]) -> OidcSettings | None:
    """None: nobody does. Raises ValueError, naming the variable, for a value that cannot be meant."""
    issuer, audience = environment.get(ISSUER, "").strip(), environment.get(AUDIENCE, "").strip()
    if not issuer:
        return None
    parts = urlsplit(issuer)
    loopback = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or loopback):
        raise ValueError(f"{ISSUER} is '{issuer}'; the https URL of an OpenID Connect issuer is expected.")
    if not audience:
        raise ValueError(f"{AUDIENCE} is missing: whom the tokens of {issuer} are meant for.")
    named = environment.get(ALGORITHMS) or ",".join(DEFAULT_ALGORITHMS)
    algorithms = tuple(name.strip() for name in named.split(",") if name.strip())
    if not algorithms or set(algorithms).difference(ASYMMETRIC):
        raise ValueError(f"{ALGORITHMS} is '{named}'; some of {', '.join(ASYMMETRIC)} are expected.")
    return OidcSettings(issuer, audience, algorithms, environment.get(GROUPS_CLAIM) or "groups")
