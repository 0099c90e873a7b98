"""Asks anomaly-service for scores, in batches, within a deadline; away means unavailable, never zero."""

import logging
import time

import grpc

from vigil.core import Pending, feature_names, feature_schema
from vigil.pb import anomaly_pb2
from vigil.runtime import metrics
from vigil.runtime.logs import log

CALL_ROWS_MAX = 8192
_log = logging.getLogger(__name__)


class Scorer:
    """The rules engine's side of ScoreBatch. After a failure it does not ask for a moment: rules go on."""

    def __init__(self, target: str, timeout_ms: int, retry_after_ms: int, stage: str) -> None:
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
        self._channel = grpc.insecure_channel(target, options=options)
        self._call = self._channel.unary_unary(
            "/anomaly.AnomalyDetection/ScoreBatch",
            request_serializer=anomaly_pb2.ScoreBatchRequest.SerializeToString,
            response_deserializer=anomaly_pb2.ScoreBatchResponse.FromString,
        )
        self._columns = len(feature_names())
        self._schema = feature_schema()
        self._timeout_s, self._retry_after_s = timeout_ms / 1000, retry_after_ms / 1000
        self._away_until = 0.0
        self._stage = stage

    def score(self, pending: Pending) -> tuple[bytes | None, str]:
        """Packed scores of the rows and the model's version; `(None, "")` when the model did not answer."""
        if pending.rows == 0 or time.monotonic() < self._away_until:
            return None, ""
        row = self._columns * 4
        features = memoryview(pending.features)
        try:
            calls = [
                self._call.future(self._request(features[at : at + CALL_ROWS_MAX * row]), timeout=self._timeout_s)
                for at in range(0, len(features), CALL_ROWS_MAX * row)
            ]
            answers = [call.result() for call in calls]
        except Exception as error:  # whatever it is: the model is no reason to refuse an observation
            code = error.code() if isinstance(error, grpc.Call) else type(error).__name__
            return self._unavailable(str(code))
        refused = [answer for answer in answers if answer.status != anomaly_pb2.SUCCESS]
        if refused:
            return self._unavailable(anomaly_pb2.Status.Name(refused[0].status))
        return b"".join(answer.scores for answer in answers), answers[-1].model_version

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _request(self, features: memoryview) -> anomaly_pb2.ScoreBatchRequest:
        rows = len(features) // (self._columns * 4)
        return anomaly_pb2.ScoreBatchRequest(
            version="1", rows=rows, columns=self._columns, features=bytes(features), schema=self._schema
        )

    def _unavailable(self, reason: str) -> tuple[None, str]:
        self._away_until = time.monotonic() + self._retry_after_s
        metrics.ERRORS.labels(self._stage, "score_unavailable").inc()
        log(_log, logging.WARNING, "score_unavailable", reason=reason)
        return None, ""
