"""Naming subjects, and erasing them: the name, and every text that they wrote, while every proof still holds."""

from uuid import UUID, uuid5

from domain.errors import StreamMoved, SubjectNotFound
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.subject.events import SubjectErased, SubjectFact, SubjectNamed

SUBJECTS = UUID("9bb0ac5a-8f0c-4d0f-9a55-0d7a0a1c9d42")
"""The namespace of the streams of subjects. Never changes."""


def stream_of(subject: str) -> UUID:
    return uuid5(SUBJECTS, subject)


def name_subject(house: House, subject: str, name: str, origin: Origin) -> None:
    """That it was named is written down first, and the name only where it can be forgotten."""
    _append(house, SubjectNamed(subject=subject), origin)
    house.subjects.name(subject, name)


def erase_subject(house: House, subject: str, origin: Origin) -> None:
    """Forgets the subject's name and the key to its texts, with the append that says so. Twice is once.

    Other processes may remember what they have read for a few seconds. Raises SubjectNotFound for one that has neither
    a name nor a text, and never had.
    """
    if house.subjects.subject(subject) is None:
        if any(isinstance(event.fact, SubjectErased) for event in house.store.load(stream_of(subject))):
            return
        raise SubjectNotFound(subject)
    _append(house, SubjectErased(subject=subject), origin)
    house.subjects.forget(subject)


def _append(house: House, fact: SubjectFact, origin: Origin) -> None:
    stream = stream_of(fact.subject)
    for _ in range(RACES):
        version = len(house.store.load(stream))
        try:
            house.store.append([Append(stream=stream, expected_version=version, facts=(fact,))], origin)
        except StreamMoved:
            continue
        return
    raise StreamMoved(f"subject {fact.subject}")
