"""registry.Registry: single look-ups as existing clients know them, and the pipeline's batch look-ups."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import grpc
import grpc.aio

from services.registry import contexts
from services.registry.store import devices, patients, thresholds
from vigil.pb import registry_pb2 as pb
from vigil.runtime.problem import Problem
from vigil.store.postgres import UNAVAILABLE

NAME = "registry.Registry"
IDS_MAX = 10_000
_log = logging.getLogger(__name__)
T = TypeVar("T")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _metadata(values: dict[str, Any]) -> dict[str, str]:
    """JSON scalars as texts; a boolean as JSON writes it."""
    return {name: str(v).lower() if isinstance(v, bool) else str(v) for name, v in values.items()}


def _device(row: Any) -> pb.Device:
    return pb.Device(
        device_id=row["device_id"],
        device_type=row["device_type"],
        patient_id=row["patient_id"],
        status=row["status"],
        metadata=_metadata(row["metadata"]),
        registered_at=_text(row["registered_at"]),
        updated_at=_text(row["updated_at"]),
    )


def _patient(row: Any) -> pb.Patient:
    return pb.Patient(
        patient_id=row["patient_id"],
        age=patients.age_years(row),
        gender=row["sex"],
        medical_conditions=row["medical_conditions"],
        medications=row["medications"],
        allergies=row["allergies"],
        metadata=_metadata(row["metadata"]),
        registered_at=_text(row["registered_at"]),
        updated_at=_text(row["updated_at"]),
    )


def _profile(row: Any) -> pb.ThresholdProfile:
    return pb.ThresholdProfile(
        profile_id=row["profile_id"],
        patient_id=row["patient_id"],
        version=row["version"],
        limits=contexts.to_limits(row["limits"]),
        updated_at=_text(row["updated_at"]),
    )


class GrpcEdge:
    """Single look-ups answer with a status in the message; a database that is away is UNAVAILABLE."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def handler(self) -> Any:
        """The service's handlers."""
        methods: dict[str, tuple[Any, Any]] = {
            "GetDevice": (self.device, pb.GetDeviceRequest),
            "GetPatient": (self.patient, pb.GetPatientRequest),
            "GetThresholdProfile": (self.profile, pb.GetThresholdProfileRequest),
            "GetContexts": (self.contexts, pb.GetContextsRequest),
            "GetAdmissions": (self.admissions, pb.GetAdmissionsRequest),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method,
                request_deserializer=request.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, (method, request) in methods.items()
        }
        return grpc.method_handlers_generic_handler(NAME, handlers)

    async def device(self, request: pb.GetDeviceRequest, context: Any) -> pb.GetDeviceResponse:
        """A device with the patient it is on now."""
        status, row = await self._one(context, request.device_id, lambda c: devices.get(c, request.device_id))
        return pb.GetDeviceResponse(
            version="1", status=status, device=_device(row) if row else None, timestamp=_text(datetime.now(UTC))
        )

    async def patient(self, request: pb.GetPatientRequest, context: Any) -> pb.GetPatientResponse:
        """A patient. An age that is not known is 0, as the message has no way to say so."""
        status, row = await self._one(context, request.patient_id, lambda c: patients.get(c, request.patient_id))
        return pb.GetPatientResponse(
            version="1", status=status, patient=_patient(row) if row else None, timestamp=_text(datetime.now(UTC))
        )

    async def profile(self, request: pb.GetThresholdProfileRequest, context: Any) -> pb.GetThresholdProfileResponse:
        """A patient's current limits; by device: of the patient it is on now."""

        async def find(connection: Any) -> Any:
            patient_id = request.patient_id or (await devices.get(connection, request.device_id))["patient_id"]
            return await thresholds.get(connection, patient_id or "")

        status, row = await self._one(context, request.patient_id or request.device_id, find)
        return pb.GetThresholdProfileResponse(
            version="1", status=status, profile=_profile(row) if row else None, timestamp=_text(datetime.now(UTC))
        )

    async def contexts(self, request: pb.GetContextsRequest, context: Any) -> pb.GetContextsResponse:
        """Contexts of up to 10,000 devices."""
        return await self._many(context, request.device_ids, contexts.contexts)

    async def admissions(self, request: pb.GetAdmissionsRequest, context: Any) -> pb.GetAdmissionsResponse:
        """Admissions of up to 10,000 devices."""
        return await self._many(context, request.device_ids, contexts.admissions)

    async def _one(self, context: Any, key: str, find: Callable[[Any], Awaitable[Any]]) -> tuple[Any, Any]:
        if not key or "\0" in key:
            return pb.INVALID_ARGUMENT, None
        try:
            async with self._pool.acquire() as connection:
                return pb.SUCCESS, await find(connection)
        except Problem:
            return pb.NOT_FOUND, None
        except UNAVAILABLE as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"the database does not answer: {type(error).__name__}")
        except Exception:
            _log.exception("lookup_failed")
        return pb.INTERNAL_ERROR, None

    async def _many(self, context: Any, ids: Any, look_up: Callable[[Any, Any], Awaitable[T]]) -> T:
        if len(ids) > IDS_MAX:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"at most {IDS_MAX} ids a call")
        # A text with NUL cannot be stored, so such an id is not known; the database would refuse the whole call.
        try:
            return await look_up(self._pool, [name for name in ids if "\0" not in name])
        except UNAVAILABLE as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"the database does not answer: {type(error).__name__}")
            raise AssertionError("abort does not return") from error
