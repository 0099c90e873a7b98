-- One incident per alarm episode; every step of the episode; every act of a person or of the system.

CREATE TABLE incidents (
  incident_id        uuid PRIMARY KEY,          -- the alert's episode id
  status             text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
  version            integer NOT NULL,          -- grows with every change
  kind               text NOT NULL CHECK (kind IN ('physiological', 'technical')),
  alert_type         text NOT NULL,
  priority           smallint NOT NULL,         -- vigil.v1.Priority, of the newest step
  priority_max       smallint NOT NULL,
  severity           smallint NOT NULL,         -- vigil.v1.Severity, of the newest step
  severity_max       smallint NOT NULL,
  patient_id         text,                      -- null for an orphan
  device_id          text,
  ward               text,
  bed                text,
  rule_id            text NOT NULL,
  rule_set_version   text NOT NULL,
  message            text NOT NULL,
  owner              text,
  last_step          integer NOT NULL,
  condition_ended    boolean NOT NULL,          -- the alarm condition is gone; the incident may still be latched
  condition_stale    boolean NOT NULL,
  onset_at           timestamptz,
  raised_at          timestamptz NOT NULL,
  ended_at           timestamptz,
  acknowledged_at    timestamptz,
  resolved_at        timestamptz,
  opened_at          timestamptz NOT NULL,      -- when it was stored
  updated_at         timestamptz NOT NULL,
  trace_id           text NOT NULL
);
CREATE INDEX incidents_newest ON incidents (raised_at DESC, incident_id);
CREATE INDEX incidents_open ON incidents (raised_at DESC, incident_id) WHERE status <> 'resolved';
CREATE INDEX incidents_by_patient ON incidents (patient_id, raised_at DESC);

-- The episode's steps as they came; event_id makes a repetition harmless.
CREATE TABLE incident_steps (
  event_id    uuid PRIMARY KEY,
  incident_id uuid NOT NULL REFERENCES incidents,
  step        integer NOT NULL,
  phase       text NOT NULL,
  priority    smallint NOT NULL,
  severity    smallint NOT NULL,
  event_at    timestamptz NOT NULL,
  stored_at   timestamptz NOT NULL,
  alert       jsonb NOT NULL                    -- the event's JSON form, evidence included
);
CREATE INDEX incident_steps_of ON incident_steps (incident_id, step);

-- The one history: who did what, from which status and owner to which. Only ever appended to.
CREATE TABLE incident_history (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident_id uuid NOT NULL REFERENCES incidents,
  at          timestamptz NOT NULL,
  actor       text NOT NULL,
  action      text NOT NULL,
  from_status text,
  to_status   text NOT NULL,
  from_owner  text,
  to_owner    text,
  note        text,
  version     integer NOT NULL,
  UNIQUE (incident_id, version)                 -- two people cannot do the same step
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the history is only appended to'; END $$;
CREATE TRIGGER incident_history_append_only BEFORE UPDATE OR DELETE ON incident_history
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
