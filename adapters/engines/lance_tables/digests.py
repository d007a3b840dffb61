"""What tells one state of a fragment, or of several, from another. A table has thousands, looked at again and again."""

from collections.abc import Sequence
from hashlib import sha256

from lance.fragment import FragmentMetadata


def contents_of(fragment: FragmentMetadata) -> tuple[object, ...]:
    """Its rows and files. Files are written once: the same path is the same content."""
    deleted = fragment.deletion_file
    return (
        fragment.id,
        fragment.physical_rows,
        None if deleted is None else deleted.asdict(),
        fragment.overlays,
        files_of(fragment),
    )


def files_of(fragment: FragmentMetadata) -> list[tuple[object, ...]]:
    """Its files, whatever rows of them were deleted."""
    # Its public name for the path makes a class at each look.
    return [(file._path, file.fields, file.column_indices, file.base_id) for file in fragment.files]


def digest(parts: Sequence[object]) -> str:
    """24 hexadecimal digits."""
    return sha256(repr(parts).encode()).hexdigest()[:24]
