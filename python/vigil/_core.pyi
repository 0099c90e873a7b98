"""The Rust core. Only `vigil.core` imports this module.

One call per batch, bytes in and bytes out, the interpreter detached while it works. Times are
microseconds since the epoch. Errors are `CoreError(code, field, message)`.
A `_Rec` (record) is `(partition, observations, encoded TelemetryBatch)`.
A `_Dead` (dead letter) is `(index of the input record, observations, encoded DeadLetter)`; the core fills original,
error_code, error_message, field, observations, event_id, and the caller's topic, partition, offset, stage, time.
"""

from collections.abc import Sequence
from typing import Self, TypeAlias, final

__all__ = [
    "Acceptance",
    "Admissions",
    "ContextTable",
    "CoreError",
    "Decoder",
    "Engine",
    "EngineOutput",
    "Enricher",
    "Ledger",
    "Normalizer",
    "Pending",
    "PewsTable",
    "ScoredColumns",
    "StageOutput",
    "derive_id",
    "describe_rules",
    "error_table",
    "feature_names",
    "feature_schema",
    "news2_applicable",
    "partition_of",
    "rules_schema",
    "score_guidance",
    "score_guidance_table",
    "score_mews",
    "score_names",
    "score_news2",
    "score_pews",
    "score_qsofa",
    "score_shock_index",
    "score_sirs",
    "score_table",
    "scored_columns",
    "version",
    "vocabulary",
]

_Rec: TypeAlias = tuple[int, int, bytes]
_Dead: TypeAlias = tuple[int, int, bytes]

class CoreError(Exception): ...

def error_table() -> list[tuple[str, int, str]]: ...
def version() -> str: ...
def partition_of(key: str, partitions: int) -> int: ...
def derive_id(domain: str, parts: Sequence[bytes]) -> bytes: ...
def vocabulary() -> list[dict[str, object]]:
    """One dict a sign: field, unit, loinc, mdc, plausible_low, plausible_high, aliases."""

def rules_schema() -> bytes:
    """The JSON Schema (draft 2020-12) of rule files, as JSON text: what `rules/schema.json` holds."""

def describe_rules(rules: str, name: str = "rules.toml") -> bytes:
    """The rule file `name` (its text: `rules`) as JSON text: `version`, `settings`, `ladders` (those that a rule names)
    and `rules`, each with its sentence (`text`), `id`, `kind`, `alert_type`, `technical`, `signs`, `steps`,
    `population`, `suppressed_by`, `latching`, `ladder`, `re_alarm_s`, and what only its kind has. Keys and units are
    those of rule files; a rule over several signs is a rule a sign.

    Raises `CoreError` with code `invalid_rule`, the field, and a message that begins with `NAME:LINE: `.
    """

@final
class Acceptance:
    """What the gateway may say, once the log has `records`."""

    @property
    def status(self) -> int:
        """HTTP status: 202 all accepted, 207 some, 4xx none."""
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes:
        """The JSON response (or problem document) to send after the log has acknowledged `records`."""
    @property
    def records(self) -> list[_Rec]: ...
    @property
    def accepted(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def error_counts(self) -> list[tuple[str, int]]: ...
    @property
    def unknown_devices(self) -> list[str]:
        """Not empty: nothing was decided. Look these up, `Admissions.apply`, and call again."""

@final
class Admissions:
    """Which devices may send, and with which key. Shared by all requests of a gateway; thread-safe."""

    def __new__(cls, require_keys: bool, allow_unknown: bool) -> Self: ...
    def apply(self, response: bytes) -> None:
        """Takes an encoded registry.GetAdmissionsResponse."""
    def invalidate(self, device_ids: Sequence[str]) -> None: ...
    def clear(self) -> None: ...
    def __len__(self) -> int: ...

@final
class Decoder:
    """The gateway's core: what the device said, accepted or refused item by item."""

    def __new__(cls, admissions: Admissions, partitions: int, max_items: int = 10_000) -> Self: ...
    def accept_json(self, body: bytes, key: str | None, traceparent: str | None, ingest_time_us: int) -> Acceptance: ...
    def accept_grpc(self, request: bytes, key: str | None, traceparent: str | None, ingest_time_us: int) -> Acceptance:
        """A telemetry.gateway.SendMeasurementsBatchRequest. `body` is then the encoded
        SendMeasurementsBatchResponse (a result per request); otherwise as `accept_json`."""

@final
class StageOutput:
    @property
    def records(self) -> list[_Rec]: ...
    @property
    def dead_letters(self) -> list[_Dead]: ...
    @property
    def observations_in(self) -> int: ...
    @property
    def observations_out(self) -> int: ...
    @property
    def dead_lettered(self) -> int: ...
    @property
    def counts(self) -> list[tuple[str, int]]:
        """Bounded names with counts: issue codes, orphans, duplicates, late …"""

@final
class Normalizer:
    def __new__(cls, batch_observations_max: int = 1000) -> Self: ...
    def process(
        self, topic: str, partition: int, offsets: Sequence[int], values: Sequence[bytes], process_time_us: int
    ) -> StageOutput:
        """Raw batches of one partition in; normalized batches of the same partition out."""

@final
class ContextTable:
    """device → links → patient context, with point-in-time look-up. Thread-safe."""

    def __new__(cls) -> Self: ...
    def apply(self, response: bytes) -> int:
        """Takes an encoded registry.GetContextsResponse; returns the number of devices now known."""
    def invalidate(self, device_ids: Sequence[str]) -> None:
        """These changed: they are missing from now on. Only a batch under way may still use them."""
    def clear(self) -> None:
        """All are missing from now on, and usable until the registry answers: while it is away nobody becomes
        an orphan. What was not seen since the last clearing is forgotten."""
    def __len__(self) -> int:
        """Devices with an answer that is still good."""

@final
class Enricher:
    def __new__(cls, table: ContextTable, partitions: int, batch_observations_max: int = 1000) -> Self: ...
    def missing(self, values: Sequence[bytes]) -> list[str]:
        """Device ids of these normalized batches that the table holds no good answer for, each once. The caller
        is to ask the registry for them and to `apply` its answer before `process`."""
    def process(
        self, topic: str, partition: int, offsets: Sequence[int], values: Sequence[bytes], process_time_us: int
    ) -> StageOutput:
        """Normalized batches in; enriched batches out, merged per output partition (by patient; an orphan
        by device). A device the table does not hold is marked CONTEXT_UNAVAILABLE and goes on."""

def feature_names() -> list[str]: ...
def feature_schema() -> str:
    """Hash of the feature names and their order."""

def score_names() -> list[str]:
    """Columns that the model must answer with: risk, anomaly, then anomaly per sign."""

@final
class Pending:
    """Rows waiting for their scores. Finish in the order of `begin`, per partition."""

    @property
    def rows(self) -> int: ...
    @property
    def features(self) -> bytes:
        """rows × len(feature_names()) float32, little endian, NaN = missing."""

@final
class EngineOutput:
    @property
    def scored(self) -> list[_Rec]: ...
    @property
    def alerts(self) -> list[tuple[int, bytes, bytes]]:
        """(partition, key, encoded AlertEvent), in the order they happened."""
    @property
    def dead_letters(self) -> list[_Dead]: ...
    @property
    def observations_in(self) -> int: ...
    @property
    def observations_out(self) -> int: ...
    @property
    def dead_lettered(self) -> int: ...
    @property
    def counts(self) -> list[tuple[str, int]]: ...

@final
class Engine:
    """Rules, scores and alarm state of the partitions this process owns."""

    def __new__(cls, rules_toml: str, batch_observations_max: int = 1000, rules_name: str = "rules.toml") -> Self:
        """`rules_name` is what a refusal calls the file: `NAME:LINE: what is wrong; a hint`."""
    @property
    def rule_set_version(self) -> str: ...
    def reload(self, rules_toml: str) -> None:
        """Keeps the old set and raises CoreError when the new one is wrong."""
    def begin(
        self, topic: str, partition: int, offsets: Sequence[int], values: Sequence[bytes], process_time_us: int
    ) -> Pending: ...
    def finish(self, pending: Pending, scores: bytes | None, model_version: str, process_time_us: int) -> EngineOutput:
        """`scores`: rows × len(score_names()) float32, or None when the model did not answer."""
    def assign(self, partition: int) -> None: ...
    def restore(self, partition: int, segments: Sequence[bytes]) -> int:
        """Restores snapshot + deltas in order; returns the next input offset to read."""
    def drop(self, partition: int) -> None: ...
    def checkpoint(self, partition: int, next_offset: int, full: bool) -> bytes:
        """State of the patients that changed since the last checkpoint (or all, when `full`)."""
    def due_us(self, partition: int) -> int | None:
        """The processing time from which on a tick changes something in the partition; None: nothing is due.
        It may be too early, never too late."""
    def explain(
        self,
        partition: int,
        patient_id: str,
        device_id: str,
        at_us: int,
        heard: Sequence[tuple[str, int, float, int]] = ...,
        scores: Sequence[float] = ...,
    ) -> bytes | None:
        """How every rule stands for a patient, or for a device that belongs to nobody (`patient_id` empty), after
        what the engine was given so far: JSON as docs/explain.md shows. None for a subject without state.

        What the engine does not keep: `heard`, the last usable value of each sign by type of device (type, number of
        the sign, value in its canonical unit, event time in µs; empty = not known), and `scores`, the model's answer
        to the last observation in the order of `score_names()` (NaN = none; empty = it had none)."""
    def held_offset(self, partition: int) -> int | None:
        """The lowest input offset of an observation that waits for an earlier one of its device."""
    def patients(self, partition: int) -> int: ...
    def state_bytes(self) -> int: ...

@final
class ScoredColumns:
    """Scored batches as columns for the analytics. Arrays are little endian, ready for `numpy.frombuffer`."""

    @property
    def observations(self) -> int: ...
    @property
    def values(self) -> int:
        """Vital values over all observations: the length of the `value_*` columns."""
    @property
    def patients(self) -> list[str]:
        """Distinct patient ids; index 0 is "" (orphans)."""
    @property
    def devices(self) -> list[str]:
        """Distinct device ids."""
    @property
    def wards(self) -> list[str]:
        """Distinct wards; index 0 is "" (not known)."""
    @property
    def models(self) -> list[str]:
        """Distinct versions of the models that scored; index 0 is "" (none did)."""
    def column(self, name: str) -> bytes:
        """One of: record u32 (index of the batch), patient u32, device u32, ward u32, model u32, event_time_us i64,
        ingest_time_us i64, process_time_us i64, flags u32 (ObservationFlag of all stages), source_offset u64,
        risk f32 and anomaly f32 (NaN = unavailable), news2 i32 (-1 = none) per observation; value_observation u32
        (index), value_sign u8, value_quality u32, value f64 per value."""

def scored_columns(values: Sequence[bytes]) -> ScoredColumns:
    """Reads scored batches, all or none: raises CoreError for a batch that cannot be read."""

@final
class Ledger:
    """Counts distinct observations per stage by event id, outside the pipeline's own counters."""

    def __new__(cls) -> Self: ...
    def add(self, stage: str, values: Sequence[bytes]) -> None:
        """stage: raw | normalized | enriched | scored | dead_letter | alerts."""
    def report(self) -> dict[str, dict[str, int]]:
        """Per stage: records, observations, distinct, duplicates, unreadable (records that could not be read whole
        and are not the original of a dead letter),
        missing (in raw, but neither here nor dead-lettered on the way here), invented (here, but not in raw)."""

def score_news2(
    respiratory_rate: float | None,
    spo2: float | None,
    spo2_scale: int,
    on_oxygen: bool | None,
    systolic: float | None,
    heart_rate: float | None,
    consciousness: str | None,
    temperature: float | None,
) -> tuple[int, bool, bool, list[tuple[str, int]], list[str], str]:
    """(total, partial, single_three, subscores, missing, risk)."""

_Plain: TypeAlias = tuple[int, bool, list[tuple[str, int]], list[str], str]
"""(total, partial, subscores, missing, risk)."""
_Bands: TypeAlias = list[tuple[float | None, int]]
"""(up to and including, points), ascending; the last has no end."""

def score_mews(
    respiratory_rate: float | None,
    heart_rate: float | None,
    systolic: float | None,
    temperature: float | None,
    consciousness: str | None,
) -> _Plain: ...
def score_qsofa(respiratory_rate: float | None, systolic: float | None, consciousness: str | None) -> _Plain: ...
def score_sirs(
    temperature: float | None,
    heart_rate: float | None,
    respiratory_rate: float | None,
    white_cell_count: float | None,
) -> _Plain: ...
def score_shock_index(heart_rate: float | None, systolic: float | None) -> tuple[float | None, list[str], str]:
    """(ratio, missing, risk)."""

@final
class PewsTable:
    """A paediatric table, read from TOML and checked; the default (Bedside PEWS) without a text."""

    def __new__(cls, toml: str | None = None) -> Self: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def high_from(self) -> int: ...
    @property
    def below_months(self) -> float:
        """The age from which the table holds nothing."""
    def by_age(self) -> list[tuple[str, float, str, _Bands]]:
        """(age band, below months, field, bands) of the signs that depend on age."""
    def at_any_age(self) -> list[tuple[str, _Bands]]:
        """(field, bands) of those that do not."""
    def effort(self) -> list[tuple[str, int]]:
        """(level, points) of the respiratory effort."""

def score_pews(
    table: PewsTable,
    age_months: float | None,
    heart_rate: float | None,
    systolic: float | None,
    capillary_refill: float | None,
    respiratory_rate: float | None,
    respiratory_effort: str | None,
    spo2: float | None,
    on_oxygen: bool | None,
    o2_flow: float | None,
    fio2: float | None,
) -> _Plain: ...
def news2_applicable(age_years: float | None, pregnant: bool) -> bool:
    """Not under 16 years, not in pregnancy. An unknown age does not silence the score."""

def score_table(score: str) -> list[dict[str, object]]:
    """One dict a row: field, when, unit, step, bands, levels. Empty for pews (`PewsTable`) and shock_index."""

def score_guidance_table(score: str) -> list[tuple[int, str, str, str]]:
    """(from, risk, monitoring, response), ascending."""

def score_guidance(score: str, total: int, risk: str) -> tuple[str, str]:
    """(monitoring, response) for a total of this risk."""
