"""What can become true of a subject: somebody who acts, known to the log by an opaque id. Written for ever."""

from domain.facts import Fact


class SubjectNamed(Fact, frozen=True, kw_only=True, tag="subject.named"):
    """The subject has another name. Which, is said where it can be forgotten."""

    subject: str


class SubjectErased(Fact, frozen=True, kw_only=True, tag="subject.erased"):
    """The subject's name is forgotten, and whatever it wrote so far can be read by nobody any more."""

    subject: str


SubjectFact = SubjectNamed | SubjectErased
