"""Callers whom an identity provider vouches for: what is believed of its tokens, and what is not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.oidc.fetching import NotHad, fetch
from adapters.oidc.keys import SECONDS_BETWEEN_QUESTIONS, SECONDS_FRESH, SECONDS_USABLE, IssuerKeys, keys_of
from adapters.oidc.role_book import PostgresRoleBook
from adapters.oidc.tokens import SECONDS_REMEMBERED, OidcTokens
from adapters.oidc.verifying import LEEWAY_SECONDS, MOST_CHARACTERS, Provider, Verifier
from api.compose import composed
from api.oidc_settings import OidcSettings, read_oidc
from api.workshop import examination
from domain.errors import IssuerUnavailable, TokenExpired, TokenNotAccepted
from domain.examination import Verdict
from tests.api.conftest import Api, serving
from tests.api.issuer import AUDIENCE, Issuer, new_key
from tests.api.test_access import caller, table_in
from tests.domain.planning import add, change


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer().serving() as made:
        for algorithm in ("RS256", "ES256", "EdDSA"):
            made.add(algorithm, algorithm)
        yield made


class Clocks:
    def __init__(self) -> None:
        self.seconds, self.moment = 1_000.0, datetime.now(UTC)


def verifier(issuer: Issuer, clocks: Clocks | None = None, **provider: Any) -> Verifier:
    given: dict[str, Any] = {"issuer": issuer.url, "audience": AUDIENCE, "algorithms": ("RS256", "ES256", "EdDSA")}
    clock = clocks or Clocks()
    keys = IssuerKeys(issuer.url, fetch, lambda: clock.seconds)
    return Verifier(Provider(**{"groups_claim": "groups", **given, **provider}), keys, lambda: clock.moment)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_of_the_issuer_is_believed(issuer: Issuer, algorithm: str) -> None:
    claims = verifier(issuer).claims(issuer.token(algorithm, groups=["b", "a", 3, "a", "x\n"]))
    assert (claims.subject, claims.groups) == ("ana", ("a", "b"))


def test_what_anybody_could_have_signed_is_refused(issuer: Issuer) -> None:
    checking, claims = verifier(issuer), {"iss": issuer.url, "aud": AUDIENCE, "sub": "ana", "exp": 2**31}
    unsigned = f"{part({'alg': 'none', 'kid': 'RS256'})}.{part(claims)}."
    public = issuer.keys["RS256"][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = f"{part({'alg': 'HS256', 'kid': 'RS256', 'typ': 'JWT'})}.{part(claims)}"
    digest = hmac.new(public, body.encode(), hashlib.sha256).digest()
    confused = f"{body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    other = Issuer()
    other.url = issuer.url
    other.add("RS256", "RS256")
    head, said, signature = issuer.token("ES256").split(".")
    for forged in (
        unsigned,
        confused,
        other.token("RS256"),
        f"{head}.{part(claims)}.{signature}",
        f"{part({'alg': 'RS256', 'kid': 'ES256'})}.{said}.{signature}",
        f"{part({'alg': 'ES256', 'kid': 'ES256', 'crit': ['b64']})}.{said}.{signature}",
        f"{part({'alg': ['ES256'], 'kid': 'ES256'})}.{said}.{signature}",
        f"{part({'alg': 'ES256', 'kid': 7})}.{said}.{signature}",
        f"{part({'alg': 'ES256', 'kid': 'ES256', 'jwk': issuer.described()[1]})}.{said}.AAAA",
        "..",
        "a.b.c",
        f"{'[' * 100_000}.{said}.{signature}"[: MOST_CHARACTERS - 1],
        f"{head}.{base64.urlsafe_b64encode(b'[' * 10_000).decode()}.{signature}",
        issuer.token("ES256", more="x" * MOST_CHARACTERS),
    ):
        with pytest.raises(TokenNotAccepted):
            checking.claims(forged)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"iss": "https://elsewhere"}, "issuer is not"),
        ({"aud": "other"}, "audience schemaledger"),
        ({"aud": ["other", "another"]}, "audience schemaledger"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "malformed"),
        ({"sub": "a\x00b"}, "sub"),
        ({"sub": "x" * 251}, "sub"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"nbf": time.time() + 3_600}, "nbf"),
        ({"nbf": "never"}, "nbf"),
        ({"iat": time.time() + 3_600}, "iat"),
        ({"without": ("exp",)}, "exp, iss, aud and sub"),
        ({"without": ("aud",)}, "exp, iss, aud and sub"),
        ({"without": ("sub",)}, "exp, iss, aud and sub"),
        ({"without": ("iss",)}, "exp, iss, aud and sub"),
    ],
)
def test_a_token_that_is_not_for_us_or_not_now_is_refused_with_why(
    issuer: Issuer, said: dict[str, Any], why: str
) -> None:
    with pytest.raises(TokenNotAccepted, match=why):
        verifier(issuer).claims(issuer.token("ES256", **said))


def of_kind(issuer: Issuer, kind: Any, **claims: Any) -> str:
    """A token of the issuer whose header says what it is."""
    now = int(time.time())
    said = {"iss": issuer.url, "aud": AUDIENCE, "sub": "ana", "iat": now, "exp": now + 300, **claims}
    return jwt.encode(said, issuer.keys["ES256"][1], "ES256", {"kid": "ES256", "typ": kind})


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", None])
def test_a_token_to_come_in_with_may_say_so(issuer: Issuer, kind: str | None) -> None:
    assert verifier(issuer).claims(of_kind(issuer, kind)).subject == "ana"


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", "vc+sd-jwt", "JOSE", "at+jwt x", "jwt+at"])
def test_a_token_that_says_that_it_is_something_else_is_refused(issuer: Issuer, kind: Any) -> None:
    with pytest.raises(TokenNotAccepted, match="typ"):
        verifier(issuer).claims(of_kind(issuer, kind))


def test_a_notice_of_an_event_is_no_token_to_come_in_with_whatever_its_header_says(issuer: Issuer) -> None:
    logout = {"http://schemas.openid.net/event/backchannel-logout": {}}
    with pytest.raises(TokenNotAccepted, match="event"):
        verifier(issuer).claims(of_kind(issuer, "JWT", events=logout))


def test_a_token_ends_when_it_says_but_for_a_little_leeway(issuer: Issuer) -> None:
    clocks = Clocks()
    checking, ends = verifier(issuer, clocks), int(time.time()) + 300
    token = issuer.token("ES256", exp=ends)
    clocks.moment = datetime.fromtimestamp(ends + LEEWAY_SECONDS - 1, UTC)
    assert checking.claims(token).expires_at == datetime.fromtimestamp(ends + LEEWAY_SECONDS, UTC)
    clocks.moment = datetime.fromtimestamp(ends + LEEWAY_SECONDS, UTC)
    with pytest.raises(TokenExpired):
        checking.claims(token)


def test_groups_may_lie_inside_other_claims(issuer: Issuer) -> None:
    inside = verifier(issuer, groups_claim="realm_access.roles")
    assert inside.claims(issuer.token("ES256", realm_access={"roles": ["a"]})).groups == ("a",)
    assert inside.claims(issuer.token("ES256", realm_access=["a"])).groups == ()
    named = verifier(issuer, groups_claim="https://example.org/groups")
    assert named.claims(issuer.token("ES256", **{"https://example.org/groups": "a"})).groups == ("a",)


def test_keys_that_are_too_weak_or_not_for_signing_or_secret_are_not_used() -> None:
    weak = Issuer()
    weak.add("weak", "RS256", new_key("RS256", 1_024))
    weak.add("good", "RS256")
    described = weak.described()
    encrypting = {**described[1], "kid": "encrypting", "use": "enc"}
    secret = {"kty": "oct", "kid": "secret", "k": "AAAA", "alg": "HS256"}
    found = keys_of([*described, encrypting, secret, "nonsense", {"kty": "RSA", "kid": "half"}, {"kty": 3}])
    assert {key_id for key_id, _ in found} == {"good", None}


def test_new_keys_are_found_and_withdrawn_ones_forgotten() -> None:
    with Issuer().serving() as issuer:
        issuer.add("old")
        clocks = Clocks()
        checking, old = verifier(issuer, clocks), issuer.token("old")
        checking.claims(old)
        issuer.add("new")
        clocks.seconds += SECONDS_BETWEEN_QUESTIONS
        checking.claims(issuer.token("new"))
        assert issuer.asked == 2
        del issuer.keys["old"]
        checking.claims(old)
        clocks.seconds += SECONDS_FRESH
        with pytest.raises(TokenNotAccepted, match="no key"):
            checking.claims(old)


def test_made_up_key_ids_do_not_make_us_ask_again_and_again() -> None:
    with Issuer().serving() as issuer:
        issuer.add("good")
        forger = Issuer()
        forger.url = issuer.url
        for number in range(50):
            forger.add(f"made-up-{number}", "EdDSA")
        clocks = Clocks()
        checking = verifier(issuer, clocks)
        for _ in range(3):
            for key_id in forger.keys:
                with pytest.raises(TokenNotAccepted):
                    checking.claims(forger.token(key_id))
            checking.claims(issuer.token("good"))
            clocks.seconds += SECONDS_BETWEEN_QUESTIONS
        assert issuer.asked == 3


def test_many_at_once_ask_the_issuer_once() -> None:
    with Issuer().serving() as issuer:
        issuer.add("good")
        issuer.slow = 0.2
        checking, token = verifier(issuer), issuer.token("good")
        with ThreadPoolExecutor(16) as pool:
            assert {claims.subject for claims in pool.map(checking.claims, [token] * 16)} == {"ana"}
        assert issuer.asked == 1


def test_while_the_issuer_is_away_known_keys_hold_for_a_while_and_nothing_else() -> None:
    with Issuer().serving() as issuer:
        issuer.add("good")
        clocks = Clocks()
        checking, token = verifier(issuer, clocks), issuer.token("good")
        issuer.broken = True
        with pytest.raises(IssuerUnavailable, match="answered 500"):
            checking.claims(token)
        issuer.broken = False
        with pytest.raises(IssuerUnavailable):
            checking.claims(token)
        clocks.seconds += SECONDS_BETWEEN_QUESTIONS
        checking.claims(token)
    clocks.seconds += SECONDS_FRESH
    checking.claims(token)
    issuer.add("new")
    with pytest.raises(IssuerUnavailable, match="does not answer"):
        checking.claims(issuer.token("new"))
    clocks.seconds += SECONDS_USABLE
    with pytest.raises(IssuerUnavailable):
        checking.claims(token)


def test_an_issuer_that_speaks_for_another_or_at_an_unsafe_place_is_not_believed() -> None:
    with Issuer().serving() as issuer:
        issuer.named = "https://elsewhere"
        with pytest.raises(IssuerUnavailable, match="another issuer"):
            verifier(issuer).claims(f"{part({'alg': 'ES256', 'kid': 'x'})}.{part({})}.AAAA")
    with pytest.raises(NotHad, match="neither https"):
        fetch("http://example.org/keys")


# --- over HTTP ------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(database_url: str, tmp_path: Path, issuer: Issuer) -> Iterator[Api]:
    with serving(database_url, tmp_path, oidc=OidcSettings(issuer.url, AUDIENCE)) as api:
        yield api


def person(api: Api, issuer: Issuer, **claims: Any) -> Api:
    return Api(api.client, issuer.token("ES256", **claims), api.settings)


def bind(api: Api, **body: Any) -> httpx.Response:
    return api.post("/role-bindings", body)


def test_a_person_may_do_what_is_bound_to_him_and_to_his_groups(signed_in: Api, issuer: Issuer) -> None:
    orders, stock = table_in(signed_in, "shop", "orders"), table_in(signed_in, "store", "stock")
    ana = person(signed_in, issuer, groups=["platform", "all"])
    me = ana.get("/whoami").json()
    assert (me["subject"], me["authentication"], me["groups"]) == ("oidc:ana", "oidc", ["all", "platform"])
    assert me["grants"] == []
    assert ana.get("/dataset-tables").json()["code"] == "scope_missing"
    group = bind(signed_in, group="platform", roles=["reader"], datasets=["shop"])
    assert group.status_code == 201, group.text
    assert bind(signed_in, subject="oidc:ana", roles=["editor"], tables=[orders]).status_code == 201
    assert [table["tableId"] for table in ana.get("/dataset-tables").json()["tables"]] == [orders]
    assert ana.get(f"/dataset-tables/{stock}").json()["code"] == "table_not_found"
    assert ana.migrate(orders, add("x")).status_code == 202
    assert ana.migrate(orders, change("drop_column", name="id")).status_code in (400, 403)
    assert len(ana.get("/whoami").json()["grants"]) == 2
    assert person(signed_in, issuer, sub="ben").get("/dataset-tables").status_code == 403
    with composed(signed_in.settings, signed_in.settings.database_url or "") as parts:
        origins = {event.metadata.origin for event in parts.house.store.read(0, 1_000)}
    assert ("oidc:ana", "oidc") in {(origin.actor, origin.authentication) for origin in origins}
    removed = signed_in.client.delete(group.headers["location"], headers=signed_in.headers)
    assert removed.status_code == 204
    assert signed_in.client.delete(group.headers["location"], headers=signed_in.headers).status_code == 404
    assert len(ana.get("/whoami").json()["grants"]) == 1


def test_bindings_are_listed_and_nobody_binds_more_than_he_has(signed_in: Api, issuer: Issuer) -> None:
    bea = caller(signed_in, {"scopes": ["tokens:manage", "tables:read"], "datasets": ["shop"]}, subject="bea")
    for asked in (
        {"group": "g", "scopes": ["tables:read"]},
        {"group": "g", "roles": ["reader"], "datasets": ["shop"]},
        {"subject": "oidc:x", "scopes": ["tables:read"], "datasets": ["store"]},
    ):
        refused = bind(bea, **asked)
        assert (refused.status_code, refused.json()["code"]) == (403, "grant_exceeds_own")
    mine = bind(bea, group="g", scopes=["tables:read"], datasets=["shop"]).json()
    theirs = bind(signed_in, group="h", roles=["auditor"]).json()
    assert [one["bindingId"] for one in bea.get("/role-bindings").json()["roleBindings"]] == [mine["bindingId"]]
    page = signed_in.get("/role-bindings", pageSize=1).json()
    rest = signed_in.get("/role-bindings", pageSize=1, pageToken=page["nextPageToken"]).json()
    assert [page["roleBindings"][0], rest["roleBindings"][0]] == [theirs, mine]
    assert signed_in.get("/role-bindings", holder="g").json()["roleBindings"] == [mine]
    assert bea.get(f"/role-bindings/{theirs['bindingId']}").json()["code"] == "role_binding_not_found"
    for wrong in (
        {"subject": "ana", "roles": ["reader"]},
        {"subject": "oidc:a", "group": "b", "roles": ["reader"]},
        {"roles": ["reader"]},
        {"group": "g"},
        {"group": "g", "roles": ["king"]},
        {"group": "g", "roles": ["reader"], "expiresAt": "2020-01-01T00:00:00Z"},
    ):
        assert bind(signed_in, **wrong).json()["code"] == "grant_invalid", wrong


def test_what_is_bound_ends_and_is_passed_on_for_no_longer(signed_in: Api, issuer: Issuer) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    bind(signed_in, subject="oidc:ana", roles=["admin"], expiresAt=soon)
    ana = person(signed_in, issuer)
    passed = bind(ana, group="g", roles=["reader"])
    assert passed.status_code == 201, passed.text
    assert datetime.fromisoformat(passed.json()["expiresAt"]) == datetime.fromisoformat(soon)
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert bind(ana, group="g", roles=["reader"], expiresAt=later).json()["code"] == "grant_invalid"
    made = ana.post("/tokens", {"subject": "robot", "grants": [{"roles": ["reader"]}]}).json()
    assert made["expiresAt"] <= ana.get("/whoami").json()["expiresAt"]


def test_a_bad_token_is_401_with_why_and_an_issuer_that_is_away_is_503(
    database_url: str, tmp_path: Path, issuer: Issuer
) -> None:
    with serving(database_url, tmp_path, oidc=OidcSettings(issuer.url, AUDIENCE)) as api:
        refused = person(api, issuer, aud="other").get("/whoami")
        assert (refused.status_code, refused.json()["code"]) == (401, "token_not_accepted")
        assert refused.headers["www-authenticate"].startswith("Bearer ")
        assert person(api, issuer, exp=1).get("/whoami").json()["code"] == "token_expired"
    with Issuer().serving() as gone:
        gone.add("ES256")
    with serving(database_url, tmp_path, oidc=OidcSettings(gone.url, AUDIENCE)) as api:
        away = person(api, gone).get("/whoami")
        assert (away.status_code, away.json()["code"], away.json()["retryable"]) == (503, "issuer_unavailable", True)
        assert "retry-after" in away.headers
        # Our own tokens need nobody.
        assert api.get("/whoami").status_code == 200


def test_without_an_issuer_no_jwt_is_a_token(idle_api: Api, issuer: Issuer) -> None:
    assert person(idle_api, issuer).get("/whoami").json()["code"] == "token_invalid"


def test_another_process_hears_of_what_is_removed_and_looks_for_what_is_new(
    signed_in: Api, issuer: Issuer, database_url: str
) -> None:
    token = issuer.token("ES256", groups=["g"])
    removed = bind(signed_in, group="g", roles=["reader"])
    with composed(signed_in.settings, database_url) as parts:
        assert parts.feed.listening.wait(20)
        seconds = [0.0]
        book = PostgresRoleBook(parts.database, parts.feed)
        # With a clock that stands still, only news can make it forget.
        elsewhere = OidcTokens(parts.tokens, verifier(issuer), book, seconds=lambda: seconds[0])
        principal = elsewhere.principal(token)
        assert principal is not None
        assert len(principal.grants) == 1
        assert elsewhere.remembered(token) == principal
        signed_in.client.delete(removed.headers["location"], headers=signed_in.headers)
        while elsewhere.remembered(token) is not None:
            time.sleep(0.01)
        found = elsewhere.principal(token)
        assert found is not None
        assert found.grants == ()
        bind(signed_in, group="g", roles=["reader"])
        assert elsewhere.remembered(token) == found
        seconds[0] += SECONDS_REMEMBERED
        assert elsewhere.remembered(token) is None
        again = elsewhere.principal(token)
        assert again is not None
        assert len(again.grants) == 1


def test_what_is_bound_until_a_moment_ends_then(signed_in: Api, issuer: Issuer, database_url: str) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=2)
    bind(signed_in, subject="oidc:ana", roles=["reader"], expiresAt=ends.isoformat())
    bind(signed_in, subject="oidc:ana", scopes=["audit:read"])
    with composed(signed_in.settings, database_url) as parts:
        now = [ends - timedelta(seconds=1)]
        book = PostgresRoleBook(parts.database)
        tokens = OidcTokens(parts.tokens, verifier(issuer), book, seconds=lambda: 0.0, now=lambda: now[0])
        token = issuer.token("ES256")
        before = tokens.principal(token)
        assert before is not None
        assert (len(before.grants), before.bound_until) == (2, ends)
        assert tokens.remembered(token) == before
        now[0] = ends
        assert tokens.remembered(token) is None
        after = tokens.principal(token)
        assert after is not None
        assert (len(after.grants), after.bound_until) == (1, None)
        now[0] = before.expires_at or ends
        with pytest.raises(TokenExpired):
            tokens.principal(token)


def test_the_doctor_looks_whether_the_issuer_answers(signed_in: Api, database_url: str) -> None:
    def said() -> list[tuple[str, str]]:
        found = examination(signed_in.settings, database_url, mend=False)
        return [(one.verdict, one.message) for one in found if one.subject == "identity provider"]

    assert said() == [(Verdict.WELL, f"{signed_in.settings.oidc.issuer} answers with its keys.")]
    with Issuer().serving() as gone:
        pass
    away = replace(signed_in.settings, oidc=OidcSettings(gone.url, AUDIENCE))
    (finding,) = [one for one in examination(away, database_url, mend=False) if one.subject == "identity provider"]
    assert finding.verdict == Verdict.PROBLEM
    assert "does not answer" in finding.message


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"ISSUER": "http://login.example.org"}, "ISSUER"),
        ({"ISSUER": "login.example.org"}, "ISSUER"),
        ({"ISSUER": "https://login.example.org/?realm=x"}, "ISSUER"),
        ({"AUDIENCE": ""}, "AUDIENCE is missing"),
        ({"ALGORITHMS": "RS256,HS256"}, "ALGORITHMS"),
        ({"ALGORITHMS": "none"}, "ALGORITHMS"),
        ({"ALGORITHMS": ","}, "ALGORITHMS"),
    ],
)
def test_settings_that_would_let_in_just_anybody_are_refused(given: dict[str, str], why: str) -> None:
    good = {"ISSUER": "https://login.example.org", "AUDIENCE": "us"}

    def read(said: dict[str, str]) -> OidcSettings | None:
        return read_oidc({f"SCHEMALEDGER_OIDC_{name}": value for name, value in said.items()})

    found = read(good)
    assert found == OidcSettings("https://login.example.org", "us", ("RS256", "ES256", "EdDSA"), "groups")
    # What children are told is what was read.
    assert found is not None
    assert read_oidc(found.environment()) == found
    assert read_oidc({}) is None
    with pytest.raises(ValueError, match=why):
        read({**good, **given})
