"""Work on how a table is stored, which changes no schema, by its name as an operation."""

from domain.steps import Compact, Maintenance, RenameManifests, RewriteStorage

COMPACT, MIGRATE_MANIFEST_PATHS, REWRITE_STORAGE = "compact", "migrate_manifest_paths", "rewrite_storage"

MAINTENANCE: dict[str, Maintenance] = {
    COMPACT: Compact(),
    MIGRATE_MANIFEST_PATHS: RenameManifests(),
    REWRITE_STORAGE: RewriteStorage(),
}
DESCRIBED = {
    COMPACT: "Compact {table}",
    MIGRATE_MANIFEST_PATHS: "Rename the manifests of {table}",
    REWRITE_STORAGE: "Rewrite {table} in the newest storage version",
}
