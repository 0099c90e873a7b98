"""A model behind ScoreStream, over real gRPC, that answers as it is told to."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import grpc

from services.rules_engine.breaker import Limits
from services.rules_engine.scorer import Bounds
from vigil.core import feature_names, score_names
from vigil.pb import anomaly_pb2 as pb

FEATURES, SCORES = len(feature_names()), len(score_names())
BOUNDS = Bounds(0.5, 0.3, 2, Limits(2, 1.0, 4.0, 5.0))
Answer = Callable[[pb.ScoreBatchRequest], pb.ScoreBatchResponse | None]


class Model:
    """`answer` gives the answer to a message; None ends the stream, an exception breaks it."""

    def __init__(self, target: str = "127.0.0.1:0") -> None:
        self.rows: list[int] = []
        self.now = self.most = self.streams = 0
        self.answer: Answer = self.good
        self._changing = threading.Lock()
        handler = grpc.stream_stream_rpc_method_handler(
            self._serve, pb.ScoreBatchRequest.FromString, pb.ScoreBatchResponse.SerializeToString
        )
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(16), options=options)
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("anomaly.AnomalyDetection", {"ScoreStream": handler})]
        )
        self.target = f"127.0.0.1:{self._server.add_insecure_port(target)}"
        self._server.start()

    def _serve(self, requests: Iterator[pb.ScoreBatchRequest], _context: Any) -> Iterator[pb.ScoreBatchResponse]:
        """Reads ahead of its answers, so that it sees how many messages are on their way at once."""
        self.streams += 1
        came: SimpleQueue[pb.ScoreBatchRequest | None] = SimpleQueue()

        def read() -> None:
            try:
                for request in requests:
                    with self._changing:
                        self.now += 1
                        self.most = max(self.most, self.now)
                    came.put(request)
            except grpc.RpcError:
                pass
            finally:
                came.put(None)

        threading.Thread(target=read, daemon=True).start()
        while (request := came.get()) is not None:
            self.rows.append(request.rows)
            answer = self.answer(request)
            with self._changing:
                self.now -= 1
            if answer is None:
                return
            yield answer

    @staticmethod
    def good(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        """Scores that are all zero."""
        scores = b"\0" * 4 * SCORES * request.rows
        return pb.ScoreBatchResponse(
            status=pb.SUCCESS, rows=request.rows, scores=scores, model_version="m", request=request.request
        )

    @staticmethod
    def slow(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        """In time, but late."""
        time.sleep(0.35)
        return Model.good(request)

    @staticmethod
    def hung(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
        """Too late."""
        time.sleep(1.0)
        return Model.good(request)

    def close(self) -> None:
        """Ends at once, with everything under way."""
        self._server.stop(None).wait(5)


def marked(request: pb.ScoreBatchRequest) -> pb.ScoreBatchResponse:
    """Scores that say which request they are of."""
    answer = Model.good(request)
    answer.scores = bytes([request.request % 256]) * len(answer.scores)
    return answer
