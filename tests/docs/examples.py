"""One worked example for every change, as it would be sent; docs/reference/changes/ shows what came of each."""

from typing import Any

from msgspec import Struct

from tests.domain.planning import add, change, drop, index, key, nullability, rename, retype, vector_index

Operation = dict[str, Any]

ORDERS = (
    {"name": "id", "arrowType": "int64", "nullable": False},
    {"name": "customer", "arrowType": "utf8"},
    {"name": "amount", "arrowType": "utf8"},
)
ORDER_ROWS = (
    {"id": 1, "customer": "Ada", "amount": "12.50"},
    {"id": 2, "customer": None, "amount": "7"},
    {"id": 3, "customer": "Grace", "amount": None},
)


class Example(Struct, frozen=True, kw_only=True):
    """A table, ``before`` what was done to it before (each a migration of its own), and the change that is shown.

    ``later`` are rows written after ``before``. ``variants`` are other uses, planned and not run, so that the page
    tells what those cost too.
    """

    about: str
    operation: Operation
    fields: tuple[dict[str, Any], ...] = ORDERS
    rows: tuple[dict[str, Any], ...] = ORDER_ROWS
    key: tuple[str, ...] = ()
    before: tuple[Operation, ...] = ()
    later: tuple[dict[str, Any], ...] = ()
    variants: tuple[Operation, ...] = ()


EXAMPLES = {
    "add_column": Example(
        about="A currency for every order, those stored included, in the place after the amount.",
        operation=add("currency", nullable=False, position=3, defaultValue="EUR", comment="ISO 4217"),
        variants=(add("note"),),
    ),
    "drop_column": Example(about="Nobody asks for the customer any more.", operation=drop("customer")),
    "rename_column": Example(
        about="The index on the column goes on under its own name.",
        operation=rename("customer", "buyer"),
        before=(index("customer"),),
    ),
    "change_column_type": Example(
        about="Amounts that were written as text become numbers. Each is looked at: had one been `n/a`, the operation "
        "would have failed with its row and the table would be as before.",
        operation=retype("amount", "utf8", "decimal128(12, 2)"),
        variants=(
            retype("amount", "utf8", "decimal128(12, 2)", onCastFailure="null"),
            retype("amount", "utf8", "large_utf8"),
        ),
    ),
    "alter_column_nullability": Example(
        about="Every order has a customer from now on; those that had none get one.",
        operation=nullability("customer", False, fillNullsWith="unknown"),
        variants=(nullability("customer", False), nullability("id", True)),
    ),
    "set_primary_key": Example(
        about="Orders are told apart by their id.", operation=key("id"), variants=(key("amount"),)
    ),
    "drop_primary_key": Example(
        about="The column that made the key stays as it is, not nullable.",
        operation=change("drop_primary_key"),
        key=("id",),
    ),
    "reorder_column": Example(
        about="The amount comes right after the id.", operation=change("reorder_column", name="amount", position=1)
    ),
    "set_column_default": Example(
        about="Whoever writes an order without a customer means a guest; orders that are stored stay as they are.",
        operation=change("set_column_default", name="customer", defaultValue="guest"),
    ),
    "drop_column_default": Example(
        about="An order without a customer is again an order without a customer.",
        operation=change("drop_column_default", name="customer"),
        before=(change("set_column_default", name="customer", defaultValue="guest"),),
    ),
    "set_column_comment": Example(
        about="What the amount is counted in.",
        operation=change("set_column_comment", name="amount", comment="In euros, as typed by the customer."),
    ),
    "add_scalar_index": Example(
        about="Orders are looked for by their customer.",
        operation=index("customer", "bitmap", name="by_customer"),
    ),
    "drop_scalar_index": Example(
        about="Orders are looked for by their customer no more.",
        operation=change("drop_scalar_index", name="by_customer"),
        before=(index("customer", name="by_customer"),),
    ),
    "add_vector_index": Example(
        about="Pictures that look alike are to be found by the angle between their vectors.",
        operation=vector_index("looks", metric="cosine", numPartitions=1),
        fields=(
            {"name": "id", "arrowType": "int64", "nullable": False},
            {"name": "looks", "arrowType": "fixed_size_list<float32>[2]"},
        ),
        rows=({"id": 1, "looks": [0.0, 1.0]}, {"id": 2, "looks": [0.5, 0.5]}, {"id": 3, "looks": [1.0, 0.0]}),
    ),
    "drop_vector_index": Example(
        about="The index goes, the vectors stay.",
        operation=change("drop_vector_index", name="looks_idx"),
        fields=(
            {"name": "id", "arrowType": "int64", "nullable": False},
            {"name": "looks", "arrowType": "fixed_size_list<float32>[2]"},
        ),
        rows=({"id": 1, "looks": [0.0, 1.0]}, {"id": 2, "looks": [0.5, 0.5]}),
        before=(vector_index("looks"),),
    ),
    "restore_column": Example(
        about="The customers were dropped in schema version 2; one order was written since. Version 1 has them.",
        operation=change("restore_column", name="customer", version=1),
        before=(drop("customer"),),
        later=({"id": 4, "amount": "3.20"},),
    ),
}
"""By the change's type."""
