-- How the alarm's signal stands (on, latched, acknowledged, off), who paused it, how far its ladder has come; what was
-- suppressed; and what the incident service says to the rules engine.

ALTER TABLE incidents
  ADD COLUMN presence          text NOT NULL DEFAULT 'on' CHECK (presence IN ('on', 'latched', 'acknowledged', 'off')),
  ADD COLUMN activation        text NOT NULL DEFAULT 'on' CHECK (activation IN ('on', 'paused', 'off')),
  ADD COLUMN paused_by         text,
  ADD COLUMN paused_until      timestamptz,
  ADD COLUMN pause_reason      text,
  ADD COLUMN escalation_level  integer NOT NULL DEFAULT 0,   -- the step of the ladder that was reached
  ADD COLUMN escalated_to      text,
  ADD COLUMN rule_text         text,
  -- The newest steps that sounded, acknowledged, paused and escalated: steps may come in any order.
  ADD COLUMN sounded_step      integer NOT NULL DEFAULT -1,
  ADD COLUMN acknowledged_step integer NOT NULL DEFAULT -1,
  ADD COLUMN pause_step        integer NOT NULL DEFAULT -1,
  ADD COLUMN escalation_step   integer NOT NULL DEFAULT -1;
UPDATE incidents SET presence = 'off' WHERE condition_ended;

-- Alarms that nobody was told of: who or which rule suppressed them, why, and until when. One row an episode and
-- suppression; an episode that outlives its suppression has an incident of the same id.
CREATE TABLE suppressions (
  event_id         uuid PRIMARY KEY,
  episode_id       uuid NOT NULL,
  step             integer NOT NULL,
  kind             text NOT NULL,
  alert_type       text NOT NULL,
  priority         smallint NOT NULL,
  severity         smallint NOT NULL,
  patient_id       text,
  device_id        text,
  ward             text,
  bed              text,
  rule_id          text NOT NULL,
  rule_set_version text NOT NULL,
  rule_text        text,
  message          text NOT NULL,
  suppressed_by    text,                 -- the rule that says it all; null when a person paused
  actor            text,
  reason           text,
  until_at         timestamptz,          -- null: does not end by itself
  onset_at         timestamptz,
  suppressed_at    timestamptz NOT NULL,
  stored_at        timestamptz NOT NULL,
  alert            jsonb NOT NULL
);
CREATE INDEX suppressions_newest ON suppressions (suppressed_at DESC, event_id);
CREATE INDEX suppressions_by_patient ON suppressions (patient_id, suppressed_at DESC);
CREATE INDEX suppressions_of ON suppressions (episode_id);

-- Controls for telemetry.enriched, written in the transaction of the act they come from.
CREATE TABLE outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id   uuid NOT NULL UNIQUE,
  control    bytea NOT NULL,             -- vigil.v1.Control
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at    timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
