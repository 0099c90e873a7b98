-- Whom an alarm's ladder names; and the new occasions on which people are told.
ALTER TABLE notification
    ADD COLUMN roles text[] NOT NULL DEFAULT '{""}',  -- of the escalation ladder; "" is whoever is told by default
    ADD COLUMN told_us bigint NOT NULL DEFAULT 0,     -- when its cause came, in processing time
    DROP CONSTRAINT notification_kind_check,
    ADD CONSTRAINT notification_kind_check CHECK (kind IN
        ('alarm', 'escalation', 're_alarm', 'returned', 'unacknowledged', 'resolved', 'digest'));
