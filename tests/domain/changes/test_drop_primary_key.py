"""What is left when no columns tell rows apart any more."""

from tests.domain.planning import change, drop, planned, refused

NO_KEY = change("drop_primary_key")


def test_the_columns_stay_as_they_are() -> None:
    plan = planned(NO_KEY)
    assert plan.target.primary_key == ()
    assert not plan.target.column("id").nullable
    assert not plan.requires_rewrite


def test_a_column_may_go_once_it_is_in_no_key() -> None:
    assert planned(NO_KEY, drop("id")).is_valid


def test_a_key_that_is_not_there_cannot_go() -> None:
    assert refused(planned(NO_KEY, NO_KEY)) == [("/operations/1", "no_primary_key")]
