"""``/metrics``: what is counted and measured, for Prometheus. Open like the health: it names no table and nobody."""

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from api.http.access import OPEN
from api.metrics import CONTENT_TYPE, Exposition


@get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    media_type=MediaType.TEXT,
    opt={OPEN: True},
    tags=["Health"],
    sync_to_thread=True,
)
def get_metrics(exposition: NamedDependency[Exposition]) -> Response[bytes]:
    """Counters and measurements in Prometheus' text format, of all processes of this `schemaledger serve`."""
    return Response(exposition.text(), media_type=CONTENT_TYPE)
