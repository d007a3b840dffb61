"""What the published document says in words of statuses, headers and parameters."""

SUCCESSES = {
    "200": "The answer.",
    "201": "Made.",
    "202": "Accepted; what is answered can be looked at again to see what becomes of it.",
    "204": "Done. There is nothing to answer.",
}

ERRORS = {
    "400": "The request is malformed or makes no sense; `details.violations` names every place.",
    "401": "No bearer token, or one that is not good.",
    "403": "The token is good, and lacks the scope that the sentence names.",
    "404": "There is no such thing, or none that the token may know of.",
    "405": "The path has no such method; `Allow` lists those it has.",
    "408": "The body did not arrive in time.",
    "409": "In conflict with what is there; `retryable` says whether the same call may succeed later.",
    "412": "The table is no longer what the condition says. Plan again.",
    "413": "The body is too large.",
    "415": "The body is not `application/json`.",
    "422": "The idempotency key was used for another request.",
    "429": "The caller asks too much of this process; `Retry-After` says when to try again.",
    "500": "A fault of the service. It is in the service's log under `details.requestId`.",
    "503": "The event log, the table or the identity provider cannot be reached just now.",
}
RETRYABLE = ("429", "503")
"""Answers that say when to try again."""
BARE_WRITES = ("unregisterTable", "revokeToken", "removePolicy", "deleteRoleBinding", "deleteWebhook")
"""Calls that write without a body and without being declared to."""
WRITE_ERRORS = ("408", "409", "412", "413", "415", "422")
UNDECLARED = {"planRevert": ("409",)}
"""Of these, what calls may answer that write nothing."""
