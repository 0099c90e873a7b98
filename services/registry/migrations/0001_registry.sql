-- Who is on which device since when, with which limits; and the changes that others must hear of.

CREATE TABLE patients (
  patient_id         text PRIMARY KEY,
  age                integer CHECK (age BETWEEN 0 AND 130),
  birth_date         date,
  sex                text NOT NULL CHECK (sex IN ('female', 'male', 'other', 'unknown')),
  medical_conditions text[] NOT NULL,
  medications        text[] NOT NULL,
  allergies          text[] NOT NULL,
  ward               text,
  bed                text,
  pregnant           boolean NOT NULL,
  spo2_scale         smallint NOT NULL CHECK (spo2_scale IN (1, 2)),
  spo2_decision      jsonb,               -- scale 2 only by a recorded clinician decision
  baseline           jsonb NOT NULL,      -- sign -> value in canonical units
  metadata           jsonb NOT NULL,
  content_sha256     bytea NOT NULL,      -- of the request that created it: the same request again is no change
  registered_at      timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  CHECK (age IS NULL OR birth_date IS NULL),
  CHECK (spo2_scale = 1 OR spo2_decision IS NOT NULL)
);
CREATE INDEX patients_by_ward ON patients (ward);

CREATE TABLE devices (
  device_id      text PRIMARY KEY,
  device_type    text NOT NULL,
  status         text NOT NULL CHECK (status IN ('active', 'inactive', 'maintenance')),
  key_sha256     bytea,                   -- never the key itself
  metadata       jsonb NOT NULL,
  content_sha256 bytea NOT NULL,
  registered_at  timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL
);

-- A device belongs to a patient for event times in [from_at, to_at); to_at null = open. Links of a device
-- do not overlap: they are only written by the link route, with the device's row locked.
CREATE TABLE links (
  device_id  text NOT NULL REFERENCES devices,
  patient_id text NOT NULL REFERENCES patients,
  from_at    timestamptz NOT NULL,
  to_at      timestamptz,
  PRIMARY KEY (device_id, from_at),
  CHECK (to_at > from_at)
);
CREATE UNIQUE INDEX links_open ON links (device_id) WHERE to_at IS NULL;
CREATE INDEX links_by_patient ON links (patient_id);

-- What was said about links, in the order it was said; nothing is ever removed here.
CREATE TABLE link_statements (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device_id   text NOT NULL,
  patient_id  text,                       -- null = unlinked
  from_at     timestamptz NOT NULL,
  trace_id    bytea NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE threshold_profiles (
  patient_id text NOT NULL REFERENCES patients,
  version    integer NOT NULL,
  profile_id text NOT NULL,
  limits     jsonb NOT NULL,              -- sign -> {low, high, criticalLow, criticalHigh}
  note       text,
  decided_by text,
  updated_at timestamptz NOT NULL,
  current    boolean NOT NULL,
  PRIMARY KEY (patient_id, version)
);
CREATE UNIQUE INDEX threshold_profiles_current ON threshold_profiles (patient_id) WHERE current;

-- Hubs send for many devices with one key of their own.
CREATE TABLE hubs (
  hub_id         text PRIMARY KEY,
  key_sha256     bytea NOT NULL UNIQUE,
  status         text NOT NULL CHECK (status IN ('active', 'revoked')),
  metadata       jsonb NOT NULL,
  content_sha256 bytea NOT NULL,
  registered_at  timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL
);

-- Written in the transaction that changes something, read by the relay, marked when the log has it.
CREATE TABLE outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id   uuid NOT NULL DEFAULT gen_random_uuid(),
  entity     smallint NOT NULL,           -- vigil.v1.RegistryEntity
  key        text NOT NULL,               -- the entity's kind and id; a bulk change has a key of its own
  patient_id text NOT NULL,
  device_ids text[] NOT NULL,
  trace_id   bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at    timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
