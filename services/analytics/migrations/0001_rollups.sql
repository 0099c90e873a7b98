-- Roll-ups of vital signs and observation counts. Names are kept once and numbered, so that roll-up rows are
-- narrow and of fixed width (they are written by binary COPY). They have no foreign keys: names are numbered before
-- and never deleted, and a check per merged row would double its cost. Minutes and hours count from the Unix epoch.

CREATE TABLE subject (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id text NOT NULL, -- empty: a device that no patient is linked to
    device_id text NOT NULL,  -- empty for a patient
    UNIQUE (patient_id, device_id)
);
CREATE TABLE device (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE ward (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);

-- How far a partition of telemetry.scored has been counted: the highest offset of its enriched records.
-- It moves in the transaction of the roll-ups, so what is read again after a crash is not counted again.
CREATE TABLE progress (partition int PRIMARY KEY, source_offset bigint NOT NULL);

CREATE TABLE rollup_minute (
    subject_id int NOT NULL,
    minute bigint NOT NULL,
    sign smallint NOT NULL,       -- vigil.v1.Sign
    count bigint NOT NULL,        -- usable values
    unusable bigint NOT NULL,     -- implausible, sentinel, disconnected …: kept out of every average
    sum float8 NOT NULL,
    sum_squares float8 NOT NULL,
    min float8 NOT NULL,          -- Infinity when count = 0
    max float8 NOT NULL,          -- -Infinity when count = 0
    last float8 NOT NULL,         -- NaN when count = 0; the value of the latest event time
    last_time_us bigint NOT NULL,
    PRIMARY KEY (subject_id, minute, sign)
) WITH (fillfactor = 70); -- room for HOT updates: a minute is merged several times

CREATE TABLE subject_hour (
    subject_id int NOT NULL,
    ward_id int NOT NULL,
    hour bigint NOT NULL,
    observations bigint NOT NULL, -- without duplicates
    duplicates bigint NOT NULL,
    late bigint NOT NULL,
    orphans bigint NOT NULL,
    unscored bigint NOT NULL,     -- the model did not answer
    last_seen_us bigint NOT NULL,
    PRIMARY KEY (subject_id, hour, ward_id)
) WITH (fillfactor = 70);
CREATE INDEX ON subject_hour (hour);

CREATE TABLE device_hour (
    device_id int NOT NULL,
    hour bigint NOT NULL,
    observations bigint NOT NULL,
    duplicates bigint NOT NULL,
    late bigint NOT NULL,
    orphans bigint NOT NULL,
    unscored bigint NOT NULL,
    last_seen_us bigint NOT NULL,
    PRIMARY KEY (device_id, hour)
) WITH (fillfactor = 70);

-- Alarm episodes. Every step is kept by its event id, so that a step that is read again changes nothing.
CREATE TABLE alarm_step (
    event_id uuid PRIMARY KEY,
    episode_id uuid NOT NULL,
    phase smallint NOT NULL
);
CREATE TABLE alarm (
    episode_id uuid PRIMARY KEY,
    patient_id text NOT NULL,
    device_id text NOT NULL,
    ward text NOT NULL,
    rule_id text NOT NULL,
    alert_type text NOT NULL,
    kind smallint NOT NULL,       -- vigil.v1.AlertKind
    sign smallint NOT NULL,       -- of the first evidence; 0 when there is none
    priority smallint NOT NULL,   -- the highest the episode reached
    severity smallint NOT NULL,
    started_us bigint NOT NULL,
    ended_us bigint,
    updates int NOT NULL
);
CREATE INDEX ON alarm (started_us);
CREATE INDEX ON alarm (patient_id, started_us);
