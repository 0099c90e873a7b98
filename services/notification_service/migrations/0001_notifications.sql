-- Notifications: one row per alert step (or digest) and channel.
CREATE TABLE notification (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL,           -- the alert's; for a digest derived from its members'
    channel text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('alarm', 'escalation', 'resolved', 'digest')),
    status text NOT NULL CHECK (status IN ('pending', 'held', 'sent', 'failed', 'grouped')),
    limiter text NOT NULL CHECK (limiter IN ('undecided', 'bypass', 'allowed', 'refused', 'unavailable')),
    reason text NOT NULL DEFAULT '',
    priority smallint NOT NULL,       -- vigil.v1.Priority
    severity smallint NOT NULL,       -- vigil.v1.Severity
    episode_id uuid,
    step int NOT NULL DEFAULT 0,
    limit_key text NOT NULL,          -- whose rate limit: patient:<id> or device:<id>
    patient_id text NOT NULL DEFAULT '',
    device_id text NOT NULL DEFAULT '',
    ward text NOT NULL DEFAULT '',
    bed text NOT NULL DEFAULT '',
    rule_id text NOT NULL DEFAULT '',
    trace_id text NOT NULL DEFAULT '',
    title text NOT NULL,
    body text NOT NULL,
    event_time_us bigint NOT NULL,
    group_id uuid,                    -- the digest that speaks for this one
    attempts int NOT NULL DEFAULT 0,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    UNIQUE (event_id, channel)
);
CREATE INDEX ON notification (channel, priority DESC, next_attempt_at)
    WHERE status = 'pending' AND limiter <> 'undecided';
CREATE INDEX ON notification (next_attempt_at)
    WHERE status = 'held' OR (status = 'pending' AND limiter = 'undecided');
CREATE INDEX ON notification (limit_key)
    WHERE status = 'held' OR (status = 'pending' AND limiter = 'undecided');
CREATE INDEX ON notification (episode_id, step);
CREATE INDEX ON notification (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX ON notification (patient_id, sequence DESC);
CREATE INDEX ON notification (sequence DESC);
