"""``/subjects``: who is who, and erasing somebody."""

from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import RawBody
from msgspec import UNSET, Meta, UnsetType

from api.http.access import BODY, NEEDS, origin_of
from api.http.answers import present
from api.http.bodies import Name, RequestBody, decode
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin, cut
from api.http.wire import Body, Moment
from domain.access import Principal, Scope
from domain.errors import SubjectNotFound
from domain.handlers.house import House
from domain.handlers.subjects import erase_subject, name_subject
from domain.subject.texts import SubjectView

Asking = Request[Principal, Any, Any]
SubjectId = Annotated[str, Meta(min_length=1, max_length=500)]


class NamedSubjectBody(RequestBody, frozen=True, kw_only=True):
    """What a subject is called from now on, wherever its id is shown with a name."""

    subject_id: SubjectId
    name: Name


class ErasedSubjectBody(RequestBody, frozen=True, kw_only=True):
    """Whose name and texts nobody shall be able to read any more. That cannot be undone."""

    subject_id: SubjectId


class SubjectBody(Body, frozen=True, kw_only=True):
    """``writes`` says whether there is free text of the subject's to erase."""

    subject_id: str
    name: str | UnsetType = UNSET
    named_at: Moment | UnsetType = UNSET
    writes: bool


class SubjectList(Body, frozen=True, kw_only=True):
    subjects: tuple[SubjectBody, ...]
    next_page_token: str | UnsetType = UNSET


@get("/", operation_id="listSubjects", summary="List subjects", opt={NEEDS: Scope.AUDIT_READ}, sync_to_thread=True)
def list_subjects(
    house: NamedDependency[House], page_size: PageSize = DEFAULT_SIZE, page_token: PageToken = None
) -> SubjectList:
    """Who has a name or wrote something, in the order of their ids."""
    rows = house.subjects.subjects(page_size + 1, begin(page_token, "subjects"))
    page, following = cut(rows, page_size, lambda row: row.subject, "subjects")
    return SubjectList(subjects=tuple(map(_body, page)), next_page_token=following)


@post(
    "/",
    operation_id="nameSubject",
    summary="Name a subject",
    status_code=200,
    opt={NEEDS: Scope.TOKENS_MANAGE, BODY: NamedSubjectBody},
    sync_to_thread=True,
)
def name(request: Asking, body: RawBody, house: NamedDependency[House]) -> SubjectBody:
    """The name stands beside the subject's id from now on, in what is past as well. The log holds ids only."""
    asked = decode(body, NamedSubjectBody)
    name_subject(house, asked.subject_id, asked.name, origin_of(request))
    found = house.subjects.subject(asked.subject_id)
    if found is None:
        raise SubjectNotFound(asked.subject_id)
    return _body(found)


@post(
    "/erase",
    operation_id="eraseSubject",
    summary="Erase a subject",
    status_code=204,
    opt={NEEDS: Scope.AUDIT_ERASE, BODY: ErasedSubjectBody},
    sync_to_thread=True,
)
def erase(request: Asking, body: RawBody, house: NamedDependency[House]) -> None:
    """Forgets the subject's name, and the key to every reason and description that it wrote: they read `[erased]`.

    The log is not changed and every proof still holds. Other processes may show for five seconds what they have read.
    """
    erase_subject(house, decode(body, ErasedSubjectBody).subject_id, origin_of(request))


def _body(view: SubjectView) -> SubjectBody:
    return SubjectBody(
        subject_id=view.subject, name=present(view.name), named_at=present(view.named_at), writes=view.writes
    )


router = Router("/subjects", route_handlers=[list_subjects, name, erase], tags=["Access"])
