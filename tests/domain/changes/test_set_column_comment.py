"""What a comment on a column comes to, before any engine is asked."""

from domain.diff import CommentChanged
from tests.domain.planning import change, planned, refused

KEY_COMMENT = change("set_column_comment", name="id", comment="the key")


def test_the_column_has_the_comment_and_nothing_is_read_or_written() -> None:
    plan = planned(KEY_COMMENT)
    assert plan.target.column("id").comment == "the key"
    assert [step.cost for step in plan.steps] == ["metadata"]
    assert plan.differences == (CommentChanged(field_id=1, name="id", before=None, after="the key"),)


def test_null_takes_the_comment_away() -> None:
    plan = planned(KEY_COMMENT, change("set_column_comment", name="id", comment=None))
    assert plan.is_valid
    assert plan.target.column("id").comment is None


def test_a_comment_that_is_there_already_is_refused_with_its_place() -> None:
    assert refused(planned(KEY_COMMENT, KEY_COMMENT)) == [("/operations/1/params/comment", "nothing_to_change")]
    assert refused(planned(change("set_column_comment", name="id", comment=None))) == [
        ("/operations/0/params/comment", "nothing_to_change")
    ]


def test_only_a_column_that_is_there_can_have_one() -> None:
    assert refused(planned(change("set_column_comment", name="nobody", comment="x"))) == [
        ("/operations/0/params/name", "column_not_found")
    ]
